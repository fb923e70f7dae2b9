// SPDX-License-Identifier: MIT
// The dashboard: reads the profile that `shale report --html` put into the page (share/schema/
// profile.schema.json) and draws the views in their order. It opens from a file and asks no network.
import { redrawCharts, startCharts } from './chart.js';
import { el } from './dom.js';
import { flameGraph } from './flame.js';
import { bytes, count, duration, percent, share, time } from './format.js';
import { load } from './load.js';
import { leakTable, siteTable } from './tables.js';
import { advice } from './views/advice.js';
import { flow } from './views/flow.js';
import { fragmentation } from './views/fragmentation.js';
import { latency } from './views/latency.js';
import { sizes } from './views/sizes.js';
import { threads } from './views/threads.js';
import { timeline } from './views/timeline.js';

const views = [timeline, sizes, latency, threads, flow, fragmentation, advice, flameGraph, siteTable, leakTable];
const wide = new Set(['timeline', 'sizes', 'advice']);

function figure(name, value, note) {
  return el('div', {}, el('dt', {}, name), el('dd', {}, value, note ? el('small', {}, note) : null));
}

function figures({ totals, latency: { alloc } }) {
  return el('dl', { class: 'figures' },
    figure('Peak of live memory', bytes(totals.peak_bytes), `after ${time(totals.peak_ns)}`),
    figure('Allocations', count(totals.allocations), `${bytes(totals.allocated_bytes)} in all`),
    figure('Temporary', percent(share(totals.temporary, totals.allocations)), 'freed before the next allocation'),
    figure('Freed by another thread', percent(share(totals.cross_thread_frees, totals.frees)), `${count(totals.cross_thread_frees)} frees`),
    alloc.count ? figure('malloc, P99', duration(alloc.p99_ns), `median ${duration(alloc.p50_ns)}`) : null,
    figure('Leaked', bytes(totals.leaked_bytes), `${count(totals.leaked_blocks)} blocks`));
}

function themeButton() {
  const root = document.documentElement;
  const dark = () => (root.dataset.theme ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light')) === 'dark';
  const button = el('button', { type: 'button', onclick: () => {
    root.dataset.theme = dark() ? 'light' : 'dark';
    name();
    redrawCharts();
  } });
  const name = () => { button.textContent = dark() ? 'Light' : 'Dark'; button.setAttribute('aria-label', `Show in ${dark() ? 'light' : 'dark'} colours`); };
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => { name(); redrawCharts(); });
  name();
  return button;
}

const modes = {
  counters: 'counters only: no stacks',
  sample: 'sampled: figures of call sites are estimates',
  full: 'every allocation recorded',
};

function heading({ process, recording }) {
  const ended = { running: ', still running', killed: ', killed', disk_full: ', recording stopped: the disk was full', failed: ', recording stopped' }[recording.end] ?? '';
  const facts = [`process ${process.pid}${ended}`, process.allocator, modes[recording.mode], `${duration(recording.duration_ns)} from ${recording.started}`];
  return el('header', { class: 'top' },
    el('div', {}, el('h1', {}, process.name), el('p', { class: 'mono' }, process.command), el('p', { class: 'dim' }, facts.filter(Boolean).join(' · '))),
    themeButton());
}

// Wide tables and the nav must not make the page itself scroll sideways; the nav scrolls on its own.
function navigation(sections) {
  return el('nav', { 'aria-label': 'Views' }, sections.map((node) => el('a', { href: `#${node.id}` }, node.querySelector('h2').textContent)));
}

function start() {
  const profile = load(document.getElementById('profile').textContent);
  document.title = `${profile.process.name}: heap profile`;
  const sections = views.map((view) => view(profile));
  sections.forEach((node) => wide.has(node.id) && node.classList.add('wide'));
  document.getElementById('page').append(
    heading(profile), figures(profile), navigation(sections),
    el('main', { id: 'content', tabindex: -1 }, sections),
    el('footer', { class: 'dim' }, `Made by shale ${profile.shale}. Everything is in this file; it asks nothing of any network.`));
  startCharts();
}

start();
