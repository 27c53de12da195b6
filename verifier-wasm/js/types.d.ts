// What users of the package see; index.d.ts and slim.d.ts give it out.

export * from './report.js';

import type {
  BatchHead,
  ExactParams,
  ExactPreset,
  ExactResult,
  ExactSubmissionReport,
  GonkaParams,
  GonkaPreset,
  GonkaResult,
  GonkaSubmissionReport,
  Profile,
  Report,
  ReportVerdict,
  Result,
  Shape,
  Source,
  SubmissionHead,
  Torn,
  Unjudged,
} from './report.js';

declare global {
  // For those whose lib has no disposables yet; the same as theirs.
  interface SymbolConstructor {
    readonly asyncDispose: unique symbol;
  }
}

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
  | 'E_CHAIN'
  | 'E_INTERNAL';

/** Every error of this package. One of code `E_ABORTED` is named `AbortError`; its cause is the signal's reason. */
export declare class SpherePowError extends Error {
  constructor(code: ErrorCode, message: string, options?: { cause?: unknown; reason?: string | null; place?: string | null });
  /** What kind of trouble it is. */
  readonly code: ErrorCode;
  /** Exactly what, by the name that SPEC ("Errors") gives it on every surface, as `wrong-block`; null outside of it. */
  readonly reason: string | null;
  /** Where in the document, as `line 3: nonces[7]`; null where it is none of a document. */
  readonly place: string | null;
}

/** An integer from 0 to 2^63 - 1. A number must be exact; text is decimal digits. */
export type NonceInput = string | number | bigint;

/** Bytes, such as a Uint8Array or an ArrayBuffer. */
export type Bytes = ArrayBuffer | ArrayBufferView;

/**
 * Where the wasm comes from: bytes, an address (a `URL` or text), what `fetch` gave, or a compiled `WebAssembly.Module`.
 * In types that stand without lib.dom.
 */
export type WasmSource = Bytes | { readonly href: string } | string | { arrayBuffer(): Promise<ArrayBuffer> } | object;

/**
 * How the work leaves the caller's thread. Left out: a worker of the package's own, from a blob: or data: URL.
 * A URL or a function: the script `sphere-pow/worker`, served by you, for pages whose policy forbids blob:.
 * `false`: no worker, the calling thread is blocked while it computes.
 */
export type WorkerOption = false | { readonly href: string } | string | (() => AnyWorker) | undefined;

/** A web Worker, or one of node:worker_threads. */
export interface AnyWorker {
  postMessage(message: any): void;
  terminate(): unknown;
}

/** An AbortSignal, of this realm, another one or a polyfill. */
export interface Signal {
  readonly aborted: boolean;
  readonly reason?: any;
  addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** `weights`: those of the block are made, where they are kept. `layers`: the forward pass. `done`: nonces are. */
export type Phase = 'weights' | 'layers' | 'done';

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
  signal?: Signal;
  onProgress?: (progress: Progress) => void;
}

/**
 * What whoever verifies expects. All may be left out; what prices the work and is neither confirmed here nor the
 * network's makes a verdict `unconfirmed`. Texts are taken as given: the report hints at unusual spellings.
 */
export interface Given {
  /** The one model that counts: a preset's name or sizes. Without it every preset does. */
  params?: GonkaPreset | ExactPreset | GonkaParams | ExactParams;
  /** The block that is meant. */
  blockHash?: string;
  /** The host that is meant. */
  publicKey?: string;
  /** The account that is meant: of a document with several, the others are left out. */
  participant?: string;
  /** gonka: the radius to win. Without it the network's, or a smaller one that the document names. */
  rTarget?: number;
  /** gonka: a submission less probable than this is fraud. */
  fraudThreshold?: number;
  /** gonka: the block's height, by which the network's radius is known. */
  blockHeight?: number;
}

/** What comes with a document without standing in it, such as in a link: it fills gaps and confirms nothing. */
export type Said = Pick<Given, 'params' | 'blockHash' | 'publicKey' | 'rTarget' | 'blockHeight'>;

/** How much is recomputed, and which part. */
export interface SampleOptions {
  /** Nonces to recompute of each submission: a number or 'all'. As many as the network's validators take. */
  sample?: number | 'all';
  /** Seed of the sample; 128 random bits when left out. A prover that can guess it can keep its junk out of the sample. */
  seed?: string;
  /**
   * Whose `seed` is: 'verifier', unless it came with the document, as in a link ('document': an honest verdict is then
   * `unconfirmed`), or was drawn at random by an earlier call that is gone on with ('random').
   */
  seedSource?: 'verifier' | 'random' | 'document';
  /** Workers at most; 1. Verifiers of one block and their workers share its weight pool where memory can be shared. */
  concurrency?: number;
}

/** Where and with what the work is done. */
export interface EngineOptions {
  /** Bytes that all workers together may need; more is refused with E_MEMORY. */
  memoryLimit?: number;
  /**
   * exact: whether each worker keeps the block's weights (one byte each) instead of making them anew for every pass:
   * faster for nonces computed one at a time, at 295 MB a worker for `standard`. False.
   */
  keepWeights?: boolean;
  /**
   * gonka: whether the weight pool is kept in the Cache API, and taken from there after a reload: the last block's, where
   * the page is isolated and the browser has room. False.
   */
  cachePool?: boolean;
  worker?: WorkerOption;
  wasm?: WasmSource | Promise<WasmSource>;
}

/** A result of {@link verifyDocument}'s iterator. */
export type DocumentResult = Result & {
  /** Which of the document's submissions it is of, from 0. */
  submission: number;
};

export interface DocumentProgress extends Progress {
  /** Which submission is being computed, from 0. */
  submission: number;
  /** How many there are. */
  submissions: number;
}

export interface DocumentOptions extends Given, SampleOptions, EngineOptions {
  /** What came with the document. */
  said?: Said;
  signal?: Signal;
  onProgress?: (progress: DocumentProgress) => void;
  /**
   * Results that an earlier, stopped call gave: those of this sample are not computed again but go into the report.
   * Progress and the iterator are of the rest. Needs that call's `seed`, so that the samples agree.
   */
  known?: readonly DocumentResult[];
}

/** The report of a document; as an iterator, each nonce as it is done. Leaving the loop stops the work. */
export type Verification<R, One> = Promise<R> & AsyncIterable<One>;

/**
 * A document of any shape: JSON text or bytes, a proof file of several lines, an exact proof's own bytes, a Blob, File or
 * Response of these, or what JSON.parse made of it.
 */
export type ProofInput = string | Bytes | object;

/** One submission of a document that was read. */
export type Submission = SubmissionHead & {
  /** The nonces claimed, in the document's order. */
  nonces(): BigUint64Array;
  /** What is claimed of each: distances of `gonka`; digests of `exact`, 32 bytes each. */
  claims(): Float64Array | Uint8Array;
  /** What its model costs. E_MEMORY when it fits no wasm memory. */
  cost(keepWeights?: boolean): ModelCost;
};

/** A document read but not recomputed. */
export interface ProofDocument {
  readonly shape: Shape;
  /** The end of a proof file that a crash cut off. */
  readonly torn: Torn | null;
  /** What would be judged. */
  readonly submissions: readonly Submission[];
  /** What cannot be, and why. */
  readonly unjudged: readonly Unjudged[];
  /** The batches as they stand, before those of one host and block are joined, with null for what they leave out. */
  batches(): BatchHead[];
  /** Gives the memory back, which the garbage collector else does some time. */
  free(): void;
}

/** What a model costs. */
export interface ModelCost {
  /** Bytes that one worker needs. */
  memoryBytes: number;
  /** Bytes of the block's weights. */
  weightBytes: number;
  /** Bytes of `memoryBytes` that all workers share where memory can be shared: the weight pool of `gonka`; 0 for `exact`. */
  poolBytes: number;
  /** Whether a worker keeps them. */
  keepsWeights: boolean;
  /** Operations of one nonce; a multiplication with an addition counts as 2. */
  workPerNonce: number;
  /** Nonces of one forward pass. */
  batch: number;
}

/** A model and what it costs. */
export interface Model<Params> extends ModelCost {
  params: Params;
  /** The preset of these params; null for others. */
  preset: string | null;
}

export interface CommonVerifierOptions extends EngineOptions, Omit<Given, 'params' | 'blockHash'> {
  /** The block; confirmed by being said here. */
  blockHash: string;
  /** Workers at most, each with weights of its own; 1. */
  concurrency?: number;
}

export interface GonkaVerifierOptions extends CommonVerifierOptions {
  profile: 'gonka';
  /** The one model that counts. */
  params: GonkaPreset | GonkaParams;
}

export interface ExactVerifierOptions extends Omit<CommonVerifierOptions, 'rTarget' | 'fraudThreshold' | 'blockHeight'> {
  profile: 'exact';
  /** The one model that counts. */
  params: ExactPreset | ExactParams;
}

export type VerifierOptions = GonkaVerifierOptions | ExactVerifierOptions;

export interface VerifyOptions extends CallOptions {
  /** Who mined, where neither the verifier nor the proof says. */
  publicKey?: string;
  /** Of a document of several accounts, the one that is meant. */
  participant?: string;
}

export interface BatchOptions extends VerifyOptions, SampleOptions {
  /** As {@link DocumentOptions.known}. */
  known?: readonly Result[];
}

/** What a nonce comes to in the `gonka` profile. */
export interface GonkaOutcome {
  /** Decimal. */
  nonce: string;
  /** NaN when the model's output is all zero or not finite. */
  distance: number;
}

/** What a nonce comes to in the `exact` profile, the same on every machine. */
export type ExactOutcome = Pick<ExactResult, 'nonce' | 'digest' | 'won' | 'dot' | 'logitsSquared' | 'targetSquared' | 'distance'>;

interface AnyVerifier<P, Params, Outcome, One, R> {
  readonly profile: P;
  readonly blockHash: string;
  readonly model: Model<Params>;
  /** What a nonce comes to. */
  compute(publicKey: string, nonce: NonceInput, options?: CallOptions): Promise<Outcome>;
  /** The distance alone; for `exact` for display only. */
  distance(publicKey: string, nonce: NonceInput, options?: CallOptions): Promise<number>;
  /** Checks a document of one submission and one nonce. */
  verify(proof: ProofInput, options?: VerifyOptions): Promise<R>;
  /** Checks a document of one submission; `verifyDocument` takes those with more. */
  verifyBatch(batch: ProofInput, options?: BatchOptions): Verification<R, One>;
  /** Stops everything; pending calls reject with E_ABORTED. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A verifier of the `gonka` profile. */
export type GonkaVerifier = AnyVerifier<'gonka', GonkaParams, GonkaOutcome, GonkaResult, GonkaSubmissionReport>;
/** A verifier of the `exact` profile. */
export type ExactVerifier = AnyVerifier<'exact', ExactParams, ExactOutcome, ExactResult, ExactSubmissionReport>;
export type Verifier = GonkaVerifier | ExactVerifier;

/** Model sizes read from a file. */
export interface ModelFile<Params> {
  params: Params;
  /** What the file left out and was taken from the network's defaults, in words. */
  notes: string[];
}

/** A radius of the network's history. */
export interface NetworkRadius {
  /** From this height on; null for launch. */
  fromHeight: number | null;
  rTarget: number;
}

/** The numbers of the rules, as the wasm has them. */
export interface Constants {
  /** Version of the report's JSON. */
  reportSchema: number;
  /** Nonces that are recomputed when nobody says how many. */
  sample: number;
  /** gonka: the threshold when nobody says one. */
  fraudThreshold: number;
  /** gonka: how often an honest host's nonce is taken for a bad one. */
  probabilityMismatch: number;
  /** gonka: distance errors of honest hardware. */
  rmsBound: number;
  maxBound: number;
  /** gonka: the network's radii, in order of time. */
  radii: NetworkRadius[];
  /** Names of the presets, the recommended one first. */
  presets: Record<Profile, string[]>;
  /** Most bytes of a document, and most nonces. */
  maxDocumentBytes: number;
  maxNonces: number;
  /** The exit code of a command that ends with that verdict. */
  exitCodes: Record<ReportVerdict, number>;
}


export interface TargetRadii {
  /** The network's radius for a block of that height. */
  at(height: number): Promise<number>;
  /** Share of random nonces that win at `radius`; of the network's vocabulary when left out. */
  winRate(radius: number, vocabSize?: number): Promise<number>;
  /** The radius at which a share `rate` of random nonces wins. */
  fromWinRate(rate: number, vocabSize?: number): Promise<number>;
}
