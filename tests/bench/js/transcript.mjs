// Openings of a commitment checked by the package in Node or, with --chromium, in a page, in one worker, against whole nonces
// of the same model in the same run: a table on standard error, JSON on standard output.
//
// node tests/bench/js/transcript.mjs [--params standard] [--nonces 8] [--samples 200] [--rounds 3] [--chromium]; it builds what
// it measures, but for the package where SPHERE_POW_NO_BUILD is set. The two take turns; each figure is the best of its rounds;
// with none, no nonce is computed.

import { execFileSync } from 'node:child_process';
import { cpSync, createReadStream, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { browser, serve } from '../../js/support.mjs';
import { root, target } from './wasm.mjs';

const text = (value) => ({ type: 'string', default: value });
const { values } = parseArgs({ options: { params: text('standard'), nonces: text('8'), samples: text('200'), rounds: text('3'), chromium: { type: 'boolean', default: false } } });
const entry = (name) => join(root, 'verifier-wasm/dist', name);
if (!process.env.SPHERE_POW_NO_BUILD || !existsSync(entry('transcript.js'))) execFileSync(process.execPath, ['verifier-wasm/build.mjs'], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
execFileSync('tests/command', { cwd: root, stdio: 'inherit' });

const dir = mkdtempSync(join(tmpdir(), 'sphere-pow-transcript-'));
const sphere = (...args) => execFileSync(join(target, 'release/sphere-pow'), args, { cwd: dir, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
const beacon = 'a-later-block';
sphere('mine', '--profile', 'exact', '--params', values.params, '--block-hash', 'bench', '--public-key', 'key', '--backend', 'cpu', '--count', values.nonces, '--out', 'p.jsonl');
sphere('commit', 'p.jsonl');
sphere('open', 'p.jsonl', '--beacon', beacon, '--samples', values.samples);
const commitment = readFileSync(join(dir, 'p.jsonl.commitment'), 'utf8');
const openings = join(dir, 'p.jsonl.openings');

/** Checks and whole nonces in turns; runs in Node and, as text, in a page. */
async function measure(urls, openings, commitment, { beacon, samples, params, rounds }) {
  const [{ verifyTranscript }, { createVerifier }] = [await import(urls[0]), await import(urls[1])];
  const since = (began) => (performance.now() - began) / 1000;
  const checked = async () => {
    const began = performance.now();
    const { verdict, summary } = await verifyTranscript(commitment, await openings(), { beacon, samples });
    if (verdict !== 'honest') throw new Error(summary);
    return since(began);
  };
  // Before whole nonces take memory of their own.
  let seconds = await checked();
  const peakMegabytes = globalThis.process ? globalThis.process.resourceUsage().maxRSS / 1000 : null;
  const verifier = await createVerifier({ profile: 'exact', params, blockHash: 'bench' });
  let nonceSeconds = Infinity;
  for (let round = 0; round < rounds; round++) {
    seconds = Math.min(seconds, await checked());
    const began = performance.now();
    await verifier.distance('key', round);
    nonceSeconds = Math.min(nonceSeconds, since(began));
  }
  await verifier.close();
  return { seconds, nonceSeconds, peakMegabytes };
}

/** The same in Chromium, everything from this machine. */
async function inChromium(options) {
  const site = join(dir, 'site');
  cpSync(join(root, 'verifier-wasm/dist'), site, { recursive: true });
  cpSync(openings, join(site, 'openings.bin'));
  writeFileSync(join(site, 'index.html'), '<!doctype html><title>bench</title><link rel="icon" href="data:,">');
  const [server, chromium] = [await serve(site), await browser()];
  try {
    const { page } = await chromium.open(server.url);
    const call = JSON.stringify([['/transcript.js', '/index.js'], commitment, options]);
    return await page.evaluate(`(() => {
      const [urls, commitment, options] = ${call};
      const openings = async () => (await fetch('/openings.bin')).body;
      return (${measure})(urls, openings, commitment, options);
    })()`);
  } finally {
    await chromium.close();
    await server.close();
  }
}

const options = { beacon, samples: Number(values.samples), params: values.params, rounds: Number(values.rounds) };
const { seconds, nonceSeconds, peakMegabytes } = values.chromium
  ? await inChromium(options)
  : await measure([entry('transcript.js'), entry('index.js')], async () => createReadStream(openings), commitment, options);
const report = {
  engine: values.chromium ? 'chromium' : 'node',
  params: values.params,
  samples: Number(values.samples),
  openingsMegabytes: statSync(openings).size / 1e6,
  seconds,
  nonceSeconds: Number.isFinite(nonceSeconds) ? nonceSeconds : null,
  ratioToOneNonce: Number.isFinite(nonceSeconds) ? seconds / nonceSeconds : null,
  peakMegabytes,
};
for (const [name, value] of Object.entries(report)) console.error(`${name.padEnd(20)} ${typeof value === 'number' ? Number(value.toPrecision(3)) : value}`);
console.log(JSON.stringify(report, null, 2));
rmSync(dir, { recursive: true });
