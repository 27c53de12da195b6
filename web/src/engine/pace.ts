// A short calibration: how fast one worker is here, by a pass or two of the smallest model.

import type { Progress, Verifier } from 'sphere-pow/slim';
import type { Pace, Profile } from './types.ts';
import { wasmVerifier } from './verifiers.ts';

const HASH = '5'.repeat(64);
const KEY = `02${'5'.repeat(64)}`;

export async function measure(profile: Profile): Promise<Pace> {
  const verifier = await wasmVerifier(
    profile === 'gonka' ? { profile, params: 'dev-test', blockHash: HASH } : { profile, params: 'nano', blockHash: HASH },
  );
  try {
    const first = await pass(verifier, 0);
    const second = await pass(verifier, 1);
    const { workPerNonce, weightBytes } = verifier.model;
    return { operations: (claims(verifier) * workPerNonce) / second.all, weight: Math.max(0, first.sinceBegun - second.all) / weightBytes };
  } finally {
    await verifier.close();
  }
}

/** Enough for a pass's usual pace, and over within a second or so. */
function claims({ profile, model }: Verifier): number {
  return profile === 'gonka' ? Math.min(8, model.batch) : model.batch;
}

/** Seconds of a pass, whole and since the worker was up. */
async function pass(verifier: Verifier, which: number): Promise<{ all: number; sinceBegun: number }> {
  const n = claims(verifier);
  const nonces = Array.from({ length: n }, (_, i) => String(which * n + i));
  const head = { params: verifier.model.params, public_key: KEY, block_hash: HASH, nonces };
  const proof =
    verifier.profile === 'gonka'
      ? { ...head, dist: nonces.map(() => 1) }
      : { ...head, profile: 'exact', version: 2, digests: nonces.map(() => '0'.repeat(64)) };
  const began = performance.now();
  let begun = 0;
  const onProgress = (_: Progress) => (begun ||= performance.now());
  await verifier.verifyBatch(proof, { sample: 'all', onProgress });
  const ended = performance.now();
  return { all: (ended - began) / 1000, sinceBegun: (ended - (begun || began)) / 1000 };
}
