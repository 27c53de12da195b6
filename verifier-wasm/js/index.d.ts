import type {
  ExactVerifier,
  ExactVerifierOptions,
  GonkaVerifier,
  GonkaVerifierOptions,
  ParsedDocument,
  ProofInput,
  TargetRadii,
  Verifier,
  VerifierOptions,
  WasmSource,
} from './types.js';

export * from './types.js';

/** Every code that a {@link SpherePowError} can have. */
export declare const ERROR_CODES: readonly import('./types.js').ErrorCode[];

/**
 * Loads the wasm ahead of the first call, or from elsewhere than the package's own copy. Needed by nobody; the first
 * call decides, further ones do nothing.
 */
export declare function init(options?: { wasm?: WasmSource | Promise<WasmSource> }): Promise<void>;

/** A verifier of one model on one block; `profile` decides which. Weights are made by the first call that needs them. */
export declare function createVerifier(options: GonkaVerifierOptions): Promise<GonkaVerifier>;
export declare function createVerifier(options: ExactVerifierOptions): Promise<ExactVerifier>;
export declare function createVerifier(options: VerifierOptions): Promise<Verifier>;

/** Reads proof data: any shape in which the network's nodes, chain and explorers give it, and proofs of `exact`. */
export declare function parseProofs(document: ProofInput): Promise<ParsedDocument>;

/** Radii of the network, and what share of nonces wins at one. */
export declare const targetRadius: TargetRadii;
