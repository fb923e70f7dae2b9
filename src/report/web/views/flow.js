// SPDX-License-Identifier: MIT
// 5: blocks that another thread freed than the one that allocated them.
import { chart, escaped } from '../chart.js';
import { asTable, empty, section } from '../dom.js';
import { bytes, count, percent, share } from '../format.js';
import { threadName } from './threads.js';

const shownMax = 24;

function names(profile) {
  const byId = new Map(profile.threads.map((thread) => [thread.id, thread]));
  return (id) => {
    const thread = byId.get(id);
    return thread ? `${threadName(thread)} (${thread.os_id})` : `thread ${id}`;
  };
}

function reading(profile, links, name) {
  const { frees, cross_thread_frees: other } = profile.totals;
  if (other === 0) return 'Every block that was freed, was freed by the thread that had allocated it.';
  const [top] = links;
  const most = top ? `; most go from ${name(top.from)} to ${name(top.to)} (${percent(share(top.frees, other))})` : '';
  return `${percent(share(other, frees))} of the frees (${count(other)}) are of another thread's blocks${most}.`;
}

function options(links, name, c, narrow) {
  const left = [...new Set(links.map((link) => link.from))];
  const right = [...new Set(links.map((link) => link.to))];
  // A thread has one colour on both sides.
  const all = [...new Set([...left, ...right])];
  const palette = [c.bar, c.second, c.third, c.fourth, c.cond, c.no, c.go];
  const node = (side, id) => ({
    name: `${side}${id}`,
    depth: side === 'a' ? 0 : 1,
    itemStyle: { color: palette[all.indexOf(id) % palette.length] },
    label: { position: side === 'a' ? 'right' : 'left' },
  });
  return {
    tooltip: {
      formatter: ({ dataType, data, value }) => (dataType === 'edge'
        ? `${escaped(name(data.from))} → ${escaped(name(data.to))}<br><b>${count(data.value)}</b> frees, ${bytes(data.bytes)}`
        : `${data.name[0] === 'a' ? 'allocated by' : 'freed by'} ${escaped(name(Number(data.name.slice(1))))}: <b>${count(value)}</b>`),
    },
    series: [{
      type: 'sankey',
      left: 4,
      right: 4,
      top: 8,
      bottom: 8,
      nodeGap: 12,
      draggable: false,
      emphasis: { focus: 'adjacency' },
      data: [...left.map((id) => node('a', id)), ...right.map((id) => node('f', id))],
      links: links.map((link) => ({ source: `a${link.from}`, target: `f${link.to}`, value: link.frees, ...link })),
      lineStyle: { color: 'source', opacity: 0.35 },
      label: {
        color: c.ink,
        textBorderColor: c.card,
        textBorderWidth: 2,
        width: narrow ? 110 : 190,
        overflow: 'truncate',
        formatter: ({ name: id }) => name(Number(id.slice(1))),
      },
    }],
  };
}

export function flow(profile) {
  const links = profile.flows.filter((link) => link.from !== link.to).sort((a, b) => b.frees - a.frees);
  const name = names(profile);
  const text = reading(profile, links, name);
  if (links.length === 0) return section('flow', 'Frees across threads', text, empty(profile.totals.cross_thread_frees === 0
    ? 'No cross-thread frees: there is nothing to draw.' : 'Which threads took part is not known.'));
  const rows = links.map((link) => [`${name(link.from)} → ${name(link.to)}`, count(link.frees), bytes(link.bytes)]);
  return section('flow', 'Frees across threads', `${text} Left: who allocated; right: who freed.`,
    chart(`Cross-thread frees. ${text}`, 'tall', (c, narrow) => options(links.slice(0, shownMax), name, c, narrow)),
    asTable(['from → to', 'frees', 'bytes'], rows));
}
