// What users of the package see; index.d.ts and slim.d.ts give it out.

/** Stable codes; see the README for what each one means. */
export type ErrorCode =
  | 'E_FORMAT'
  | 'E_RANGE'
  | 'E_PROFILE_UNKNOWN'
  | 'E_BLOCK_HASH'
  | 'E_MEMORY'
  | 'E_WASM_LOAD'
  | 'E_ABORTED'
  | 'E_V2_DATA'
  | 'E_INTERNAL';

/** Every error of this package. One of code `E_ABORTED` is named `AbortError`; its cause is the signal's reason. */
export declare class SpherePowError extends Error {
  constructor(code: ErrorCode, message: string, options?: { cause?: unknown });
  readonly code: ErrorCode;
}

/** The proof scheme. */
export type Profile = 'gonka';

/** Model sizes of the `gonka` profile, with the network's field names. */
export interface GonkaParams {
  dim: number;
  n_layers: number;
  n_heads: number;
  n_kv_heads: number;
  vocab_size: number;
  ffn_dim_multiplier?: number | null;
  multiple_of: number;
  norm_eps: number;
  rope_theta: number;
  use_scaled_rope: boolean;
  seq_len: number;
}

/** A preset by name, or sizes; `chainModel` of sphere-pow/adapters reads them from the chain's parameters. */
export type ParamsOption = 'mainnet' | 'testnet' | 'default' | 'devtest' | 'dev-test' | GonkaParams;

/** An integer from 0 to 2^63 - 1. A number must be exact; text is decimal digits. */
export type NonceInput = string | number | bigint;

/** Where the wasm comes from. */
export type WasmSource = BufferSource | URL | string | Response | WebAssembly.Module;

/**
 * How the work leaves the caller's thread. Left out: a worker of the package's own, from a blob: or data: URL.
 * A URL or a function: the script `sphere-pow/worker`, served by you, for pages whose policy forbids blob:.
 * `false`: no worker, the calling thread is blocked while it computes.
 */
export type WorkerOption = false | URL | string | (() => Worker | NodeWorker) | undefined;

/** A worker of node:worker_threads. */
export interface NodeWorker {
  postMessage(message: unknown): void;
  terminate(): Promise<number>;
  on(event: string, listener: (...args: any[]) => void): unknown;
}

/** `pool`: the block's weights are made. `layers`: the forward pass. `distance`: done. */
export type Phase = 'pool' | 'layers' | 'distance';

export interface Progress {
  phase: Phase;
  /** Share of the whole call done, 0 to 1; never falls. */
  fraction: number;
  /** Seconds left by the pace so far, null while unknown. */
  eta: number | null;
  /** Nonces done. */
  done: number;
  /** Nonces of this call. */
  total: number;
}

export interface CallOptions {
  /** Stops the call within milliseconds; the worker is gone afterwards, with its memory. */
  signal?: AbortSignal;
  onProgress?: (progress: Progress) => void;
}

export interface VerifierOptions {
  profile: Profile;
  params: ParamsOption;
  /** Hash of the block that starts the Sprint: hex as seeds use it, or base64 of 32 bytes. */
  blockHash: string;
  /** The radius to win. Without it: the proof's, if not looser than the launch radius; else the launch radius. */
  rTarget?: number;
  /** A batch less probable than this is fraud; 1e-7. */
  fraudThreshold?: number;
  /** Workers at most, each with a weight pool of its own; 1. */
  concurrency?: number;
  /** Bytes that all workers together may need; more is refused with E_MEMORY. */
  memoryLimit?: number;
  worker?: WorkerOption;
  wasm?: WasmSource | Promise<WasmSource>;
}

export interface BatchOptions extends CallOptions {
  /** Nonces to recompute, drawn by `seed`: a number or 'all'. The network's validators take 200. */
  sample?: number | 'all';
  /** Seed of the sample; random when left out. A prover that can guess it can keep its junk out of the sample. */
  seed?: string;
  /** Workers for this call. */
  concurrency?: number;
  /** Who mined, where the proof does not say. */
  publicKey?: string;
}

export interface VerifyOptions extends CallOptions {
  /** Who mined, where the proof does not say. */
  publicKey?: string;
}

/**
 * `valid` and `invalid` are what the network's rule says. `inconclusive`: the rule says nothing reliable here,
 * because hardware noise can move the distance over the radius, or because the sample is too small to convict.
 */
export type State = 'valid' | 'invalid' | 'inconclusive';

export interface NonceResult {
  /** Place in the proof's lists. */
  index: number;
  /** Decimal. */
  nonce: string;
  claimed: number;
  /** null when the model's output is all zero or not finite. */
  recomputed: number | null;
  /** claimed - recomputed. */
  difference: number | null;
  /** The network's rule: recomputed <= rTarget and claimed < rTarget. */
  valid: boolean;
}

/** Advisory: the network does not compare claimed with recomputed distances. */
export interface Advisory {
  rmsError: number | null;
  maxError: number | null;
  meanRecomputed: number | null;
  /** rmsError <= 5e-6 and maxError <= 2e-5. */
  isWithinHardwareNoise: boolean;
  /** The recomputed distances scatter as random ones: another block hash, key or model was mined. */
  looksLikeWrongContext: boolean;
}

/** What the proof was held against, and where that came from. */
export interface Context {
  profile: Profile;
  blockHash: string;
  publicKey: string;
  blockHeight: number | null;
  nodeId: number | null;
  rTarget: number;
  rTargetSource: 'option' | 'proof' | 'default';
  /** Share of random nonces that win at rTarget. */
  winRate: number;
}

export interface ProofReport extends Context, NonceResult {
  state: State;
  advisory: Advisory;
  /** A likely cause in words, when there is one. */
  hint: string | null;
}

export interface BatchReport extends Context {
  state: State;
  /** The network's verdict on the sample. */
  verdict: { nChecked: number; nInvalid: number; probabilityHonest: number; fraudDetected: boolean };
  fraudThreshold: number;
  /** Nonces in the proof. */
  nClaimed: number;
  /** Seed of the sample; null when all were checked. */
  seed: string | null;
  advisory: Advisory;
  hint: string | null;
  /** By index. */
  results: NonceResult[];
}

/** One claim of a document, in one form; what the document leaves out is null and listed in `missing`. */
export interface ParsedProof {
  publicKey: string | null;
  blockHash: string | null;
  blockHeight: number | null;
  nodeId: number | null;
  participant: string | null;
  rTarget: number | null;
  fraudThreshold: number | null;
  params: GonkaParams | null;
  nonces: string[];
  distances: number[];
  missing: ('publicKey' | 'blockHash' | 'rTarget' | 'params' | 'nonces')[];
}

export interface ParsedDocument {
  shape: 'A' | 'B' | 'C' | 'D' | 'E' | 'G' | 'H';
  shapeName: string;
  proofs: ParsedProof[];
}

/** A document of any of the network's shapes: JSON text or bytes, what JSON.parse made of it, or a ParsedProof. */
export type ProofInput = string | Uint8Array | ArrayBuffer | ParsedProof | object;

export interface ModelCost {
  params: GonkaParams;
  /** Width of the feed-forward layer. */
  hidden: number;
  /** Values in the weight pool. */
  poolLen: number;
  /** Bytes that one worker needs. */
  memoryBytes: number;
  flopsPerNonce: number;
  /** Nonces of one forward pass. */
  batch: number;
}

export interface Verifier {
  readonly profile: Profile;
  readonly blockHash: string;
  readonly model: ModelCost;
  /** The distance of a nonce; NaN when the model's output is all zero or not finite. */
  distance(publicKey: string, nonce: NonceInput, options?: CallOptions): Promise<number>;
  /** Checks a proof of one nonce. */
  verify(proof: ProofInput, options?: VerifyOptions): Promise<ProofReport>;
  /** Checks a batch; as an iterator it gives each nonce as it is done. Leaving the loop stops the work. */
  verifyBatch(batch: ProofInput, options?: BatchOptions): Promise<BatchReport> & AsyncIterable<NonceResult>;
  /** Stops everything; pending calls reject with E_ABORTED. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface TargetRadii {
  /** At launch in August 2025: 5.06 % of nonces win. */
  readonly LAUNCH: 1.4013564660458173;
  /** From 22 December 2025 (v0.2.6): 2.00 % win. */
  readonly DECEMBER_2025: 1.398077;
  /** The network's radius on that day. */
  at(day: Date | string | number): number;
  /** Share of random nonces that win at `radius`. */
  winRate(radius: number, vocabSize?: number): Promise<number>;
  /** The radius at which a share `rate` of random nonces wins. */
  fromWinRate(rate: number, vocabSize?: number): Promise<number>;
}
