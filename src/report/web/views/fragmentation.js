// SPDX-License-Identifier: MIT
// 6: memory that is held and not used: rounding up inside blocks, and free room between them.
import { axis, chart } from '../chart.js';
import { asTable, empty, section } from '../dom.js';
import { bytes, count, percent, plural, share, short } from '../format.js';
import { siteName } from '../sites.js';

const known = (value) => value !== null && value !== undefined;

function reading({ internal_ratio: internal, external_ratio: external }) {
  const inside = known(internal) ? `${percent(internal)} of the blocks' bytes are rounding up (internal)` : 'internal fragmentation was not measured';
  const between = known(external) ? `${percent(external)} of the resident heap holds no live block (external)` : 'external fragmentation was not measured';
  return `${inside}; ${between}.`;
}

function gauge(name, ratio, centre, c, narrow) {
  const value = Math.max(0, ratio);
  const colour = value < 0.2 ? c.go : value < 0.5 ? c.cond : c.no;
  return {
    type: 'gauge',
    center: [centre, '62%'],
    radius: narrow ? '74%' : '92%',
    startAngle: 200,
    endAngle: -20,
    min: 0,
    max: 100,
    progress: { show: true, width: 14, itemStyle: { color: colour } },
    axisLine: { lineStyle: { width: 14, color: [[1, c.grid]] } },
    axisTick: { show: false },
    splitLine: { show: false },
    axisLabel: { show: false },
    pointer: { show: false },
    anchor: { show: false },
    title: { offsetCenter: [0, '32%'], color: c.dim, fontSize: 13 },
    detail: { offsetCenter: [0, '-2%'], color: c.ink, fontSize: narrow ? 20 : 26, fontWeight: 600, formatter: () => percent(value) },
    data: [{ value: value * 100, name }],
  };
}

function gauges(found, c, narrow) {
  const shown = [['internal', found.internal_ratio], ['external', found.external_ratio]].filter(([, value]) => known(value));
  return { series: shown.map(([name, value], i) => gauge(name, value, `${(100 / shown.length) * (i + 0.5)}%`, c, narrow)) };
}

const tenth = (i) => `${i * 10}–${i * 10 + 10} %`;

function occupancy(pages, c) {
  return {
    grid: { left: 8, right: 12, top: 28, bottom: 8, containLabel: true },
    title: { show: false },
    tooltip: { trigger: 'axis', axisPointer: { type: 'shadow' }, formatter: ([p]) => `${tenth(p.dataIndex)} full: <b>${count(p.value)}</b> pages` },
    xAxis: axis(c, { type: 'category', data: pages.map((_, i) => tenth(i)), splitLine: { show: false } }),
    yAxis: axis(c, { type: 'value', name: 'pages', axisLabel: { formatter: short } }),
    series: [{
      type: 'bar',
      barCategoryGap: '12%',
      data: pages.map((value, i) => ({ value, itemStyle: { color: i < 3 ? c.second : c.bar } })),
    }],
  };
}

function facts(found) {
  const rows = [
    ['requested', bytes(found.requested_bytes)],
    ['usable', bytes(found.usable_bytes)],
    ['resident heap', known(found.heap_rss_bytes) ? bytes(found.heap_rss_bytes) : '–'],
    ['largest free block', known(found.largest_free_bytes) ? bytes(found.largest_free_bytes) : 'this allocator does not tell'],
    ['free blocks', known(found.free_blocks) ? count(found.free_blocks) : 'this allocator does not tell'],
  ];
  return asTable(['of live blocks', ''], rows);
}

function occupancyReading(pages) {
  const all = pages.reduce((total, value) => total + value, 0);
  const sparse = pages[0] + pages[1] + pages[2];
  return `How full the pages with live blocks are: ${plural(sparse, 'page')} (${percent(share(sparse, all))}) below 30 %.`;
}

function culprits(profile, found) {
  if (!found.pins.length) return [];
  const rows = found.pins.map((pin) => [siteName(profile, pin.site), count(pin.pages), bytes(pin.bytes)]);
  return [asTable(['who keeps pages that are nearly empty', 'pages', 'free bytes in them'], rows)];
}

export function fragmentation(profile) {
  const found = profile.fragmentation;
  const text = reading(found);
  const pages = found.occupancy;
  const body = [];
  if (known(found.internal_ratio) || known(found.external_ratio)) body.push(chart(`Fragmentation. ${text}`, 'low', (c, narrow) => gauges(found, c, narrow)));
  else body.push(empty('Neither was measured.'));
  if (pages.some((value) => value > 0)) {
    const said = occupancyReading(pages);
    body.push(document.createElement('p'), chart(said, 'low', (c) => occupancy(pages, c), pages.length));
    body[1].append(said);
    body[1].className = 'dim';
  }
  return section('fragmentation', 'Fragmentation', text, ...body, facts(found), ...culprits(profile, found));
}
