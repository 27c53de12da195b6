// The small models of the page, and one run of honest and shortened making.

import type { ExactSkipReport, GonkaSkipReport } from 'sphere-pow/learn';
import { skipLayers } from '../learn/client.ts';
import { gainOf, type Gain } from './gain.ts';

export type Profile = 'gonka' | 'exact';
export type SkipReport = GonkaSkipReport | ExactSkipReport;

/**
 * Nonces of each run: a first answer at once, then one from more nonces, where chance alone makes correlations that would be
 * worth something.
 */
export const STAGES: Record<Profile, readonly number[]> = { gonka: [256], exact: [256, 1024] };

export const BLOCK_HASH = '2832E92ACC78E278013A8816BC56AD7C83FEE30E54F10F4ECA4BC05329A723A3';
export const PUBLIC_KEY = '021438798db085d15c4dffa4d803b7d383ea5305cede835fd97189597a7d5a3e56';

/** As deep as the network's testnet, but narrow: that of tests/soundness/gonka_depth32.json. */
const DEEP = {
  dim: 64,
  n_layers: 32,
  n_heads: 4,
  n_kv_heads: 4,
  vocab_size: 256,
  ffn_dim_multiplier: 1,
  multiple_of: 64,
  norm_eps: 1e-5,
  rope_theta: 10000,
  use_scaled_rope: false,
  seq_len: 4,
};

/** `rTarget`: as many nonces win as at the network's launch, `sphere-pow r-target --vocab 256 --probability 0.050647`. */
const MODELS = {
  gonka: { profile: 'gonka', params: DEEP, rTarget: 1.3398178 },
  exact: { profile: 'exact', params: 'nano' },
} as const;

export const LAYERS: Record<Profile, number> = { gonka: DEEP.n_layers, exact: 40 };

export interface Run {
  report: SkipReport;
  /** Of the rule; null where there is no correlation. */
  gain: Gain | null;
  /** `exact`: as if the honest target were known. */
  gainIfTargetKnown: Gain | null;
}

interface RunOptions {
  nonces: number;
  signal: AbortSignal;
  onProgress: (fraction: number) => void;
}

/** Computes the nonces from 0 on honestly and with the layers `kept`, ascending. */
export async function run(profile: Profile, kept: readonly number[], { nonces: count, signal, onProgress }: RunOptions): Promise<Run> {
  const common = { ...MODELS[profile], blockHash: BLOCK_HASH, publicKey: PUBLIC_KEY, signal };
  const nonces = Array.from({ length: count }, (_, nonce) => nonce);
  const report = await skipLayers({ ...common, nonces, kept, onProgress: (progress) => onProgress(progress.fraction) });
  const work = async (layers: readonly number[]) => (await skipLayers({ ...common, nonces: [0], kept: layers })).work;
  // Layers before the first gap are computed all the same by whoever goes on to the full work; the harness takes a little
  // less for reused, so this gain is on the high side.
  const prefix = kept.filter((layer, index) => layer === index);
  const reused = prefix.length === 0 ? 0 : (await work(prefix)) - (await work([]));
  const price = { cheap: report.work, reused: kept.length === report.layers ? 1 : reused };
  const gain = (correlation: SkipReport['correlation']) => (correlation ? gainOf(correlation, price, report.winRate) : null);
  return {
    report,
    gain: gain(report.correlation),
    gainIfTargetKnown: 'correlationIfTargetKnown' in report ? gain(report.correlationIfTargetKnown) : null,
  };
}
