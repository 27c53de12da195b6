import type {
  CallOptions,
  ExactParams,
  ExactVerifierOptions,
  GonkaParams,
  GonkaVerifierOptions,
  NonceInput,
  WasmSource,
  WorkerOption,
} from './types.js';

/** A model of either profile. */
export type Model =
  | { profile: 'gonka'; params: GonkaVerifierOptions['params']; /** The radius to win; that at launch by default. */ rTarget?: number }
  | { profile: 'exact'; params: ExactVerifierOptions['params'] };

interface Common extends CallOptions {
  blockHash: string;
  publicKey: string;
  /** Bytes that the worker may need; more is refused with E_MEMORY. */
  memoryLimit?: number;
  /** As for `createVerifier`; the script is `sphere-pow/learn-worker`. The first call's counts until `close()`. */
  worker?: WorkerOption;
  /** As for `createVerifier`; the file is `sphere-pow/learn.wasm`. The first call's counts. */
  wasm?: WasmSource | Promise<WasmSource>;
}

export type TraceOptions = Model & Common & { nonce: NonceInput };

export type SkipOptions = Model &
  Common & {
    /** At most 4096, each once. */
    nonces: readonly NonceInput[];
    /** The layers that are computed: their numbers, from 0, ascending; or how many of the first. */
    kept: number | readonly number[];
  };

/** One step of the making. */
export interface Step {
  /** The section of SPEC.md that rules it, such as `I.2`. */
  section: string;
}

/** What one seed string comes to, SPEC I.1 and I.2. */
export interface SeedTrace {
  /** The seed string. */
  text: string;
  /** Each text that is hashed, and its SHA-256 in hex. */
  hashes: { text: string; sha256: string }[];
  /** The hashes as little-endian u32: `8 * hashes.length` words. */
  entropy: number[];
  /** numpy's `SeedSequence(entropy).generate_state(4, uint64)`, hex. */
  state: [string, string, string, string];
  /** PCG64 as it starts: 128 bits each, hex. */
  pcg: { initialState: string; stream: string };
  /** The first three 64-bit draws, hex. */
  draws: string[];
}

export type SeedName = 'pool' | 'input' | 'permutation' | 'target';

/** Where a tensor lies in the pool: value k of n is `pool[(k + rotation) % n % poolLength]`, shifted by `start`. */
export interface TensorTrace {
  name: string;
  shape: [number, number];
  /** The first 8 hex digits of SHA-256 of `{blockHash}_{name}`, as a number. */
  offset: number;
  start: number;
  rotation: number;
  /** The first values. */
  first: number[];
}

/** The making of one nonce of the `gonka` profile. Lists named `first…` hold the first dozen values. */
export interface GonkaTrace {
  profile: 'gonka';
  params: GonkaParams;
  blockHash: string;
  publicKey: string;
  /** Decimal. */
  nonce: string;
  /** In the order of the making. */
  steps: {
    seeds: Step & Record<SeedName, string>;
    generators: Step & Record<SeedName, SeedTrace>;
    /** f16 values. */
    pool: Step & { length: number; bytes: number; first: number[] };
    /** A matrix, the output projection, and the first tensor that is longer than the pool, if there is one. */
    tensors: Step & { parameters: number; views: TensorTrace[] };
    /** f16 values, [seq_len, dim]. */
    input: Step & { shape: [number, number]; first: number[] };
    forward: Step & { layers: number; flops: number };
    /** f16 values, [vocab]. */
    logits: Step & { length: number; first: number[]; norm: number };
    permutation: Step & { length: number; first: number[] };
    /** A point of the unit sphere. */
    target: Step & { length: number; first: number[] };
    /** The logits, permuted and divided by their norm: null where the norm is 0 or not finite. */
    output: Step & { first: (number | null)[] };
    /** null where the logits are all zero or not finite. */
    distance: Step & { distance: number | null };
    verdict: Step & {
      rTarget: number;
      won: boolean;
      /** Share of random nonces that win at rTarget. */
      winRate: number;
      /** Share of random nonces that come as near as this one. */
      share: number | null;
    };
  };
}

/** A key of the `exact` profile: SHA-256 of `encoding`. Both hex. */
export interface KeyTrace {
  encoding: string;
  key: string;
}

/** A stream of a key through the table NORMAL. */
export interface StreamTrace {
  stream: string;
  /** The first keystream bytes, hex, two digits a value. */
  keystream: string;
  /** What the table makes of them. */
  first: number[];
}

/** The making of one nonce of the `exact` profile. Lists named `first` hold the first dozen values. */
export interface ExactTrace {
  profile: 'exact';
  params: ExactParams;
  blockHash: string;
  publicKey: string;
  /** Decimal. */
  nonce: string;
  /** In the order of the making. */
  steps: {
    keys: Step & { weights: KeyTrace; input: KeyTrace };
    /** The first matrix of the first layer, and the output projection. */
    weights: Step & { total: number; tensors: (StreamTrace & { name: string; shape: [number, number] })[] };
    input: Step & StreamTrace & { shape: [number, number] };
    forward: Step & { layers: number; operations: number };
    logits: Step & { length: number; first: number[]; /** Sum of squares, decimal. */ squared: string };
    digest: Step & { digest: string };
    target: Step & KeyTrace & StreamTrace & { length: number; /** Sum of squares, decimal. */ squared: string };
    verdict: Step & {
      /** Sum of logit times target, decimal. */
      dot: string;
      /** Won from this squared cosine on: a fraction. */
      threshold: { numerator: number; denominator: number };
      /** dot² 2^32, decimal. */
      left: string;
      /** threshold · target² · logits², decimal: won when dot is above 0 and left is not below this. */
      right: string;
      won: boolean;
      /** For display; decides nothing. */
      cosine: number;
      /** For display; decides nothing. */
      distance: number;
      /** Share of random nonces that win. */
      winRate: number;
    };
  };
}

/** How the scores of the shortcut go with the honest ones, over the nonces of the call. */
export interface Correlation {
  estimate: number;
  /** The 95 % interval. */
  low: number;
  high: number;
}

interface SkipReport {
  blockHash: string;
  publicKey: string;
  layers: number;
  /** The layers computed. */
  kept: number[];
  /** The shortcut's operations as a share of the honest ones. */
  work: number;
  winRate: number;
  /** Of the shortcut's distances with the honest ones; null below 4 nonces. */
  correlation: Correlation | null;
}

export interface GonkaSkipReport extends SkipReport {
  profile: 'gonka';
  params: GonkaParams;
  rTarget: number;
  /** Root mean square of shortcut - honest. */
  rmsDifference: number | null;
  /** A distance is null where the logits are all zero or not finite. */
  nonces: {
    nonce: string;
    honest: { distance: number | null; won: boolean };
    shortcut: { distance: number | null; won: boolean };
  }[];
}

/** Distances are `sqrt(2 - 2 cosine)`, for display. */
export interface ExactSkipReport extends SkipReport {
  profile: 'exact';
  params: ExactParams;
  /** Of the shortcut's distances to the honest target with the honest ones; null below 4 nonces. */
  correlationIfTargetKnown: Correlation | null;
  nonces: {
    nonce: string;
    honest: { digest: string; distance: number; won: boolean };
    shortcut: {
      digest: string;
      /** To the target that this digest draws, which is the rule. */
      distance: number;
      won: boolean;
      /** To the target that the honest digest draws: what the network alone would forgive. */
      distanceToHonestTarget: number;
    };
  }[];
}

/** The making of one nonce, step by step. Any model that fits: the worker of a large one is ended afterwards. */
export declare function trace(options: TraceOptions & { profile: 'gonka' }): Promise<GonkaTrace>;
export declare function trace(options: TraceOptions & { profile: 'exact' }): Promise<ExactTrace>;
export declare function trace(options: TraceOptions): Promise<GonkaTrace | ExactTrace>;

/**
 * Nonces computed honestly and with layers left out. Models of at most 1.1 GFLOP a nonce (`devtest`, `nano`, and
 * smaller ones): larger ones are refused with E_RANGE.
 */
export declare function skipLayers(options: SkipOptions & { profile: 'gonka' }): Promise<GonkaSkipReport>;
export declare function skipLayers(options: SkipOptions & { profile: 'exact' }): Promise<ExactSkipReport>;
export declare function skipLayers(options: SkipOptions): Promise<GonkaSkipReport | ExactSkipReport>;

/** Ends the worker, which otherwise waits for the next call; calls in progress reject with E_ABORTED. */
export declare function close(): Promise<void>;

export { SpherePowError } from './types.js';
