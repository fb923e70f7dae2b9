// SPDX-License-Identifier: MIT
// Elements from a description. Text goes in as text nodes only: names come from the program that was
// profiled and may hold anything.

export function el(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith('on')) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? '' : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

// A view: a card with a heading, one line that says what it shows, and what draws itself into it.
export function section(id, title, reading, ...body) {
  return el('section', { id, 'aria-labelledby': `${id}-title`, 'data-view': id },
    el('h2', { id: `${id}-title` }, title),
    el('p', { class: 'reading dim' }, reading),
    body);
}

export const empty = (text) => el('div', { class: 'empty' }, text);

// The figures behind a chart, for those who cannot see it or want to copy them.
export function asTable(columns, rows, limit = 200) {
  const shown = rows.slice(0, limit);
  const cut = rows.length > limit ? `, the first ${limit} of ${rows.length} rows` : '';
  const cell = (text, index) => el('td', { class: index === 0 ? null : 'n' }, String(text));
  return el('details', {},
    el('summary', {}, `As a table${cut}`),
    el('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Figures as a table' },
      el('table', {},
        el('thead', {}, el('tr', {}, columns.map((name, i) => el('th', { scope: 'col', class: i ? 'n' : null }, name)))),
        el('tbody', {}, shown.map((row) => el('tr', {}, row.map(cell)))))));
}
