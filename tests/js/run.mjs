// Builds the package, packs it, installs the tarball into a fresh project and runs every *.test.mjs against that.
//
// node tests/js/run.mjs [FILE or FOLDER...]; SPHERE_POW_NO_BUILD=1 takes verifier-wasm/dist as it is, when there is one.

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installTarball, npm, paths } from './support.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
if (!process.env.SPHERE_POW_NO_BUILD || !existsSync(join(paths.package, 'dist/index.js'))) {
  execFileSync(process.execPath, [join(paths.package, 'build.mjs')], { stdio: 'inherit' });
}
if (!['playwright-core', 'puppeteer-core'].every((name) => existsSync(join(here, 'node_modules', name)))) npm(['ci'], here);
installTarball();

const named = process.argv.slice(2);
const tests = (named.length > 0 ? named : ['.']).flatMap((name) => {
  if (name.endsWith('.mjs')) return [join(here, name)];
  return readdirSync(join(here, name)).filter((file) => file.endsWith('.test.mjs')).map((file) => join(here, name, file));
});
// One file at a time: they measure time and memory.
const { status } = spawnSync(process.execPath, ['--test', '--test-concurrency=1', ...tests], { stdio: 'inherit' });
process.exit(status ?? 1);
