// SPDX-License-Identifier: MIT
// The flame graph: stacks merged from the outermost frame inwards (or, inverted, from the allocation
// outwards), each frame as wide as its share. Frames are buttons: arrow keys walk the tree, Enter zooms.
import { el, section, empty } from './dom.js';
import { bytes, count, percent, share } from './format.js';
import { frameName, framePlace, offered } from './sites.js';

const rowHeight = 21;
const narrowestPx = 2;

const node = (name, parent) => ({ name, parent, value: 0, self: 0, children: new Map(), frame: null });

function step(at, frame) {
  const name = frameName(frame);
  let next = at.children.get(name);
  if (!next) {
    next = node(name, at);
    next.frame = frame;
    at.children.set(name, next);
  }
  return next;
}

export function tree(profile, key, inverted) {
  const root = node('all', null);
  for (const site of profile.sites) {
    const value = site[key];
    if (!(value > 0)) continue;
    const order = inverted ? site.frames : [...site.frames].reverse();
    let at = root;
    at.value += value;
    for (const index of order) {
      at = step(at, profile.frames[index]);
      at.value += value;
    }
    at.self += value;
  }
  return root;
}

// A hue by the module, so that libraries stand out from the program; lightness by the name.
function hash(text) {
  let sum = 7;
  for (let i = 0; i < text.length; i += 1) sum = (sum * 31 + text.charCodeAt(i)) | 0;
  return Math.abs(sum);
}

function colour(entry) {
  if (!entry.frame) return 'hsl(215 12% 80%)';
  const hue = entry.frame.kind === 'python' ? 150 : 18 + (hash(entry.frame.module ?? '') % 5) * 9;
  return `hsl(${hue} ${62 + (hash(entry.name) % 20)}% ${70 + (hash(entry.name) % 11)}%)`;
}

const sorted = (entry) => [...entry.children.values()].sort((a, b) => b.value - a.value);

function path(entry) {
  const list = [];
  for (let at = entry; at; at = at.parent) list.unshift(at);
  return list;
}

// The boxes to draw when `focus` is as wide as the whole: its ancestors above, its descendants below.
function layout(focus, width) {
  const boxes = path(focus).map((entry, depth) => ({ entry, depth, left: 0, width: 1 }));
  const walk = (entry, depth, left, scale) => {
    let at = left;
    for (const child of sorted(entry)) {
      const wide = child.value * scale;
      if (wide * width < narrowestPx) break;
      boxes.push({ entry: child, depth, left: at, width: wide });
      walk(child, depth + 1, at, scale);
      at += wide;
    }
  };
  walk(focus, boxes.length, 0, 1 / Math.max(1, focus.value));
  return boxes;
}

class Flame {
  constructor(profile, list) {
    this.profile = profile;
    [[this.key]] = list;
    this.format = Object.fromEntries(list.map(([key, , kind]) => [key, kind === 'bytes' ? bytes : count]));
    this.box = el('div', { class: 'flame', role: 'tree', 'aria-label': 'Flame graph' });
    this.detail = el('p', { class: 'flame-detail mono', 'aria-live': 'polite' });
    this.search = '';
    this.inverted = false;
    this.box.addEventListener('keydown', (event) => this.move(event));
    new ResizeObserver(() => this.width !== this.box.clientWidth && this.draw()).observe(this.box);
    this.rebuild();
  }

  rebuild() {
    this.root = tree(this.profile, this.key, this.inverted);
    this.focus = this.root;
    this.draw();
  }

  says(entry) {
    const value = `${this.format[this.key](entry.value)}, ${percent(share(entry.value, this.root.value))}`;
    const own = entry.self && entry.self !== entry.value ? `, ${this.format[this.key](entry.self)} its own` : '';
    const where = entry.frame ? framePlace(entry.frame) : '';
    return `${entry.name}: ${value}${own}${where ? ` (${where})` : ''}`;
  }

  tell(entry) {
    this.detail.textContent = this.says(entry);
  }

  button({ entry, depth, left, width }) {
    const matches = !this.search || entry.name.toLowerCase().includes(this.search);
    const button = el('button', {
      type: 'button',
      role: 'treeitem',
      tabindex: entry === this.focus ? 0 : -1,
      'aria-level': depth + 1,
      'aria-label': this.says(entry),
      class: matches ? null : 'faded',
      title: this.says(entry),
      onclick: () => this.zoom(entry),
      onfocus: () => this.tell(entry),
      onmouseenter: () => this.tell(entry),
    }, width * this.width > 24 ? entry.name : '');
    Object.assign(button.style, {
      left: `${left * 100}%`, width: `${width * 100}%`, top: `${depth * rowHeight}px`, background: colour(entry),
    });
    entry.button = button;
    return button;
  }

  draw() {
    this.width = this.box.clientWidth || 1200;
    const boxes = layout(this.focus, this.width);
    this.shown = new Set(boxes.map(({ entry }) => entry));
    this.box.replaceChildren(...boxes.map((box) => this.button(box)));
    this.box.style.height = `${(Math.max(...boxes.map(({ depth }) => depth)) + 1) * rowHeight}px`;
    this.tell(this.focus);
  }

  zoom(entry) {
    this.focus = entry;
    this.draw();
    entry.button.focus();
  }

  beside(entry, by) {
    if (!entry.parent) return null;
    const list = sorted(entry.parent);
    return list[list.indexOf(entry) + by];
  }

  move(event) {
    const at = [...this.shown].find((entry) => entry.button === event.target);
    if (!at) return;
    const to = {
      ArrowUp: () => at.parent,
      ArrowDown: () => sorted(at)[0],
      ArrowLeft: () => this.beside(at, -1),
      ArrowRight: () => this.beside(at, 1),
      Home: () => this.root,
    }[event.key];
    if (event.key === 'Escape') {
      this.zoom(this.root);
    } else if (to) {
      event.preventDefault();
      const target = to();
      if (target && this.shown.has(target)) target.button.focus();
    }
  }
}

function controls(flame, list) {
  const weigh = el('select', { onchange: (event) => { flame.key = event.target.value; flame.rebuild(); } },
    list.map(([key, name]) => el('option', { value: key }, name)));
  const turn = el('input', { type: 'checkbox', onchange: (event) => { flame.inverted = event.target.checked; flame.rebuild(); } });
  const find = el('input', { type: 'search', placeholder: 'Highlight a function', 'aria-label': 'Highlight a function',
    oninput: (event) => { flame.search = event.target.value.trim().toLowerCase(); flame.draw(); } });
  return el('div', { class: 'controls' },
    el('label', {}, 'Width: ', weigh),
    el('label', {}, turn, 'from the allocation outwards'),
    find,
    el('button', { type: 'button', onclick: () => flame.zoom(flame.root) }, 'Whole'));
}

function reading(profile, flame) {
  const top = sorted(tree(profile, flame.key, true))[0];
  if (!top) return '';
  return `${top.name} asks for most: ${percent(share(top.value, flame.root.value))} of the bytes.`;
}

export function flameGraph(profile) {
  const list = offered(profile);
  if (!list.length) return section('flame', 'Flame graph', 'No stacks were recorded.', empty('Record in a mode with stacks to see who allocates.'));
  const flame = new Flame(profile, list);
  const view = section('flame', 'Flame graph', `${reading(profile, flame)} Enter or a click zooms, arrow keys walk, Escape shows the whole.`,
    controls(flame, list), flame.detail, el('div', { class: 'flame-scroll' }, flame.box));
  view.classList.add('wide');
  return view;
}
