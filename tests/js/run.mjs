// Builds the package, packs it, installs the tarball into a fresh project and runs every *.test.mjs against that.
//
// node tests/js/run.mjs [FILE...]; SPHERE_POW_NO_BUILD=1 takes verifier-wasm/dist as it is.

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installTarball, npm, paths } from './support.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
if (!process.env.SPHERE_POW_NO_BUILD) {
  execFileSync(process.execPath, [join(paths.package, 'build.mjs')], { stdio: 'inherit' });
}
if (!existsSync(join(here, 'node_modules/playwright-core'))) npm(['ci'], here);
installTarball();

const named = process.argv.slice(2);
const files = named.length > 0 ? named : readdirSync(here).filter((name) => name.endsWith('.test.mjs'));
const tests = files.map((name) => join(here, name));
// One file at a time: they measure time and memory.
const { status } = spawnSync(process.execPath, ['--test', '--test-concurrency=1', ...tests], { stdio: 'inherit' });
process.exit(status ?? 1);
