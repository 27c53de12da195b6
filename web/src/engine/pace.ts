// A short calibration: how fast one worker is here, by a pass or two of the smallest model.

import type { Progress, Verifier } from 'sphere-pow/slim';
import type { Pace, ProofHead } from './types.ts';
import { wasmVerifier } from './verifiers.ts';

const HASH = '5'.repeat(64);
const KEY = `02${'5'.repeat(64)}`;

export async function measure(profile: ProofHead['profile']): Promise<Pace> {
  const params = profile === 'gonka' ? 'dev-test' : 'nano';
  const verifier = await wasmVerifier({ profile, params, blockHash: HASH });
  try {
    const first = await pass(verifier, 0);
    const second = await pass(verifier, 1);
    const operations = (claims(verifier) * work(verifier)) / second.all;
    const weights = 'poolLen' in verifier.model ? verifier.model.poolLen : verifier.model.weightBytes;
    return { operations, weight: Math.max(0, first.sinceBegun - second.all) / weights };
  } finally {
    await verifier.close();
  }
}

function work(verifier: Verifier): number {
  return verifier.profile === 'gonka' ? verifier.model.flopsPerNonce : verifier.model.opsPerNonce;
}

/** Enough for a pass's usual pace, and over within a second or so. */
function claims({ profile, model }: Verifier): number {
  return profile === 'gonka' ? Math.min(8, model.batch) : model.batch;
}

/** Seconds of a pass, whole and since the worker was up. */
async function pass(verifier: Verifier, which: number): Promise<{ all: number; sinceBegun: number }> {
  const n = claims(verifier);
  const nonces = Array.from({ length: n }, (_, i) => String(which * n + i));
  const proof =
    verifier.profile === 'gonka'
      ? { public_key: KEY, block_hash: HASH, nonces, dist: nonces.map(() => 1) }
      : { profile: 'exact', version: verifier.model.version, params: verifier.model.params, public_key: KEY, block_hash: HASH, nonces, digests: nonces.map(() => '0'.repeat(64)) };
  const began = performance.now();
  let begun = 0;
  const onProgress = (_: Progress) => (begun ||= performance.now());
  await verifier.verifyBatch(proof, { sample: 'all', onProgress });
  const ended = performance.now();
  return { all: (ended - began) / 1000, sinceBegun: (ended - (begun || began)) / 1000 };
}
