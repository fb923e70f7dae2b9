// SPDX-License-Identifier: MIT
// Call sites and leaks as tables that sort by any column and open a row's stack.
import { el, empty, section } from './dom.js';
import { bytes, count, percent, plural, share } from './format.js';
import { frameName, framePlace, siteName } from './sites.js';

const rowsAtOnce = 50;

function stack(profile, site) {
  return el('ol', {}, site.frames.map((index) => {
    const frame = profile.frames[index];
    const place = framePlace(frame);
    return el('li', { class: 'mono' }, frameName(frame) + (place ? `  ${place}` : ''));
  }));
}

function nameCell(profile, row) {
  const cell = el('td', { class: 'site' });
  const opener = el('button', { type: 'button', class: 'link mono', 'aria-expanded': 'false', onclick: () => {
    const open = opener.getAttribute('aria-expanded') === 'true';
    opener.setAttribute('aria-expanded', String(!open));
    if (open) cell.querySelector('ol').remove();
    else cell.append(stack(profile, row.site));
  } }, row.name);
  cell.append(opener);
  return cell;
}

class SortedTable {
  // columns: [key, heading, how a value reads]; rows: {name, site, and a value for each key}
  constructor(profile, label, columns, rows) {
    Object.assign(this, { profile, columns, rows, filter: '', limit: rowsAtOnce });
    [[this.key]] = columns;
    this.down = true;
    this.body = el('tbody');
    this.heads = new Map();
    const heads = [this.head('name', 'call site', null), ...columns.map(([key, name]) => this.head(key, name, 'n'))];
    this.node = el('table', { class: 'cards', 'aria-label': label }, el('thead', {}, el('tr', {}, heads)), this.body);
    this.more = el('button', { type: 'button', class: 'more', onclick: () => { this.limit += 200; this.draw(); } });
    this.draw();
  }

  head(key, name, kind) {
    const cell = el('th', { scope: 'col', class: kind }, el('button', { type: 'button', onclick: () => this.sort(key) }, name));
    this.heads.set(key, cell);
    return cell;
  }

  sort(key) {
    this.down = this.key === key ? !this.down : key !== 'name';
    this.key = key;
    this.draw();
  }

  row(row) {
    const cells = this.columns.map(([key, name, read]) => el('td', { class: 'n', 'data-name': name }, read(row[key])));
    return el('tr', {}, nameCell(this.profile, row), cells);
  }

  draw() {
    const found = this.rows.filter((row) => !this.filter || row.text.includes(this.filter));
    const order = this.key === 'name' ? (a, b) => a.name.localeCompare(b.name) : (a, b) => a[this.key] - b[this.key];
    found.sort((a, b) => (this.down ? order(b, a) : order(a, b)));
    this.body.replaceChildren(...found.slice(0, this.limit).map((row) => this.row(row)));
    for (const [key, cell] of this.heads) {
      if (key === this.key) cell.setAttribute('aria-sort', this.down ? 'descending' : 'ascending');
      else cell.removeAttribute('aria-sort');
    }
    this.more.hidden = found.length <= this.limit;
    this.more.textContent = `Show more of ${count(found.length)}`;
  }
}

function filterBox(table, label) {
  return el('div', { class: 'controls' }, el('input', { type: 'search', placeholder: label, 'aria-label': label,
    oninput: (event) => { table.filter = event.target.value.trim().toLowerCase(); table.draw(); } }));
}

function rowsOf(profile, keep) {
  return profile.sites.map((site, index) => {
    const name = siteName(profile, index);
    const text = site.frames.map((i) => frameName(profile.frames[i])).join(' ').toLowerCase();
    return { ...site, site, name, text, mean_bytes: share(site.allocated_bytes, site.allocations), temporary_share: share(site.temporary, site.allocations) };
  }).filter(keep);
}

function view(id, title, reading, table, label) {
  const node = section(id, title, reading, filterBox(table, label),
    el('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': title }, table.node), table.more);
  node.classList.add('wide');
  return node;
}

export function siteTable(profile) {
  const rows = rowsOf(profile, () => true);
  if (!rows.length) return section('sites', 'Call sites', 'No stacks were recorded.', empty('Nothing to list.'));
  const columns = [
    ['allocated_bytes', 'allocated', bytes],
    ['allocations', 'allocations', count],
    ['mean_bytes', 'mean', bytes],
    ['temporary_share', 'temporary', percent],
    ...(profile.sites.some((site) => site.peak_bytes !== null) ? [['peak_bytes', 'at the peak', bytes]] : []),
    ['live_bytes', 'at the end', bytes],
  ];
  const reading = `${plural(rows.length, 'stack')}; a row opens to show its frames, a heading sorts.`;
  return view('sites', 'Call sites', reading, new SortedTable(profile, 'Call sites', columns, rows), 'Filter by function');
}

const leakColumns = [['leaked_bytes', 'bytes', bytes], ['leaked_blocks', 'blocks', count]];

export function leakTable(profile) {
  const rows = rowsOf(profile, (site) => site.leaked_blocks > 0);
  const title = 'Leaks';
  if (!rows.length) return section('leaks', title, 'No block was left.', empty('Nothing to list.'));
  if (profile.recording.end === 'running') return view('leaks', 'Live blocks', 'Not known while the program runs: these may still be freed.', new SortedTable(profile, title, leakColumns, rows), 'Filter by function');
  const lost = rows.reduce((sum, row) => sum + row.leaked_bytes, 0);
  const reading = `${bytes(lost)} from ${plural(rows.length, 'stack')} were not freed when the program ended.`;
  return view('leaks', title, reading, new SortedTable(profile, title, leakColumns, rows), 'Filter by function');
}
