// SPDX-License-Identifier: MIT
// ECharts, with only what the views use, and one way to put a chart on the page: it follows the page's
// colours and width, and arrow keys move along it.
import * as echarts from 'echarts/core';
import { BarChart, GaugeChart, HeatmapChart, LineChart, SankeyChart } from 'echarts/charts';
import {
  GridComponent, LegendComponent, MarkLineComponent, MarkPointComponent, TooltipComponent,
  VisualMapComponent,
} from 'echarts/components';
import { CanvasRenderer } from 'echarts/renderers';
import { el } from './dom.js';

echarts.use([BarChart, GaugeChart, HeatmapChart, LineChart, SankeyChart, GridComponent, LegendComponent,
  MarkLineComponent, MarkPointComponent, TooltipComponent, VisualMapComponent, CanvasRenderer]);

const charts = [];

export function colours() {
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(`--${name}`).trim();
  return Object.fromEntries(['ink', 'dim', 'line', 'card', 'accent', 'bar', 'second', 'third', 'fourth', 'grid',
    'cold', 'warm', 'go', 'cond', 'no'].map((name) => [name, read(name)]));
}

const escapes = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

// Tooltips are HTML; whatever a formatter puts into them goes through here.
export const escaped = (text) => String(text).replace(/[&<>"']/g, (c) => escapes[c]);

export const axis = (c, more = {}) => ({
  axisLine: { lineStyle: { color: c.line } },
  axisTick: { show: false },
  axisLabel: { color: c.dim, hideOverlap: true, ...more.axisLabel },
  splitLine: { lineStyle: { color: c.grid } },
  nameTextStyle: { color: c.dim },
  ...Object.fromEntries(Object.entries(more).filter(([key]) => key !== 'axisLabel')),
});

const tooltip = (c) => ({
  confine: true,
  backgroundColor: c.card,
  borderColor: c.line,
  textStyle: { color: c.ink, fontSize: 13 },
});

function draw(entry) {
  const c = colours();
  const narrow = entry.node.clientWidth < 420;
  const option = entry.build(c, narrow);
  entry.chart.setOption({
    animation: false,
    textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, color: c.ink },
    ...option,
    tooltip: { ...tooltip(c), ...option.tooltip },
  }, true);
  entry.narrow = narrow;
}

// Left and right walk over the points of the first series, Home and End go to its ends.
function walk(entry, event) {
  const length = entry.points;
  const steps = { ArrowRight: 1, ArrowLeft: -1, Home: -length, End: length };
  if (!length || !(event.key in steps)) return;
  event.preventDefault();
  const from = entry.at ?? (steps[event.key] > 0 ? -1 : length);
  entry.at = Math.min(length - 1, Math.max(0, from + steps[event.key]));
  entry.chart.dispatchAction({ type: 'showTip', seriesIndex: 0, dataIndex: entry.at });
}

// A box for a chart; `build(colours, narrow)` returns its options, `points` is what arrow keys walk over.
export function chart(label, size, build, points = 0) {
  const node = el('div', { class: `chart ${size}`, role: 'img', 'aria-label': label, tabindex: 0 });
  const entry = { node, build, points };
  node.addEventListener('keydown', (event) => walk(entry, event));
  node.addEventListener('blur', () => entry.chart?.dispatchAction({ type: 'hideTip' }));
  charts.push(entry);
  return node;
}

// Once, when the boxes are on the page and have a size.
export function startCharts() {
  const resized = new ResizeObserver((changes) => {
    for (const { target } of changes) {
      const entry = charts.find(({ node }) => node === target);
      if (entry.chart.getWidth() === target.clientWidth) continue;
      entry.chart.resize();
      draw(entry);
    }
  });
  for (const entry of charts) {
    entry.chart = echarts.init(entry.node);
    draw(entry);
    resized.observe(entry.node);
  }
}

export const redrawCharts = () => charts.forEach(draw);
