import type {
  Constants,
  DocumentOptions,
  DocumentResult,
  ExactParams,
  ExactVerifier,
  ExactVerifierOptions,
  Given,
  GonkaParams,
  GonkaVerifier,
  GonkaVerifierOptions,
  ModelFile,
  ProofDocument,
  ProofInput,
  Report,
  Said,
  TargetRadii,
  Verification,
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

/**
 * Checks every submission of a document, weights made once per model and block. Rejects when the document is none;
 * parts that cannot be judged are in the report.
 */
export declare function verifyDocument(input: ProofInput, options?: DocumentOptions): Verification<Report, DocumentResult>;

/** Reads a document without recomputing anything. */
export declare function readDocument(input: ProofInput, given?: Given & { said?: Said }): Promise<ProofDocument>;

/**
 * Reads model sizes as files have them: bare, within the chain's answer, or within the request that starts a node;
 * numbers as JSON numbers, as text, or as the chain's `{value, exponent}`.
 */
export declare function readModel(profile: 'gonka', input: ProofInput): Promise<ModelFile<GonkaParams>>;
export declare function readModel(profile: 'exact', input: ProofInput): Promise<ModelFile<ExactParams>>;

/** A verifier of one model on one block; `profile` decides which. Weights are made by the first call that needs them. */
export declare function createVerifier(options: GonkaVerifierOptions): Promise<GonkaVerifier>;
export declare function createVerifier(options: ExactVerifierOptions): Promise<ExactVerifier>;
export declare function createVerifier(options: VerifierOptions): Promise<Verifier>;

/** The numbers of the rules. */
export declare function constants(): Promise<Constants>;

/** Radii of the network, and what share of nonces wins at one. */
export declare const targetRadius: TargetRadii;
