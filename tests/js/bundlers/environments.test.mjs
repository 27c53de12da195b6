// Where people run their own tests: Vitest and Jest, with the pages that jsdom and happy-dom make up, each in a realm of its
// own, and with clocks that stand still.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { load, paths } from '../support.mjs';
import { bin, project } from './tools.mjs';

const proof = readFileSync(join(paths.root, 'tests/cases/exact_native_ledger.jsonl'), 'utf8');

/** What must come out, by the package as Node has it. */
const { createVerifier } = await load();
const verifier = await createVerifier({ profile: 'exact', params: 'nano', blockHash: 'AB' });
const { digest } = await verifier.compute('02ab', 1);
await verifier.close();
assert.match(digest, /^[0-9a-f]{64}$/);

/** The same tests for either tool; `head` brings its own words. */
const suite = (head, still, moving) => `
${head}
import { createVerifier, verifyDocument } from 'sphere-pow';
const text = ${JSON.stringify(proof)};
const bytes = Uint8Array.from(text, (c) => c.charCodeAt(0));
for (const worker of [undefined, false]) {
  test(worker === false ? 'in this thread' : 'in a worker', async () => {
    for (const [stop, go] of [[() => {}, () => {}], [() => ${still}, () => ${moving}]]) {
      stop();
      const verifier = await createVerifier({ profile: 'exact', params: 'nano', blockHash: 'AB', worker });
      const seen = [];
      expect((await verifier.compute('02ab', 1, { onProgress: ({ fraction }) => seen.push(fraction) })).digest).toBe('${digest}');
      expect(seen.at(-1)).toBe(1);
      const controller = new AbortController();
      const running = verifier.compute('02ab', 2, { signal: controller.signal });
      controller.abort();
      await expect(running).rejects.toMatchObject({ code: 'E_ABORTED', name: 'AbortError' });
      await verifier.close();
      go();
    }
  });
}
test('documents in every form of this realm', async () => {
  const forms = [text, bytes, bytes.buffer, new DataView(bytes.buffer)];
  for (const form of forms) expect((await verifyDocument(form)).verdict).toBe('honest');
  for (const form of [new Blob([bytes]), new File([bytes], 'proofs.jsonl')]) {
    // jsdom's of some years cannot be read by anybody.
    if (form.arrayBuffer) expect((await verifyDocument(form)).verdict).toBe('honest');
    else await expect(verifyDocument(form)).rejects.toMatchObject({ code: 'E_FORMAT', message: expect.stringContaining('pass its bytes') });
  }
});
`;
const vitest = suite("import { expect, test, vi } from 'vitest';", 'vi.useFakeTimers()', 'vi.useRealTimers()');
const jest = suite("import { jest } from '@jest/globals';", 'jest.useFakeTimers()', 'jest.useRealTimers()');
const config = JSON.stringify({ testMatch: ['**/jest.test.mjs'], moduleFileExtensions: ['mjs', 'js'], transform: {} });
const dir = project('in-tests', { 'vitest.test.mjs': vitest, 'jest.test.mjs': jest, 'jest.config.json': config });

for (const [name, command, args] of [
  ['Vitest, jsdom', 'vitest', ['run', '--environment', 'jsdom', 'vitest.test.mjs']],
  ['Vitest, happy-dom, threads of their own realm', 'vitest', ['run', '--environment', 'happy-dom', '--pool', 'vmThreads', 'vitest.test.mjs']],
  ['Jest, vm modules', 'jest', ['--env=node']],
  ['Jest, vm modules, jsdom', 'jest', ['--env=jsdom']],
]) {
  test(name, { timeout: 120_000 }, async () => {
    const env = { ...process.env, NODE_OPTIONS: '--experimental-vm-modules', NO_COLOR: '1', CI: '1', NODE_TEST_CONTEXT: undefined };
    const { stdout, stderr } = await promisify(execFile)(bin(command), args, { cwd: dir, env }).catch((e) => e);
    assert.match(`${stdout}${stderr}`, /Tests:? +3 passed/, `${stdout}${stderr}`);
  });
}
