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

/** The proof scheme: the network's own, or exact integers. */
export type Profile = 'gonka' | 'exact';

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

/** Presets of the `gonka` profile. */
export type GonkaPreset = 'mainnet' | 'testnet' | 'default' | 'devtest' | 'dev-test';

/** Model sizes of the `exact` profile (SPEC II.2). A nonce wins from a squared cosine of `threshold` / 2^32 on. */
export interface ExactParams {
  dim: number;
  heads: number;
  hidden: number;
  layers: number;
  tokens: number;
  vocab: number;
  threshold: number;
}

/** Presets of the `exact` profile. */
export type ExactPreset = 'nano' | 'standard' | 'large';

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

/**
 * `pool` (gonka), `weights` (exact, where they are kept): the block's weights are made. `layers`: the forward pass.
 * `distance` (gonka), `verdict` (exact): done.
 */
export type Phase = 'pool' | 'weights' | 'layers' | 'distance' | 'verdict';

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

/** Options of both profiles. */
export interface CommonOptions {
  /** Hash of the block that starts the Sprint: hex as seeds use it, or base64 of 32 bytes. */
  blockHash: string;
  /** Workers at most, each with weights of its own; 1. */
  concurrency?: number;
  /** Bytes that all workers together may need; more is refused with E_MEMORY. */
  memoryLimit?: number;
  worker?: WorkerOption;
  wasm?: WasmSource | Promise<WasmSource>;
}

export interface GonkaVerifierOptions extends CommonOptions {
  profile: 'gonka';
  /** A preset, or sizes; `chainModel` of sphere-pow/adapters reads them from the chain's parameters. */
  params: GonkaPreset | GonkaParams;
  /** The radius to win. Without it: the proof's, if not looser than the launch radius; else the launch radius. */
  rTarget?: number;
  /** A batch less probable than this is fraud; 1e-7. */
  fraudThreshold?: number;
}

export interface ExactVerifierOptions extends CommonOptions {
  profile: 'exact';
  params: ExactPreset | ExactParams;
  /**
   * Whether each worker keeps the block's weights (one byte each) instead of making them anew for every pass:
   * faster for nonces computed one at a time, at 295 MB a worker for `standard`. False.
   */
  keepWeights?: boolean;
}

export type VerifierOptions = GonkaVerifierOptions | ExactVerifierOptions;

export interface BatchOptions extends CallOptions {
  /** Nonces to recompute, drawn by `seed`: a number or 'all'. 200, as the network's validators take. */
  sample?: number | 'all';
  /** Seed of the sample; random when left out. A prover that can guess it can keep its junk out of the sample. */
  seed?: string;
  /** Workers for this call. */
  concurrency?: number;
  /** Who mined, where the proof does not say. */
  publicKey?: string;
  /**
   * Results that an earlier, stopped call gave: those of this sample are not computed again but go into the report.
   * Progress and the iterator are of the rest. Needs that call's `seed`, so that the samples agree.
   */
  known?: readonly NonceResult[];
}

export interface VerifyOptions extends CallOptions {
  /** Who mined, where the proof does not say. */
  publicKey?: string;
}

/**
 * gonka: `valid` and `invalid` are what the network's rule says. `inconclusive`: the rule says nothing reliable here,
 * because hardware noise can move the distance over the radius, or because the sample is too small to convict.
 *
 * exact: `valid`: every claim was recomputed and is true to the bit. `invalid`: at least one is false, which proves
 * fraud. `inconclusive`: no false one was found, but only a sample was recomputed.
 */
export type State = 'valid' | 'invalid' | 'inconclusive';

/** One recomputed nonce of a `gonka` proof. */
export interface GonkaNonceResult {
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

/** What a proof was held against. */
export interface Context {
  profile: Profile;
  blockHash: string;
  publicKey: string;
}

/** What a `gonka` proof was held against, and where that came from. */
export interface GonkaContext extends Context {
  profile: 'gonka';
  blockHeight: number | null;
  nodeId: number | null;
  rTarget: number;
  rTargetSource: 'option' | 'proof' | 'default';
  /** Share of random nonces that win at rTarget. */
  winRate: number;
}

export interface GonkaProofReport extends GonkaContext, GonkaNonceResult {
  state: State;
  advisory: Advisory;
  /** A likely cause in words, when there is one. */
  hint: string | null;
}

export interface GonkaBatchReport extends GonkaContext {
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
  results: GonkaNonceResult[];
}

/** What a nonce comes to in the `exact` profile, the same on every machine. */
export interface ExactNonce {
  /** Decimal. */
  nonce: string;
  /** SHA-256 over the logits, 64 lower-case hex digits (SPEC II.8). */
  digest: string;
  /** Whether the nonce wins: dot > 0 and dot^2 2^32 >= threshold targetSquared logitsSquared. */
  won: boolean;
  /** Sum of logit times target, decimal. */
  dot: string;
  /** Sum of squared logits, decimal. */
  logitsSquared: string;
  /** Sum of squared target entries, decimal. */
  targetSquared: string;
  /** For display only: nothing is decided by it. */
  distance: number;
}

/** One recomputed claim of an `exact` proof; the fields of {@link ExactNonce} are what was recomputed. */
export interface ExactNonceResult extends ExactNonce {
  /** Place in the proof's lists. */
  index: number;
  claimedDigest: string;
  /** digest equals claimedDigest. */
  digestMatches: boolean;
  /** digestMatches and won: a proof claims of each of its nonces that it wins. */
  valid: boolean;
}

/** A false claim, which proves fraud, with what anyone needs to repeat it. */
export interface ExactFault {
  /** `digest`: it is not that of the nonce's logits. `not-won`: it is, but the nonce does not win. */
  code: 'digest' | 'not-won';
  /** The same in words. */
  detail: string;
  params: ExactParams;
  blockHash: string;
  publicKey: string;
  index: number;
  nonce: string;
  claimedDigest: string;
  computedDigest: string;
  dot: string;
  logitsSquared: string;
  targetSquared: string;
}

/** What an `exact` proof was held against. */
export interface ExactContext extends Context {
  profile: 'exact';
  /** Version of the profile's rules. */
  version: number;
  params: ExactParams;
  /** The preset of these params; null for others. */
  preset: ExactPreset | null;
  /** Share of random nonces that win. */
  winRate: number;
}

export interface ExactProofReport extends ExactContext, ExactNonceResult {
  state: 'valid' | 'invalid';
  fault: ExactFault | null;
}

export interface ExactBatchReport extends ExactContext {
  state: State;
  /** Claims in the proof. */
  nClaimed: number;
  /** Claims recomputed. */
  nChecked: number;
  /** Of these, false ones. */
  nInvalid: number;
  /** With no false claim found, at most this share of all claims is false, at 95 % confidence: 1 - 0.05^(1 / nChecked). 0 when all were recomputed; null with a fault. */
  falseShareBound: number | null;
  /** Seed of the sample; null when all were checked. */
  seed: string | null;
  /** The first false claim by index. */
  fault: ExactFault | null;
  /** By index. */
  results: ExactNonceResult[];
}

export type NonceResult = GonkaNonceResult | ExactNonceResult;
export type ProofReport = GonkaProofReport | ExactProofReport;
export type BatchReport = GonkaBatchReport | ExactBatchReport;

/** Claims of a `gonka` document, in one form; what the document leaves out is null and listed in `missing`. */
export interface ParsedGonkaProof {
  profile: 'gonka';
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

/** An `exact` proof, which leaves nothing out (SPEC II.9). */
export interface ParsedExactProof {
  profile: 'exact';
  version: number;
  params: ExactParams;
  preset: ExactPreset | null;
  publicKey: string;
  blockHash: string;
  /** Strictly ascending. */
  nonces: string[];
  /** 64 lower-case hex digits each. */
  digests: string[];
  missing: 'nonces'[];
}

export type ParsedProof = ParsedGonkaProof | ParsedExactProof;

/** Letters are those of `SHAPES` in sphere-pow/adapters; X is a proof of the `exact` profile. */
export type Shape = 'A' | 'B' | 'C' | 'D' | 'E' | 'G' | 'H' | 'X';

export interface ParsedDocument {
  shape: Shape;
  shapeName: string;
  proofs: ParsedProof[];
}

/**
 * A document of any of the network's shapes or an `exact` proof: JSON text or bytes, an exact proof's own bytes, what
 * JSON.parse made of it, or a ParsedProof.
 */
export type ProofInput = string | Uint8Array | ArrayBuffer | ParsedProof | object;

/** What a model of the `gonka` profile costs. */
export interface GonkaModel {
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

/** What a model of the `exact` profile costs. */
export interface ExactModel {
  params: ExactParams;
  preset: ExactPreset | null;
  /** Version of the profile's rules. */
  version: number;
  /** Share of random nonces that win. */
  winRate: number;
  /** Bytes of all weights; made for every pass unless kept. */
  weightBytes: number;
  keepsWeights: boolean;
  /** Bytes that one worker needs. */
  memoryBytes: number;
  /** int8 multiplications and additions. */
  opsPerNonce: number;
  /** Nonces of one forward pass. */
  batch: number;
}

/** A verifier of the `gonka` profile. */
export interface GonkaVerifier {
  readonly profile: 'gonka';
  readonly blockHash: string;
  readonly model: GonkaModel;
  /** The distance of a nonce; NaN when the model's output is all zero or not finite. */
  compute(publicKey: string, nonce: NonceInput, options?: CallOptions): Promise<{ nonce: string; distance: number }>;
  /** The distance alone. */
  distance(publicKey: string, nonce: NonceInput, options?: CallOptions): Promise<number>;
  /** Checks a proof of one nonce. */
  verify(proof: ProofInput, options?: VerifyOptions): Promise<GonkaProofReport>;
  /** Checks a batch; as an iterator it gives each nonce as it is done. Leaving the loop stops the work. */
  verifyBatch(batch: ProofInput, options?: BatchOptions): Promise<GonkaBatchReport> & AsyncIterable<GonkaNonceResult>;
  /** Stops everything; pending calls reject with E_ABORTED. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A verifier of the `exact` profile. */
export interface ExactVerifier {
  readonly profile: 'exact';
  readonly blockHash: string;
  readonly model: ExactModel;
  /** Digest and verdict of a nonce. */
  compute(publicKey: string, nonce: NonceInput, options?: CallOptions): Promise<ExactNonce>;
  /** The distance alone, for display only. */
  distance(publicKey: string, nonce: NonceInput, options?: CallOptions): Promise<number>;
  /** Checks a proof of one nonce. */
  verify(proof: ProofInput, options?: VerifyOptions): Promise<ExactProofReport>;
  /** Checks a proof; as an iterator it gives each nonce as it is done. Leaving the loop stops the work. */
  verifyBatch(batch: ProofInput, options?: BatchOptions): Promise<ExactBatchReport> & AsyncIterable<ExactNonceResult>;
  /** Stops everything; pending calls reject with E_ABORTED. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export type Verifier = GonkaVerifier | ExactVerifier;

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
