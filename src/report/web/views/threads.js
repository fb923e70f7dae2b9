// SPDX-License-Identifier: MIT
// 4: which threads allocate and free.
import { axis, chart, escaped } from '../chart.js';
import { asTable, empty, section } from '../dom.js';
import { bytes, count, percent, plural, share, short } from '../format.js';

const shownMax = 16;

export const threadName = (thread) => (thread.many ? 'all others' : thread.name || `thread ${thread.os_id}`);

function reading(threads, totals) {
  const [first] = threads;
  if (!first) return 'No thread allocated.';
  const names = `${threadName(first)} makes ${percent(share(first.allocations, totals.allocations))} of the allocations`;
  return `${plural(threads.length, 'thread')} allocated or freed; ${names}.`;
}

function bars(threads, c) {
  const bar = (name, colour, of) => ({
    name, type: 'bar', stack: 'all', data: threads.map(of), itemStyle: { color: colour }, barMaxWidth: 22,
  });
  return [
    bar('allocations', c.bar, (t) => t.allocations),
    bar('frees of its own', c.third, (t) => Math.max(0, t.frees - t.cross_frees_sent)),
    bar("frees of others' blocks", c.second, (t) => t.cross_frees_sent),
  ];
}

function tip(threads, points) {
  const thread = threads[points[0].dataIndex];
  const rows = points.map((p) => `${p.marker}${escaped(p.seriesName)}: <b>${count(p.value)}</b>`);
  return `${escaped(threadName(thread))} (${thread.os_id})<br>${rows.join('<br>')}<br>allocated ${bytes(thread.allocated_bytes)}`;
}

function options(threads, c, narrow) {
  return {
    grid: { left: 8, right: 24, top: narrow ? 66 : 36, bottom: 8, containLabel: true },
    legend: { top: 0, left: 0, textStyle: { color: c.ink }, itemWidth: 14 },
    tooltip: { trigger: 'axis', axisPointer: { type: 'shadow' }, formatter: (points) => tip(threads, points) },
    xAxis: axis(c, { type: 'value', axisLabel: { formatter: short }, splitNumber: narrow ? 3 : 5 }),
    yAxis: axis(c, {
      type: 'category', inverse: true, data: threads.map(threadName), axisLabel: { width: narrow ? 90 : 140, overflow: 'truncate' },
    }),
    series: bars(threads, c),
  };
}

export function threads(profile) {
  const all = [...profile.threads].sort((a, b) => b.allocations + b.frees - a.allocations - a.frees);
  const text = reading(all, profile.totals);
  const columns = ['thread', 'id', 'allocations', 'frees', 'allocated', "of others' blocks", 'by others'];
  const row = (t) => [threadName(t), t.os_id, count(t.allocations), count(t.frees), bytes(t.allocated_bytes), count(t.cross_frees_sent), count(t.cross_frees_received)];
  if (all.length === 0) return section('threads', 'Threads', text, empty('Nothing to show.'));
  return section('threads', 'Threads', text,
    chart(`Allocations and frees by thread. ${text}`, 'tall', (c, narrow) => options(all.slice(0, shownMax), c, narrow), Math.min(all.length, shownMax)),
    asTable(columns, all.map(row)));
}
