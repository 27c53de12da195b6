// The small command line of the package.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { paths, runNode, vector } from './support.mjs';

const cli = join(paths.installed, 'dist/cli.js');
const tiny = vector('tiny');
const file = (name, value) => {
  const path = join(paths.work, name);
  writeFileSync(path, typeof value === 'string' ? value : JSON.stringify(value));
  return path;
};
const params = file('tiny-params.json', tiny.params);
const { public_key, block_hash, nonces, dist } = tiny;
const honest = file('honest.json', { public_key, block_hash, block_height: 5, nonces, dist });
const run = (...args) => runNode([cli, ...args]);

test('an honest batch: words, JSON, exit 0', async () => {
  const said = await run('verify', honest, '--params', params, '--r-target', '2', '--sample', 'all');
  assert.equal(said.code, 0, said.stderr);
  assert.match(said.stdout, /^valid\n0 bad of 64 recomputed/);
  const json = await run('verify', honest, '--params', params, '--r-target', '2', '--sample', '10', '--seed', 's', '--json');
  const report = JSON.parse(json.stdout);
  assert.deepEqual([report.state, report.results.length, report.seed], ['valid', 10, 's']);
});

test('a forged batch: exit 1; from standard input, too', async () => {
  const forged = JSON.stringify({ public_key, block_hash, nonces, dist: dist.map(() => 1.39) });
  const said = await runNode([cli, 'verify', '-', '--params', params, '--sample', 'all'], { input: forged });
  assert.equal(said.code, 1, said.stderr);
  assert.match(said.stdout, /^invalid\n/);
});

test('bad input: exit 2 and one line of why', async () => {
  const cases = [
    [['verify', join(paths.work, 'none.json')], /cannot be read/],
    [['verify', file('cut.json', '{"nonces":[1')], /not JSON/],
    [['verify', honest], /pass --params/],
    [['verify', file('bare.json', { nonces, dist }), '--params', params], /pass --block-hash/],
    [['verify', honest, '--params', 'moon'], /moon/],
    [['verify', honest, '--params', params, '--r-target', 'far'], /--r-target/],
    [['verify', honest, '--params', params, '--sample', '0'], /sample/],
    [['verify', honest, '--params', params, '--block-hash', 'other'], /other/i],
    [['verify', file('v2.json', { proofs: [] })], /E_V2_DATA/],
    [['mine'], /expected: sphere-pow verify/],
    [['--nonsense'], /nonsense/],
  ];
  for (const [args, why] of cases) {
    const said = await run(...args);
    assert.equal(said.code, 2, `${args}: ${said.stdout}${said.stderr}`);
    assert.match(said.stderr, why);
    assert.equal(said.stderr.trim().split('\n').length, 1, said.stderr);
    assert.equal(said.stdout, '');
  }
  assert.equal((await run()).code, 2);
});

test('help and version', async () => {
  assert.match((await run('--help')).stdout, /--params NAME\|FILE/);
  assert.match((await run('--version')).stdout, /^\d+\.\d+\.\d+\n$/);
});
