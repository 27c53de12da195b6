// Places that are not quite Node or a browser as we know them: other realms, engines that lack something, policies and
// limits. What works gives the right value; what cannot says what to do.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { runInNewContext } from 'node:vm';
import { html } from './pages.mjs';
import { browser, freshProject, load, paths, runNode, serve } from './support.mjs';

const { createVerifier, verifyDocument } = await load();
const cases = join(paths.root, 'tests/cases');
const bytes = new Uint8Array(readFileSync(join(cases, 'exact_native_ledger.jsonl')));
const cli = join(paths.installed, 'dist/cli.js');
const honest = join(cases, 'a_plain.json');

test('documents of another realm, and Blobs, Files and Responses of any', async () => {
  const foreign = (code) => runInNewContext(code, { bytes: [...bytes] });
  const forms = [
    ...['Uint8Array.from(bytes)', 'Uint8Array.from(bytes).buffer', 'new DataView(Uint8Array.from(bytes).buffer)'].map(foreign),
    new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    new Blob([bytes]),
    new File([bytes], 'proofs.jsonl'),
    new Response(bytes),
    // Nothing but its face.
    { size: bytes.length, arrayBuffer: async () => foreign('Uint8Array.from(bytes).buffer') },
  ];
  for (const form of forms) assert.equal((await verifyDocument(form)).verdict, 'honest', String(form));
  const endless = { size: 2 ** 40, arrayBuffer: () => assert.fail('it was read') };
  await assert.rejects(verifyDocument(endless), { code: 'E_FORMAT' });
  const broken = { size: 1, arrayBuffer: () => Promise.reject(new Error('the disk is gone')) };
  await assert.rejects(verifyDocument(broken), { code: 'E_FORMAT', message: /the disk is gone/ });
});

/** Runs the command by a Node with these flags, or within a shell's limits. */
function command(args, limits = '') {
  const script = `${limits} exec "$0" "$@"`;
  const run = promisify(execFile)('bash', ['-c', script, process.execPath, ...args], { env: { ...process.env, NODE_NO_WARNINGS: '1' } });
  return run.then(({ stdout, stderr }) => ({ code: 0, stdout, stderr }), ({ code, stdout, stderr }) => ({ code, stdout, stderr }));
}

test('two gigabytes of address space: a verdict, or what to do, and no stack', { skip: process.platform !== 'linux' }, async () => {
  const { code, stdout, stderr } = await command([cli, 'verify', honest, '--params', 'dev-test'], 'ulimit -v 2097152;');
  if (code === 0) assert.match(stdout, /^HONEST/);
  else {
    assert.equal(code, 3, stderr);
    assert.match(stderr, /^sphere-pow: E_MEMORY: .*ulimit -v.*--disable-wasm-trap-handler\n$/);
  }
});

const [major] = process.versions.node.split('.').map(Number);
const permission = major < 23 ? '--experimental-permission' : '--permission';

test('Node\'s permissions without workers: the command computes in its own thread, the package says what to pass', async () => {
  const flags = [permission, '--allow-fs-read=*'];
  const { code, stdout, stderr } = await command([...flags, cli, 'verify', honest, '--params', 'dev-test']);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^HONEST/);
  const script = `
    import { createVerifier } from 'sphere-pow';
    const options = { profile: 'exact', params: 'nano', blockHash: 'AB' };
    const refused = await (await createVerifier(options)).compute('02ab', 1).catch((e) => [e.code, e.message]);
    const { digest } = await (await createVerifier({ ...options, worker: false })).compute('02ab', 1);
    console.log(JSON.stringify([refused, digest]));`;
  const own = await runNode([...flags, '--input-type=module', '-e', script]);
  assert.equal(own.code, 0, own.stderr);
  const [[refusal, message], digest] = JSON.parse(own.stdout);
  assert.equal(refusal, 'E_WASM_LOAD');
  assert.match(message, /--allow-worker.*worker: false/);
  const verifier = await createVerifier({ profile: 'exact', params: 'nano', blockHash: 'AB' });
  assert.equal(digest, (await verifier.compute('02ab', 1)).digest);
  await verifier.close();
});

test('whatever the flags, the command ends with a verdict or one line, never with a stack', async () => {
  for (const flags of [['--jitless'], ['--frozen-intrinsics'], ['--disable-proto=throw'], ['--disallow-code-generation-from-strings'], ['--max-old-space-size=30']]) {
    const { code, stdout, stderr } = await command([...flags, cli, 'verify', honest, '--params', 'dev-test']);
    assert.ok(code === 0 || code === 3, `${flags}: ${code} ${stderr}`);
    if (code === 0) assert.match(stdout, /^HONEST/);
    else assert.match(stderr, /sphere-pow: E_[A-Z_]+: .+\n$/);
    assert.doesNotMatch(stderr, /\n {4}at /);
  }
});

test('in a page: without DecompressionStream, and where scripts must be trusted', { timeout: 120_000 }, async () => {
  const site = join(paths.work, 'fresh/policies');
  const show = (body) => `
    const out = [];
    const said = (promise) => promise.then((value) => out.push(value), (e) => out.push([e.code, e.message]));
    ${body}
    document.querySelector('#out').textContent = JSON.stringify(out);`;
  const nonce = (more) => `createVerifier({ profile: 'exact', params: 'nano', blockHash: 'AB', ${more} }).then((v) => v.compute('02ab', 1)).then((r) => r.digest)`;
  freshProject('policies', {
    'old.html': html('<script>delete globalThis.DecompressionStream;</script><script type="module" src="old.js"></script>'),
    'old.js': show(`
      const { createVerifier } = await import('./sphere-pow/index.js');
      await said(${nonce('')});
      const slim = await import('./sphere-pow/slim.js');
      await said(slim.${nonce("wasm: new URL('./sphere-pow/verifier.wasm', import.meta.url)")});`),
    'trusted.html': html('<script type="module" src="trusted.js"></script>'),
    'trusted.js': show(`
      const { createVerifier } = await import('./sphere-pow/index.js');
      await said(${nonce('')});
      const policy = trustedTypes.createPolicy('mine', { createScriptURL: (url) => url });
      const worker = () => new Worker(policy.createScriptURL('./sphere-pow/worker.js'), { type: 'module' });
      await said(${nonce('worker')});`),
  });
  cpSync(join(site, 'node_modules/sphere-pow/dist'), join(site, 'sphere-pow'), { recursive: true });
  const server = await serve(site, (path) => (path.startsWith('/trusted') ? { 'content-security-policy': "require-trusted-types-for 'script'; trusted-types mine" } : {}));
  const chromium = await browser();
  const verifier = await createVerifier({ profile: 'exact', params: 'nano', blockHash: 'AB' });
  const { digest } = await verifier.compute('02ab', 1);
  await verifier.close();
  try {
    for (const [name, words] of [['old', /sphere-pow\/slim/], ['trusted', /olicy.*the option worker/]]) {
      const { page } = await chromium.open(`${server.url}/${name}.html`);
      await page.waitForFunction(() => document.querySelector('#out').textContent !== '', null, { timeout: 60_000 });
      const [[code, message], second] = JSON.parse(await page.textContent('#out'));
      assert.equal(code, 'E_WASM_LOAD', name);
      assert.match(message, words);
      assert.equal(second, digest, name);
      await page.close();
    }
  } finally {
    await chromium.close();
    await server.close();
  }
});
