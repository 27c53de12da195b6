// What is in the tarball: sizes, entries, types, instructions, nothing that should not be there.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync, gzipSync, inflateRawSync } from 'node:zlib';
import { createHash } from 'node:crypto';
import { freshProject, paths } from './support.mjs';

const dist = join(paths.installed, 'dist');
const read = (name) => readFileSync(join(dist, name));
const gz = (name) => gzipSync(read(name), { level: 9 }).length;
const manifest = JSON.parse(readFileSync(join(paths.installed, 'package.json'), 'utf8'));
const bin = (name) => join(paths.tests, 'node_modules/.bin', name);

test('sizes: wasm at most 205 kB, transcripts\' at most 150 kB, JavaScript at most 18 kB, gzipped', () => {
  for (const name of ['verifier.wasm', 'verifier-scalar.wasm', 'learn.wasm', 'chain.wasm', 'inlined-chain.js', 'inlined-simd.js', 'inlined-scalar.js', 'inlined-learn.js']) {
    assert.ok(gz(name) <= 205_000, `${name}: ${gz(name)}`);
  }
  for (const name of ['transcript.wasm', 'inlined-transcript.js']) assert.ok(gz(name) <= 150_000, `${name}: ${gz(name)}`);
  for (const name of ['train.wasm', 'inlined-train.js']) assert.ok(gz(name) <= 110_000, `${name}: ${gz(name)}`);
  for (const name of ['network.wasm', 'inlined-network.js']) assert.ok(gz(name) <= 270_000, `${name}: ${gz(name)}`);
  assert.ok(gz('transcript.js') <= 7_000, `transcript.js: ${gz('transcript.js')}`);
  for (const entry of ['index.js', 'slim.js']) {
    assert.ok(gz(entry) + gz('core.js') <= 18_000, `${entry}: ${gz(entry)} and core.js: ${gz('core.js')}`);
  }
});

test('one wasm for all entries: the inlined copies are the files', () => {
  for (const [inlined, file] of [['inlined-simd.js', 'verifier.wasm'], ['inlined-scalar.js', 'verifier-scalar.wasm'], ['inlined-learn.js', 'learn.wasm'], ['inlined-transcript.js', 'transcript.wasm'], ['inlined-chain.js', 'chain.wasm'], ['inlined-network.js', 'network.wasm'], ['inlined-train.js', 'train.wasm']]) {
    const [, text] = /^export default "([A-Za-z0-9+/=]+)";\n$/.exec(read(inlined).toString());
    assert.deepEqual(inflateRawSync(Buffer.from(text, 'base64')), read(file));
  }
});

test('exports: types first and default last in every branch, no dependency, no side effect', () => {
  for (const [path, entry] of Object.entries(manifest.exports)) {
    if (typeof entry === 'string') continue;
    const keys = Object.keys(entry);
    assert.deepEqual([keys[0], keys.at(-1)], ['types', 'default'], path);
    for (const file of Object.values(entry)) assert.ok(readFileSync(join(paths.installed, file)).length > 0);
  }
  assert.equal(manifest.sideEffects, false);
  assert.equal(manifest.type, 'module');
  assert.equal(manifest.dependencies ?? manifest.peerDependencies ?? manifest.optionalDependencies, undefined);
  assert.equal(manifest.scripts?.postinstall ?? manifest.scripts?.install, undefined);
  assert.ok(manifest.exports['./package.json']);
  const cargo = readFileSync(join(paths.root, 'Cargo.toml'), 'utf8');
  assert.equal(manifest.version, /^version = "(.+)"$/m.exec(cargo)[1], 'crate and package are of one version');
});

test('publint and attw have nothing to say', () => {
  execFileSync(bin('publint'), ['--strict', '--pack', 'false', paths.installed], { stdio: 'pipe' });
  const files = ['./example.json', './verifier.wasm', './verifier-scalar.wasm', './learn.wasm', './transcript.wasm', './chain.wasm', './network.wasm', './train.wasm', './webgpu.wasm', './worker', './learn-worker', './transcript-worker', './network-worker', './train-worker', './webgpu-worker'];
  execFileSync(bin('attw'), [paths.tarball, '--profile', 'esm-only', '--exclude-entrypoints', ...files], { stdio: 'pipe' });
});

test('the types hold for users, strictly', () => {
  const dir = freshProject('types', {
    'good.ts': `
      import { constants, createVerifier, readDocument, readModel, verifyDocument, init, targetRadius, SpherePowError, ERROR_CODES, type Report, type Result, type DocumentResult } from 'sphere-pow';
      import { createVerifier as slim, hasSimd } from 'sphere-pow/slim';
      import { SHAPES } from 'sphere-pow/adapters';
      import { trace, skipLayers, close } from 'sphere-pow/learn';
      import { trace as fromFiles } from 'sphere-pow/learn/slim';
      import { confirmChain, type ChainConfirmation } from 'sphere-pow/chain';
      import { confirmChain as chainBySlim } from 'sphere-pow/chain/slim';
      import { verifyTranscript, type TranscriptReport, type TranscriptFault } from 'sphere-pow/transcript';
      import { verifyTranscript as bySlim } from 'sphere-pow/transcript/slim';
      import { checkSegment, type SegmentReport } from 'sphere-pow/train';
      import { checkSegment as segmentBySlim } from 'sphere-pow/train/slim';
      const verifier = await createVerifier({ profile: 'gonka', params: 'testnet', blockHash: 'AB', worker: false });
      const distance: number = await verifier.distance('02', 1n, { signal: AbortSignal.timeout(5), onProgress: ({ phase, eta }) => void [phase, eta] });
      const report = await verifier.verifyBatch('{}', { sample: 'all', seed: 'x', seedSource: 'document', concurrency: 2 });
      for await (const result of verifier.verifyBatch({ nonces: [1] })) { const one: Result = result; void [one, result.recomputed]; }
      const whole: Report = await verifyDocument(new Uint8Array(), { params: 'mainnet', said: { rTarget: 1.3 } });
      for await (const one of verifyDocument('')) { const result: DocumentResult = one; void result.submission; }
      for (const one of whole.submissions) void (one.profile === 'gonka' ? one.evidence.advisory : one.evidence.fault);
      const [proof] = (await readDocument(new Uint8Array())).submissions;
      if (proof) void [proof.nonces()[0], proof.claims(), proof.cost().memoryBytes];
      await verifier.verify('{}');
      await init({ wasm: new URL('https://example.com/verifier.wasm') });
      const radius: number = await targetRadius.at((await constants()).radii[1]!.fromHeight!);
      try { await slim({ profile: 'gonka', params: (await readModel('gonka', {})).params, blockHash: '' }); }
      catch (error) { if (error instanceof SpherePowError && error.code === 'E_MEMORY' && error.reason === null) throw error; }
      await verifier.close();
      const made = await trace({ profile: 'exact', params: 'nano', blockHash: 'AB', publicKey: '02', nonce: 1n });
      const digest: string = made.steps.digest.digest;
      const skipped = await skipLayers({ profile: 'gonka', params: 'dev-test', blockHash: 'AB', publicKey: '02', nonces: [1, '2', 3n], kept: [0, 2], rTarget: 1.4 });
      const moved: number | null = skipped.rmsDifference;
      await close();
      void [digest, moved, fromFiles];
      const judged: TranscriptReport = await verifyTranscript(new Blob([]), (await fetch('')).body!, { beacon: 'b', samples: 60, params: 'nano', onProgress: ({ layer, nonces, skippedBound, faults }) => void [layer, nonces[0], skippedBound, faults.length] });
      const fault: TranscriptFault | undefined = judged.faults[0];
      for (const source of [await fetch(''), new Uint8Array(), '', (async function* () { yield ''; })()]) await bySlim('{}', source);
      void [fault?.code === 'step', judged.verdict === 'void'];
      const segment: SegmentReport = await checkSegment(new Blob([]), { text: '', params: 'train-nano', root: 'ab', start: new Uint8Array(), onProgress: ({ fraction, eta }) => void [fraction, eta] });
      void [segment.verdict === 'unopened', segment.byTheOpening[0] === 'seed', segmentBySlim];
      void [distance, report.verdict === 'inconclusive', radius, hasSimd(), SHAPES.single, ERROR_CODES.length];
    `,
    'bad.ts': `
      import { createVerifier } from 'sphere-pow';
      import { trace } from 'sphere-pow/learn';
      import { verifyTranscript } from 'sphere-pow/transcript';
      // @ts-expect-error a number is no document
      await verifyTranscript('', 7);
      // @ts-expect-error another profile
      await createVerifier({ profile: 'other', params: 'testnet', blockHash: '' });
      // @ts-expect-error no block hash
      await createVerifier({ profile: 'gonka', params: 'testnet' });
      const verifier = await createVerifier({ profile: 'gonka', params: 'testnet', blockHash: '' });
      // @ts-expect-error no such code
      try {} catch (e) { if ((e as import('sphere-pow').SpherePowError).code === 'E_NONE') throw e; }
      // @ts-expect-error a nonce is no object
      await verifier.distance('', {});
      // @ts-expect-error a radius is of the other profile
      await trace({ profile: 'exact', params: 'nano', blockHash: '', publicKey: '', nonce: 1, rTarget: 1.4 });
    `,
    'tsconfig.json': JSON.stringify({
      compilerOptions: { strict: true, noEmit: true, target: 'es2022', module: 'nodenext', lib: ['es2023', 'dom', 'dom.iterable', 'esnext.disposable'], types: [] },
      include: ['*.ts'],
    }),
  });
  const said = (() => {
    try {
      return execFileSync(process.execPath, [join(paths.tests, 'node_modules/typescript/bin/tsc'), '-p', dir], { encoding: 'utf8' });
    } catch (error) {
      return error.stdout;
    }
  })();
  // The one thing that a program for browsers lacks: node's own types are not asked for.
  assert.equal(said, '');
});

test('the types hold without lib.dom', () => {
  const dir = freshProject('types-node', {
    'node.mts': `
      import { createVerifier, verifyDocument } from 'sphere-pow';
      export const verifier = createVerifier({ profile: 'exact', params: 'nano', blockHash: 'AB', worker: new URL('file:///worker.js') });
      export const report = verifyDocument('{}', { signal: AbortSignal.timeout(5) });
    `,
  });
  const tsc = join(paths.tests, 'node_modules/typescript/bin/tsc');
  const flags = ['--noEmit', '--strict', '--skipLibCheck', 'false', '--module', 'nodenext', '--target', 'es2022', '--lib', 'es2022', '--types', 'node', '--typeRoots', join(paths.tests, 'node_modules/@types')];
  execFileSync(process.execPath, [tsc, ...flags, join(dir, 'node.mts')], { stdio: 'pipe' });
});

test('the types hold in CommonJS under node16, as of ES2022, and with unchecked indices told', () => {
  const dir = freshProject('types-strictest', {
    'old.cts': `
      import type { Report, SubmissionReport } from 'sphere-pow' with { 'resolution-mode': 'import' };
      export const first = ({ submissions: [one] }: Report): SubmissionReport | undefined => one;
      export const check = async (text: string): Promise<string | undefined> => {
        const { verifyDocument, ERROR_CODES } = await import('sphere-pow');
        void ERROR_CODES[0]!.length;
        return (await verifyDocument(text)).submissions[0]?.summary;
      };
    `,
    'strict.mts': `
      import { constants, readDocument, verifyDocument } from 'sphere-pow';
      const { radii, presets } = await constants();
      const radius: number | undefined = radii[0]?.rTarget;
      const preset: string | undefined = presets.gonka[0];
      const nonce: bigint | undefined = (await readDocument('')).submissions[0]?.nonces()[0];
      // @ts-expect-error there may be none
      (await verifyDocument('')).submissions[0].summary;
      export { nonce, preset, radius };
    `,
  });
  const tsc = join(paths.tests, 'node_modules/typescript/bin/tsc');
  const strict = ['--noEmit', '--strict', '--noUncheckedIndexedAccess', '--exactOptionalPropertyTypes', '--skipLibCheck', 'false'];
  const files = ['old.cts', 'strict.mts'].map((name) => join(dir, name));
  // No types but the language's own, then with those of browsers, and of the newest language.
  for (const lib of ['es2022', 'es2022,dom', 'esnext,dom']) {
    execFileSync(process.execPath, [tsc, ...strict, '--module', 'node16', '--target', 'es2022', '--lib', lib, '--types', '', ...files], { stdio: 'pipe' });
  }
});

test('source maps have their sources with them, and lead to the line that throws', () => {
  for (const name of readdirSync(dist).filter((name) => name.endsWith('.js') && !/^inlined-|worker/.test(name))) {
    assert.ok(read(name).toString().trimEnd().endsWith(`//# sourceMappingURL=${name}.map`), name);
    const { sources, sourcesContent } = JSON.parse(read(`${name}.map`).toString());
    assert.ok(sources.length > 0 && sourcesContent.length === sources.length && sourcesContent.every((text) => text.length > 0), name);
  }
  const map = new SourceMap(JSON.parse(read('core.js.map').toString()));
  const lines = read('core.js').toString().split('\n');
  const line = lines.findIndex((text) => text.includes('there are no workers here'));
  const { originalSource, originalLine } = map.findEntry(line, lines[line].indexOf('there are no workers here'));
  assert.match(originalSource, /workers\.js$/);
  const source = readFileSync(join(paths.package, 'js/workers.js'), 'utf8').split('\n');
  assert.match(source[originalLine], /there are no workers here/);
});

test('the sources check', () => {
  execFileSync(process.execPath, [join(paths.package, 'node_modules/typescript/bin/tsc'), '-p', paths.package], { stdio: 'pipe' });
});

test('no wasm has a relaxed instruction, and the scalar one no vectors', async () => {
  const { default: binaryen } = await import('binaryen');
  const words = (name) => {
    const module = binaryen.readBinary(read(name));
    const text = module.emitText();
    module.dispose();
    return text;
  };
  const [simd, scalar, ...others] = ['verifier.wasm', 'verifier-scalar.wasm', 'learn.wasm', 'transcript.wasm', 'chain.wasm', 'network.wasm', 'train.wasm', 'webgpu.wasm'].map(words);
  assert.ok((simd.match(/f32x4\.mul/g) ?? []).length > 50);
  assert.equal(scalar.match(/\b(v128|[if](8|16|32|64)x[0-9]+)\./), null);
  for (const text of [simd, scalar, ...others]) assert.equal(text.match(/relaxed|\.atomic\./), null);
  // Without the text, too: relaxed instructions are 0xfd followed by 0x80 to 0x93 and 0x02.
  assert.match('(i8x16.relaxed_swizzle', /relaxed/);
});

test('nothing of the machine that built it is in the tarball', () => {
  const tar = gunzipSync(readFileSync(paths.tarball)).toString('latin1');
  const wasm = read('verifier.wasm').toString('latin1') + read('verifier-scalar.wasm').toString('latin1');
  for (const text of [tar, wasm]) {
    for (const word of [paths.root, '/root/', '/home/', '/Users/', '.cargo/registry']) assert.equal(text.indexOf(word), -1, word);
  }
  const names = execFileSync('tar', ['-tzf', paths.tarball], { encoding: 'utf8' }).trim().split('\n');
  assert.ok(names.every((name) => /^package\/(dist\/[a-z.-]+|(package|example)\.json|README\.md|LICENSE-(MIT|APACHE))$/.test(name)), names.join(' '));
  assert.ok(names.includes('package/README.md') && names.includes('package/LICENSE-MIT'));
});

test('lock files name no registry', () => {
  for (const dir of [paths.package, paths.tests, join(paths.tests, 'bundlers'), join(paths.root, 'tests/bench/js')]) {
    const lock = readFileSync(join(dir, 'package-lock.json'), 'utf8');
    assert.equal(lock.match(/"resolved": "http/), null);
    assert.match(lock, /"integrity": "sha512-/);
  }
});

test('the README states the sizes of this build', () => {
  const readme = readFileSync(join(paths.installed, 'README.md'), 'utf8');
  for (const name of ['core.js', 'index.js', 'learn.js', 'transcript.js', 'chain.js', 'network.js', 'train.js', 'webgpu.js', 'verifier.wasm', 'verifier-scalar.wasm', 'learn.wasm', 'transcript.wasm', 'chain.wasm', 'network.wasm', 'train.wasm', 'webgpu.wasm']) {
    const row = new RegExp(`\\| ${name.replace('.', '\\.')} \\| ([0-9.]+) \\| ([0-9.]+) \\| ([0-9.]+) \\|`).exec(readme);
    assert.ok(row, `${name} has a row`);
    const [bytes, gzipped] = [read(name).length / 1000, gz(name) / 1000];
    assert.ok(Math.abs(Number(row[1]) / bytes - 1) < 0.05, `${name}: ${bytes.toFixed(1)} kB, stated ${row[1]}`);
    assert.ok(Math.abs(Number(row[2]) / gzipped - 1) < 0.05, `${name}: ${gzipped.toFixed(1)} kB gzipped, stated ${row[2]}`);
  }
  for (const code of ['E_FORMAT', 'E_RANGE', 'E_PROFILE_UNKNOWN', 'E_BLOCK_HASH', 'E_MEMORY', 'E_WASM_LOAD', 'E_ABORTED', 'E_V2_DATA', 'E_INTERNAL']) {
    assert.ok(readme.includes(code), code);
  }
});

test('a build can be told by its hash', () => {
  const hash = (name) => createHash('sha256').update(read(name)).digest('hex');
  const names = readdirSync(dist).filter((name) => name.endsWith('.wasm'));
  assert.deepEqual(names.toSorted(), ['chain.wasm', 'learn.wasm', 'network.wasm', 'train.wasm', 'transcript.wasm', 'verifier-scalar.wasm', 'verifier.wasm', 'webgpu.wasm']);
  writeFileSync(join(paths.work, 'SHA256SUMS'), names.map((name) => `${hash(name)}  ${name}\n`).join(''));
  assert.equal(new Set(names.map(hash)).size, names.length);
});
