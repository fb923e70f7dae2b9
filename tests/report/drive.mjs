// SPDX-License-Identifier: MIT
// drive.mjs MODULES CHROMIUM PAGE WIDTH light|dark SCREENSHOT: opens a report in a headless browser, uses
// it as a person would, and prints what it saw as JSON. What has to hold is in test_dashboard.py.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [modules, executablePath, page, width, colorScheme, screenshot] = process.argv.slice(2);
const { chromium } = createRequire(join(modules, 'node_modules', '.'))('playwright-core');

const browser = await chromium.launch({ timeout: 180000, executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
const context = await browser.newContext({ viewport: { width: Number(width), height: 900 }, colorScheme });
const tab = await context.newPage();
const seen = { console: [], requests: [] };
tab.setDefaultTimeout(180000);
tab.on('console', (message) => seen.console.push(`${message.type()}: ${message.text()}`));
tab.on('pageerror', (error) => seen.console.push(`error: ${error.stack}`));
tab.on('request', (request) => seen.requests.push(request.url()));

await tab.goto(pathToFileURL(page).href);
await tab.waitForSelector('main > section:last-of-type');
await tab.evaluate(() => new Promise((done) => { requestAnimationFrame(() => requestAnimationFrame(done)); }));
seen.url = tab.url();
seen.title = await tab.title();
seen.broken = await tab.evaluate(() => window.broken ?? null);
seen.scrollWidth = await tab.evaluate(() => document.documentElement.scrollWidth);

// Each view: its reading, and how many colours its charts have.
seen.views = await tab.evaluate(() => [...document.querySelectorAll('[data-view]')].map((view) => ({
  id: view.dataset.view,
  title: view.querySelector('h2').textContent,
  reading: view.querySelector('.reading').textContent,
  empty: view.querySelector('.empty') !== null,
  rows: view.querySelectorAll('tbody tr').length,
  charts: [...view.querySelectorAll('.chart')].map((chart) => {
    const canvas = chart.querySelector('canvas');
    const bytes = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    const colours = new Map();
    for (let i = 0; i < bytes.length; i += 4) if (bytes[i + 3] > 0) { const key = (bytes[i] << 16) | (bytes[i + 1] << 8) | bytes[i + 2]; colours.set(key, (colours.get(key) ?? 0) + 1); }
    return { label: chart.getAttribute('aria-label'), colours: colours.size, painted: [...colours.values()].reduce((a, b) => a + b, 0) / (bytes.length / 4) };
  }),
  outside: [...view.querySelectorAll('*')].filter((node) => {
    const box = node.getBoundingClientRect();
    return box.width > 0 && box.right > innerWidth + 1 && !node.closest('.scroll, .flame');
  }).length,
})));
if (screenshot) await tab.screenshot({ path: screenshot, fullPage: true });

// Only the keyboard from here on.
const focused = () => tab.evaluate(() => {
  const node = document.activeElement;
  return { tag: node.tagName, text: (node.textContent || node.getAttribute('aria-label') || '').slice(0, 60), class: node.className, view: node.closest('[data-view]')?.dataset.view ?? null };
});
seen.focus = [];
for (let i = 0; i < 80; i += 1) {
  await tab.keyboard.press('Tab');
  const at = await focused();
  seen.focus.push(at);
  if (at.view === 'leaks') break;
}

seen.keys = {};
if (await tab.$('#timeline .chart')) {
  await tab.focus('#timeline .chart');
  await tab.keyboard.press('ArrowRight');
  await tab.keyboard.press('ArrowRight');
  seen.keys.tooltip = await tab.evaluate(() => document.querySelector('#timeline .chart').innerText);
}
if (await tab.$('#flame .flame button')) {
  const widths = () => tab.$$eval('#flame .flame button', (all) => all.map((b) => b.textContent + b.style.width));
  const before = await widths();
  await tab.focus('#flame .flame button[tabindex="0"]');
  await tab.keyboard.press('ArrowDown');
  await tab.keyboard.press('ArrowDown');
  seen.keys.flameDown = await focused();
  seen.keys.flameDetail = await tab.$eval('.flame-detail', (node) => node.textContent);
  await tab.keyboard.press('Enter');
  seen.keys.flameZoomed = JSON.stringify(await widths()) !== JSON.stringify(before);
  await tab.keyboard.press('Escape');
  seen.keys.flameWhole = JSON.stringify(await widths()) === JSON.stringify(before);
}
if (await tab.$('#sites th button')) {
  const column = () => tab.$$eval('#sites tbody tr', (rows) => rows.map((row) => row.querySelector('td').textContent));
  await tab.focus('#sites th button');
  await tab.keyboard.press('Enter');
  seen.keys.sorted = await tab.$eval('#sites th', (cell) => cell.getAttribute('aria-sort'));
  seen.keys.order = await column();
  await tab.focus('#sites td button');
  await tab.keyboard.press('Enter');
  seen.keys.opened = await tab.$eval('#sites td button', (b) => b.getAttribute('aria-expanded'));
  seen.keys.stack = await tab.$$eval('#sites td ol li', (items) => items.length);
}
await tab.focus('header button');
const background = () => tab.evaluate(() => getComputedStyle(document.body).backgroundColor);
const first = await background();
await tab.keyboard.press('Enter');
seen.keys.theme = [first, await background()];

await browser.close();
console.log(JSON.stringify(seen));
