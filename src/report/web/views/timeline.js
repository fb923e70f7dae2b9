// SPDX-License-Identifier: MIT
// 1: live bytes and resident memory over time, with the peak marked.
import { axis, chart, escaped } from '../chart.js';
import { asTable, empty, section } from '../dom.js';
import { bytes, byteStep, duration, percent, share, time } from '../format.js';

function reading(profile) {
  const { totals, recording } = profile;
  const at = `${bytes(totals.peak_bytes)} live at the peak, ${time(totals.peak_ns)} after the start`;
  const left = totals.live_bytes === 0 ? 'nothing was left at the end'
    : `${bytes(totals.live_bytes)} (${percent(share(totals.live_bytes, totals.peak_bytes))} of it) at the end`;
  return `${at}; ${left}, after ${duration(recording.duration_ns)}.`;
}

const pairs = (line, values) => line.time_ns.map((at, i) => [at, values[i]]);

function lines(profile, c) {
  const line = profile.timeline;
  const { peak_bytes: peak, peak_ns: at } = profile.totals;
  const live = {
    name: 'live',
    type: 'line',
    showSymbol: false,
    data: pairs(line, line.live_bytes),
    lineStyle: { color: c.bar, width: 2 },
    itemStyle: { color: c.bar },
    areaStyle: { color: c.bar, opacity: 0.15 },
    markPoint: {
      symbol: 'circle',
      symbolSize: 9,
      itemStyle: { color: c.no },
      label: { show: true, position: 'right', color: c.ink, formatter: `peak ${bytes(peak)}` },
      data: [{ coord: [at, peak] }],
    },
  };
  const span = line.time_ns.length ? line.time_ns[line.time_ns.length - 1] : 0;
  if (at > span / 2) live.markPoint.label.position = 'left';
  const rss = {
    name: 'resident (RSS)',
    type: 'line',
    showSymbol: false,
    data: pairs(line, line.rss_bytes),
    lineStyle: { color: c.second, width: 1.5, type: 'dashed' },
    itemStyle: { color: c.second },
  };
  return Math.max(...line.rss_bytes) > 0 ? [live, rss] : [live];
}

function tip(points) {
  const rows = points.map((p) => `${p.marker}${escaped(p.seriesName)}: <b>${bytes(p.value[1])}</b>`);
  return `${time(points[0].value[0])}<br>${rows.join('<br>')}`;
}

export function timeline(profile) {
  const { timeline: line, totals } = profile;
  const text = reading(profile);
  if (line.time_ns.length < 2) return section('timeline', 'Memory over time', text, empty('Too short for a line: the program ended before a second look.'));
  const top = Math.max(totals.peak_bytes, ...line.live_bytes, ...line.rss_bytes);
  const step = byteStep(top);
  const options = (c) => ({
    grid: { left: 8, right: 20, top: 36, bottom: 8, containLabel: true },
    legend: { top: 0, left: 0, textStyle: { color: c.ink } },
    tooltip: { trigger: 'axis', formatter: tip },
    xAxis: axis(c, { type: 'value', min: 0, max: line.time_ns[line.time_ns.length - 1], axisLabel: { formatter: time, showMaxLabel: false } }),
    yAxis: axis(c, { type: 'value', interval: step, max: Math.ceil(top / step) * step, axisLabel: { formatter: bytes } }),
    series: lines(profile, c),
  });
  const rows = line.time_ns.map((at, i) => [time(at), bytes(line.live_bytes[i]), bytes(line.rss_bytes[i])]);
  return section('timeline', 'Memory over time', text,
    chart(`Live and resident memory over time. ${text}`, 'tall', options, line.time_ns.length),
    asTable(['time', 'live', 'resident'], rows));
}
