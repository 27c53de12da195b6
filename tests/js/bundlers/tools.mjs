// The bundlers and runtimes, installed once below target/, and projects beside them that have the tarball alone.

import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { freshProject, npm, paths, serve } from '../support.mjs';
import { wasmFiles, works } from '../pages.mjs';

const source = join(paths.tests, 'bundlers');
/** Where the tools are; projects in it find them as their parent's. */
export const tools = join(paths.work, '..', 'bundlers');
const stamp = join(tools, 'installed');
const lock = readFileSync(join(source, 'package-lock.json'), 'utf8');
if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== lock) {
  rmSync(tools, { recursive: true, force: true });
  mkdirSync(tools, { recursive: true });
  for (const name of ['package.json', 'package-lock.json']) cpSync(join(source, name), join(tools, name));
  npm(['ci'], tools);
  writeFileSync(stamp, lock);
}

/** Loads a tool as its projects do. */
export const require = createRequire(join(tools, 'package.json'));
/** The command of a tool. */
export const bin = (name) => join(tools, 'node_modules/.bin', name);
/** A project of that name with the tarball installed. */
export const project = (name, files) => freshProject(name, files, tools);

/** Serves `dir`, which must hold `wasm` wasm files, and opens its page: the check holds, with so many of them fetched. */
export async function siteWorks(chromium, dir, wasm, path = '/', options = {}) {
  assert.equal(wasmFiles(dir).length, wasm, `wasm files in ${dir}: ${wasmFiles(dir)}`);
  const site = await serve(dir);
  try {
    const requests = await works(chromium, `${site.url}${path}`, options);
    assert.equal(requests.filter((url) => url.endsWith('.wasm')).length, wasm);
  } finally {
    await site.close();
  }
}
