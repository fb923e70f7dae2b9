// SPDX-License-Identifier: MIT
// Numbers as people read them. Units of bytes are powers of 1024.

// Three digits, no zeros behind the point.
const trim = (value) => (value >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3))));

function scaled(value, step, units) {
  let unit = 0;
  let rest = Math.abs(value);
  while (rest >= step && unit < units.length - 1) {
    rest /= step;
    unit += 1;
  }
  return `${value < 0 ? '−' : ''}${trim(rest)}${units[unit]}`;
}

export const bytes = (value) => scaled(value, 1024, [' B', ' KiB', ' MiB', ' GiB', ' TiB', ' PiB']);

// A step between ticks of an axis: a power of two, so that labels are round; four to eight of them.
export const byteStep = (max) => 2 ** Math.max(0, Math.ceil(Math.log2(Math.max(1, max) / 8)));

export const short = (value) => scaled(value, 1000, ['', ' k', ' M', ' G', ' T', ' P']);

export const count = (value) => Math.round(value).toLocaleString('en-US');

export const duration = (ns) => scaled(ns, 1000, [' ns', ' µs', ' ms', ' s']);

// A point on the time axis, from the start of the recording.
export function time(ns) {
  const seconds = ns / 1e9;
  if (seconds < 1) return duration(ns);
  if (seconds < 120) return `${trim(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 120) return `${minutes} min ${String(Math.floor(seconds % 60)).padStart(2, '0')} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}

export function percent(ratio) {
  if (!Number.isFinite(ratio)) return '–';
  const value = ratio * 100;
  if (value === 0 || Math.abs(value) >= 10) return `${value.toFixed(0)} %`;
  return Math.abs(value) < 0.01 ? '< 0.01 %' : `${value.toFixed(Math.abs(value) < 1 ? 2 : 1)} %`;
}

export const plural = (value, one, many = `${one}s`) => `${count(value)} ${value === 1 ? one : many}`;

// 0 for 0 / 0, which no reader wants to see as NaN.
export const share = (part, whole) => (whole > 0 ? part / whole : 0);
