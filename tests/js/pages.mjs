// What projects of users run, in a page or elsewhere, and what must come of it.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { optionsOf, paths, vector } from './support.mjs';

const tiny = vector('tiny');
const exact = JSON.parse(readFileSync(join(paths.root, 'tests/vectors/exact_proof.json'), 'utf8')).json;
const TRACED = 7;
const proofs = {
  gonka: [optionsOf(tiny), { public_key: tiny.public_key, nonces: tiny.nonces.slice(0, 8), dist: tiny.dist.slice(0, 8) }],
  exact: [{ profile: 'exact', params: exact.params, blockHash: exact.block_hash }, exact],
};
const traced = { profile: 'gonka', params: tiny.params, blockHash: tiny.block_hash, publicKey: tiny.public_key, nonce: TRACED };

/**
 * A module whose `check()` verifies a proof of each profile, and traces a nonce where `learn` is wanted.
 * @param {object} [options]
 * @param {string} [options.entry] What gives createVerifier.
 * @param {string | false} [options.learn] What gives trace.
 * @param {string} [options.before] Code after the imports.
 * @param {string} [options.more] More options of the verifier, as code; `learnMore` those of the trace.
 * @param {string} [options.learnMore]
 */
export function checkModule({ entry = 'sphere-pow', learn = 'sphere-pow/learn', before = '', more = '', learnMore = '' } = {}) {
  const seeing = `
    const { steps } = await trace({ ...${JSON.stringify(traced)}, ${learnMore} });
    report.traced = steps.distance.distance;
    await close();`;
  return `
    import { createVerifier } from '${entry}';
    ${learn ? `import { close, trace } from '${learn}';` : ''}
    ${before}
    export async function check() {
      const report = {};
      for (const [name, [options, proof]] of Object.entries(${JSON.stringify(proofs)})) {
        const verifier = await createVerifier({ ...options, ${more} });
        const { verdict, results } = await verifier.verifyBatch(proof);
        report[name] = { verdict, recomputed: results.map((r) => r.recomputed), digests: results.map((r) => r.digest) };
        await verifier.close();
      }
      ${learn ? seeing : ''}
      return report;
    }`;
}

/** A script that shows what `check()` of `from` gives in the page of {@link html}. */
export const show = (from) => `
  import { check } from '${from}';
  document.querySelector('#out').textContent = JSON.stringify(await check());`;

/** A page with a script and a place for what it gives. */
export const html = (script) =>
  `<!doctype html><html lang="en"><head><link rel="icon" href="data:,"><title>t</title></head><body><output id="out"></output>${script}</body></html>`;

/** Holds what `check()` gave to the known answers. */
export function assertReport(report, { learn = true } = {}) {
  assert.equal(report.gonka.verdict, 'honest');
  const far = report.gonka.recomputed.findIndex((distance, i) => !(Math.abs(distance - tiny.dist[i]) < 2e-5));
  assert.equal(far, -1, `nonce ${far}: ${report.gonka.recomputed[far]}, expected ${tiny.dist[far]}`);
  assert.equal(report.gonka.recomputed.length, 8);
  assert.equal(report.exact.verdict, 'honest');
  assert.deepEqual(report.exact.digests, exact.digests);
  if (learn) assert.equal(report.traced, report.gonka.recomputed[TRACED]);
  else assert.equal(report.traced, undefined);
}

/**
 * Opens a page of {@link show}, asserts that it computed right, that nothing complained and nothing came from
 * elsewhere. Gives the addresses it asked for.
 */
export async function works(chromium, url, options) {
  const { page, complaints, requests } = await chromium.open(url);
  await page.waitForFunction(() => document.querySelector('#out')?.textContent, null, { timeout: 60_000 }).catch((error) => {
    throw new Error(`${url}: ${error.message}\n${complaints.join('\n')}`);
  });
  const report = JSON.parse(await page.textContent('#out'));
  await page.close();
  assert.deepEqual(complaints, []);
  assertReport(report, options);
  const { origin } = new URL(url);
  const elsewhere = requests.filter((r) => ![origin, 'blob:', 'data:'].some((start) => r.startsWith(start)));
  assert.deepEqual(elsewhere, []);
  return requests;
}

/** The wasm files below `dir`. */
export function wasmFiles(dir) {
  return readdirSync(dir, { recursive: true }).filter((name) => name.endsWith('.wasm'));
}
