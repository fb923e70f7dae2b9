// SPDX-License-Identifier: MIT
// 2: how many blocks of which size were asked for, and when.
import { axis, chart } from '../chart.js';
import { asTable, empty, section } from '../dom.js';
import { bytes, count, percent, share, short, time } from '../format.js';

const sum = (list) => list.reduce((total, value) => total + value, 0);

// "1 KiB – 2 KiB": requests of at least the first and less than the second.
const range = (map, row) => (map.row_bytes[row + 1] < 2 ** 62
  ? `${bytes(map.row_bytes[row])} – ${bytes(map.row_bytes[row + 1])}` : `from ${bytes(map.row_bytes[row])}`);

function rowTotals(map) {
  return map.row_bytes.slice(0, -1).map((_, row) => sum(map.counts.map((column) => column[row])));
}

function reading(profile, totals) {
  const all = sum(totals);
  if (all === 0) return 'No allocation was seen.';
  const top = totals.indexOf(Math.max(...totals));
  let seen = 0;
  const median = totals.findIndex((value) => (seen += value) * 2 >= all);
  return `Most requests (${percent(share(totals[top], all))}) are of ${range(profile.size_heatmap, top)}; `
    + `the median is of ${range(profile.size_heatmap, median)}, `
    + `the mean is ${bytes(share(profile.totals.allocated_bytes, profile.totals.allocations))}.`;
}

// Counts differ by powers of ten, so colours go by the logarithm.
function options(map, c, narrow) {
  const cells = [];
  map.counts.forEach((column, x) => column.forEach((value, y) => {
    if (value > 0) cells.push([x, y, Math.log10(value + 1), value]);
  }));
  const max = Math.max(...cells.map((cell) => cell[2]));
  return {
    grid: { left: 8, right: 12, top: 8, bottom: 44, containLabel: true },
    tooltip: {
      formatter: ({ value: [x, y, , n] }) => `${time(map.column_ns[x])}<br>${range(map, y)}: <b>${count(n)}</b>`,
    },
    xAxis: axis(c, { type: 'category', data: map.column_ns.slice(0, -1).map(time), splitLine: { show: false } }),
    yAxis: axis(c, { type: 'category', data: map.row_bytes.slice(0, -1).map(bytes), splitLine: { show: false } }),
    visualMap: {
      min: 0,
      max,
      calculable: false,
      orient: 'horizontal',
      left: 'center',
      bottom: 0,
      dimension: 2,
      itemHeight: narrow ? 90 : 160,
      itemWidth: 12,
      text: [`${short(10 ** max - 1)} a step`, '1'],
      textStyle: { color: c.dim },
      inRange: { color: [c.cold, c.bar, c.warm] },
    },
    series: [{ type: 'heatmap', data: cells, progressive: 0, itemStyle: { borderColor: c.card, borderWidth: 0.5 } }],
  };
}

export function sizes(profile) {
  const map = profile.size_heatmap;
  const totals = rowTotals(map);
  const text = reading(profile, totals);
  if (sum(totals) === 0) return section('sizes', 'Sizes of requests over time', text, empty('Nothing to show.'));
  const rows = totals.map((value, row) => [range(map, row), count(value), percent(share(value, sum(totals)))]).filter(([, value]) => value !== '0');
  return section('sizes', 'Sizes of requests over time', text,
    chart(`Allocation sizes over time. ${text}`, 'tall', (c, narrow) => options(map, c, narrow)),
    asTable(['size of the request', 'allocations', 'share'], rows));
}
