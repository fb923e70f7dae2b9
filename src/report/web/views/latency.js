// SPDX-License-Identifier: MIT
// 3: how long malloc and free took, with their percentiles.
import { axis, chart } from '../chart.js';
import { asTable, empty, section } from '../dom.js';
import { count, duration, percent, share } from '../format.js';

const marks = [['p50', 'p50_ns'], ['p95', 'p95_ns'], ['p99', 'p99_ns'], ['p99.9', 'p999_ns']];

function reading({ alloc, free }, recording) {
  if (alloc.count === 0) return 'Latency was not measured.';
  const every = recording.latency_every > 1 ? `, one operation in ${recording.latency_every} timed` : '';
  const of = (name, side) => `${name} takes ${duration(side.p50_ns)} in the median, ${duration(side.p99_ns)} at P99 and ${duration(side.p999_ns)} at P99.9`;
  const freed = free.count ? `; ${of('a free', free)}` : '';
  return `An allocation ${of('', alloc).trim()}${freed}${every}.`;
}

// Buckets as points of a step line: share of operations per bucket of equal width on a log scale.
function points(side) {
  const data = [];
  for (const bucket of side.buckets) {
    const end = bucket.high_ns + 1;
    const last = data[data.length - 1];
    if (last && last[2] < bucket.low_ns) data.push([last[2], 0, bucket.low_ns]);
    data.push([Math.max(1, bucket.low_ns), share(bucket.count, side.count), end]);
  }
  if (data.length) data.push([data[data.length - 1][2], 0, data[data.length - 1][2]]);
  return data;
}

// Where each percentile is, and its label: of those too near each other the last says the names of all.
function labels(side, span, narrow) {
  const near = narrow ? 0.16 : 0.08;
  const list = [];
  for (const [mark, key] of marks) {
    const at = Math.max(1, side[key]);
    const last = list[list.length - 1];
    if (last && Math.log(at / last[0]) / span < near) list[list.length - 1] = [at, `${last[1]}, ${mark}`, [...last[2], last[0]]];
    else list.push([at, mark, []]);
  }
  return list.flatMap(([at, text, others]) => [...others.map((other) => [other, '']), [at, text]]);
}

function series(name, side, grid, colour, c, narrow, span) {
  return {
    name,
    type: 'line',
    step: 'end',
    showSymbol: false,
    xAxisIndex: grid,
    yAxisIndex: grid,
    data: points(side),
    lineStyle: { color: colour, width: 1.5 },
    itemStyle: { color: colour },
    areaStyle: { color: colour, opacity: 0.25 },
    markLine: {
      symbol: 'none',
      silent: true,
      lineStyle: { color: c.dim, type: 'dashed' },
      data: labels(side, span, narrow).map(([at, text], i) => ({
        xAxis: at,
        label: { formatter: text, color: c.ink, fontSize: 11, distance: i % 2 ? 1 : 13 },
      })),
    },
  };
}

function options(latency, c, narrow) {
  const sides = [['malloc', latency.alloc, c.bar], ['free', latency.free, c.third]].filter(([, side]) => side.count > 0);
  const all = sides.flatMap(([, side]) => side.buckets);
  const min = Math.max(1, Math.min(...all.map((bucket) => bucket.low_ns)));
  const max = Math.max(...all.map((bucket) => bucket.high_ns + 1));
  const height = 100 / sides.length;
  return {
    grid: sides.map((_, i) => ({ left: 52, right: 16, top: `${i * height + 11}%`, height: `${height - (i === sides.length - 1 ? 20 : 15)}%` })),
    tooltip: {
      trigger: 'axis',
      formatter: ([p]) => `${p.seriesName}, from ${duration(p.value[0])}: <b>${percent(p.value[1])}</b>`,
    },
    xAxis: sides.map((_, i) => axis(c, {
      type: 'log', gridIndex: i, min, max, axisLabel: { formatter: duration, show: i === sides.length - 1 }, splitLine: { show: false },
    })),
    yAxis: sides.map(([name], i) => axis(c, {
      type: 'value', gridIndex: i, name, nameLocation: 'middle', nameGap: 38, splitNumber: 2, axisLabel: { formatter: percent },
    })),
    series: sides.map(([name, side, colour], i) => series(name, side, i, colour, c, narrow, Math.log(max / min))),
  };
}

export function latency(profile) {
  const text = reading(profile.latency, profile.recording);
  const { alloc, free } = profile.latency;
  if (alloc.count + free.count === 0) return section('latency', 'Latency of malloc and free', text, empty('Record with latency on to see it.'));
  const row = (name, side) => [name, count(side.count), ...marks.map(([, key]) => duration(side[key])), duration(side.max_ns)];
  return section('latency', 'Latency of malloc and free', text,
    chart(`Distribution of latencies. ${text}`, 'tall', (c, narrow) => options(profile.latency, c, narrow)),
    asTable(['', 'timed', 'P50', 'P95', 'P99', 'P99.9', 'longest'],
      [row('malloc', alloc), row('free', free)].filter(([, n]) => n !== '0')));
}
