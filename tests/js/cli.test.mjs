// The small command line of the package.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
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
  assert.match(said.stdout, /^HONEST: 0 bad in all 64 claims; the model given, radius 2 /);
  const json = await run('verify', honest, '--params', params, '--r-target', '2', '--sample', '10', '--seed', 's', '--json');
  const report = JSON.parse(json.stdout);
  const [{ results, sampleSeed, sampleSource }] = report.submissions;
  assert.deepEqual([report.verdict, results.length, sampleSeed, sampleSource], ['honest', 10, 's', 'verifier']);
});

test('a forged batch: exit 1; from standard input, too', async () => {
  const forged = JSON.stringify({ public_key, block_hash, nonces, dist: dist.map(() => 1.39) });
  const said = await runNode([cli, 'verify', '-', '--params', params, '--sample', 'all'], { input: forged });
  assert.equal(said.code, 1, said.stderr);
  assert.match(said.stdout, /^FRAUD: 46 bad in all 64 claims \(no claim agrees/);
});

test('bad input: exit 2 and one line of why', async () => {
  const cases = [
    [['verify', join(paths.work, 'none.json')], /cannot be read/],
    [['verify', file('cut.json', '{"nonces":[1')], /not JSON/],
    [['verify', honest, '--params', 'moon'], /moon/],
    [['verify', honest, '--params', params, '--r-target', 'far'], /--r-target/],
    [['verify', honest, '--params', params, '--sample', '0'], /sample/],
    [['verify', file('v2.json', { proofs: [{ leaf_index: 0 }] })], /E_V2_DATA/],
    [['verify', honest, '--params', file('broken.json', '{')], /E_FORMAT/],
    [['verify', honest, '--params', file('wrong.json', { ...tiny.params, n_heads: 3 })], /E_RANGE|E_FORMAT/],
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
  // A document that is read, but of which no part can be judged.
  const refused = [
    [['verify', honest], /missing-params.*pass --params/],
    [['verify', file('bare.json', { public_key, nonces, dist }), '--params', params], /missing-block.*pass --block-hash/],
    [['verify', file('keyless.json', { block_hash, nonces, dist }), '--params', params], /missing-key.*pass --public-key/],
    [['verify', honest, '--params', params, '--block-hash', 'other'], /wrong-block/],
  ];
  for (const [args, why] of refused) {
    const said = await run(...args);
    assert.equal(said.code, 2, `${args}: ${said.stdout}${said.stderr}`);
    assert.match(said.stdout, /^REFUSED: /);
    assert.match(said.stdout, why);
  }
  const json = await run('verify', file('cut.json', '{"nonces":[1'), '--json');
  assert.deepEqual([json.code, JSON.parse(json.stdout).error.reason], [2, 'json']);
  const { code, stderr } = await runNode(['--jitless', cli, 'verify', honest, '--params', params]);
  assert.deepEqual([code, /E_WASM_LOAD.*no WebAssembly/.test(stderr)], [3, true], stderr);
  assert.equal((await run()).code, 2);
});

test('what nobody reads keeps its exit code, and what cannot be written is machine trouble', { skip: process.platform !== 'linux' }, async () => {
  const forged = join(paths.root, 'tests/cases/forged.json');
  const plain = join(paths.root, 'tests/cases/a_plain.json');
  const code = (where, document, more = '') => {
    const script = `"$0" "$1" verify "$2" --params dev-test ${more} ${where}; exit \${PIPESTATUS[0]}`;
    const { status, stderr } = spawnSync('bash', ['-c', script, process.execPath, cli, document], { encoding: 'utf8' });
    assert.doesNotMatch(stderr, /\n {4}at /);
    return status;
  };
  for (const more of ['', '--json']) {
    assert.deepEqual([code('| true', forged, more), code('| true', plain, more)], [1, 0]);
    assert.deepEqual([code('>/dev/full', plain, more), code('>/dev/full 2>/dev/full', plain, more)], [3, 3]);
    // Never 1, which is fraud.
    assert.equal(code('2>/dev/full >/dev/null', '/nonexistent', more), 2);
  }
});

test('help and version', async () => {
  assert.match((await run('--help')).stdout, /--params NAME\|FILE/);
  assert.match((await run('--version')).stdout, /^\d+\.\d+\.\d+\n$/);
});
