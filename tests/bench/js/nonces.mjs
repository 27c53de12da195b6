// Whole nonces by the package as it is built: time, progress, cancelling.

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './wasm.mjs';

async function load() {
  const entry = join(root, 'verifier-wasm/dist/index.js');
  if (!process.env.SPHERE_POW_NO_BUILD || !existsSync(entry)) execFileSync(process.execPath, ['verifier-wasm/build.mjs'], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
  return import(entry);
}

const since = (began) => (performance.now() - began) / 1000;

/** Seconds of the best of `rounds` nonces of the `exact` profile's standard model, in one worker. */
async function exact(createVerifier, options, rounds) {
  const verifier = await createVerifier({ profile: 'exact', params: 'standard', blockHash: 'bench', ...options });
  let best = Infinity;
  for (let nonce = 0; nonce < rounds; nonce++) {
    const began = performance.now();
    await verifier.distance('key', nonce);
    best = Math.min(best, since(began));
  }
  await verifier.close();
  return best;
}

/** One nonce of the testnet with its progress printed, then a second one that is cancelled halfway. */
async function testnet(createVerifier) {
  const verifier = await createVerifier({ profile: 'gonka', params: 'testnet', blockHash: 'bench' });
  const began = performance.now();
  const phases = {};
  let said = -1;
  await verifier.distance('key', 0, {
    onProgress({ phase, fraction, eta }) {
      phases[phase] ??= since(began);
      const tenth = Math.floor(fraction * 10);
      if (tenth === said) return;
      said = tenth;
      console.error(`testnet nonce, ${since(began).toFixed(1)} s: ${phase}, ${(fraction * 100).toFixed(0)} %, ${eta?.toFixed(1) ?? '?'} s to go`);
    },
  });
  const seconds = since(began);
  // The pool is there, so that this nonce is within its layers at once.
  const controller = new AbortController();
  let aborted = 0;
  const error = await verifier
    .distance('key', 1, {
      signal: controller.signal,
      onProgress({ phase, fraction }) {
        if (phase !== 'layers' || fraction < 0.5 || aborted) return;
        aborted = performance.now();
        controller.abort();
      },
    })
    .then(() => { throw new Error('the cancelled nonce came to its end'); }, (error) => error);
  const cancelled = aborted && performance.now() - aborted;
  if (error.code !== 'E_ABORTED' || !cancelled) throw error;
  console.error(`a second one, cancelled halfway, rejects within ${cancelled.toFixed(1)} ms: ${error.message}`);
  await verifier.close();
  return { seconds, poolSeconds: phases.layers, cancelMilliseconds: cancelled };
}

/** A nonce of each profile. */
export async function nonces() {
  const { createVerifier } = await load();
  return {
    exactStandard: { seconds: await exact(createVerifier, {}, 5), keptSeconds: await exact(createVerifier, { keepWeights: true }, 5) },
    gonkaTestnet: await testnet(createVerifier),
  };
}
