// SPDX-License-Identifier: MIT
// Builds the dashboard to one HTML file: node build.mjs ECHARTS_FOLDER OUTPUT
// What stays open is the place of the profile, "/*{profile}*/", which `shale report` fills.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const [modules, output] = process.argv.slice(2);
const here = dirname(fileURLToPath(import.meta.url));
const esbuild = createRequire(join(modules, 'node_modules', '.'))('esbuild');

const common = {
  bundle: true,
  minify: true,
  write: false,
  legalComments: 'eof',
  logLevel: 'warning',
  nodePaths: [join(modules, 'node_modules')],
};

function bundled(entry, options) {
  return esbuild.buildSync({ ...common, entryPoints: [join(here, entry)], ...options }).outputFiles[0].text;
}

const script = bundled('main.js', { format: 'iife', target: 'es2020' });
const style = bundled('all.css', {});

// What would end the element early, or start a comment in it, is written in another way.
const inScript = (text) => text.replaceAll('</script', '<\\/script').replaceAll('<!--', '<\\!--');

const licence = `<!-- Contains Apache ECharts (Apache-2.0) and zrender (BSD-3-Clause). -->`;
const page = readFileSync(join(here, 'index.html'), 'utf8')
  .replace('</head>', () => `${licence}\n</head>`)
  .replace('/*{style}*/', () => style.trim())
  .replace('/*{script}*/', () => inScript(script.trim()));
writeFileSync(output, page);
