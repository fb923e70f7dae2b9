// SPDX-License-Identifier: MIT
// Call sites and the functions in their stacks. A site's frames run from the innermost outwards.

export function frameName(frame) {
  if (frame.function) return frame.function;
  return frame.module ? `${frame.module.split('/').pop()}+0x${frame.offset.slice(2)}` : '(unknown)';
}

export function framePlace(frame) {
  if (frame.file) return frame.line ? `${frame.file}:${frame.line}` : frame.file;
  return frame.module ?? '';
}

// The innermost frame says who asked; where its name is missing, the first that has one.
export function siteName(profile, index) {
  const frames = profile.sites[index].frames.map((i) => profile.frames[i]);
  if (!frames.length) return '(no stack)';
  return frameName(frames.find((frame) => frame.function) ?? frames[0]);
}

// What a site can be weighed by: [key, name, value of a site, how a value reads].
export const weights = [
  ['allocated_bytes', 'bytes allocated', 'bytes'],
  ['allocations', 'allocations', 'count'],
  ['peak_bytes', 'bytes live at the peak', 'bytes'],
  ['live_bytes', 'bytes live at the end', 'bytes'],
  ['leaked_bytes', 'bytes leaked', 'bytes'],
  ['temporary', 'temporary allocations', 'count'],
];

export const offered = (profile) => weights.filter(([key]) => profile.sites.some((site) => site[key] > 0));
