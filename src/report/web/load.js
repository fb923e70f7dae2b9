// SPDX-License-Identifier: MIT
// The profile out of the page (share/schema/profile.schema.json), with what the views look up often:
// every site's functions, inlined ones too, and what of it leaked.

function flatten(profile) {
  const lines = [];
  const byFrame = profile.frames.map((frame) => frame.lines.map((line) => {
    lines.push({ ...line, kind: frame.kind, module: frame.module === null ? '' : profile.modules[frame.module].path, offset: frame.module_address });
    return lines.length - 1;
  }));
  for (const site of profile.sites) site.frames = site.frames.flatMap((index) => byFrame[index]);
  profile.frames = lines;
}

function addLeaks(profile) {
  for (const site of profile.sites) Object.assign(site, { leaked_blocks: 0, leaked_bytes: 0 });
  for (const leak of profile.leaks) {
    if (leak.suppressed !== null) continue;
    profile.sites[leak.site].leaked_blocks += leak.blocks;
    profile.sites[leak.site].leaked_bytes += leak.bytes;
    profile.sites[leak.site].leak = leak;
  }
}

export function load(text) {
  const profile = JSON.parse(text);
  flatten(profile);
  addLeaks(profile);
  return profile;
}
