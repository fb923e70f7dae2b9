// SPDX-License-Identifier: MIT
// 7: what to try, worked out by `shale report` from the figures; this view only shows it.
import { el, section } from '../dom.js';
import { plural } from '../format.js';
import { framePlace, siteName } from '../sites.js';

function place(profile, index) {
  const [innermost] = profile.sites[index].frames;
  const where = innermost === undefined ? '' : framePlace(profile.frames[innermost]);
  return el('code', {}, siteName(profile, index) + (where ? ` (${where})` : ''));
}

function item(profile, advice) {
  const sites = advice.sites.map((index) => place(profile, index)).flatMap((node, i) => (i ? [', ', node] : [node]));
  return el('li', { class: advice.severity },
    el('h3', {}, advice.title, ' ', el('span', { class: 'level' }, advice.severity === 'high' ? 'much to gain' : 'worth a look')),
    el('p', {}, el('b', {}, 'Evidence: '), advice.evidence),
    sites.length ? el('p', {}, el('b', {}, 'Where: '), sites) : null,
    el('p', {}, el('b', {}, 'Try: '), advice.remedy));
}

export function advice(profile) {
  const list = profile.recommendations;
  if (!list.length) {
    return section('advice', 'Recommendations', 'Nothing in these figures asks for a change.',
      el('p', { class: 'healthy' }, 'No hot temporary allocations, no blocks that mostly change threads, no leak, no pages held by few survivors, no requests much larger than what is needed.'));
  }
  return section('advice', 'Recommendations', `${plural(list.length, 'finding')}, the weightiest first.`,
    el('ul', { class: 'advice' }, list.map((entry) => item(profile, entry))));
}
