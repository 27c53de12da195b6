import type {
  DocumentOptions,
  DocumentResult,
  ExactVerifier,
  ExactVerifierOptions,
  GonkaVerifier,
  GonkaVerifierOptions,
  ProofInput,
  Report,
  Verification,
  VerifierOptions,
} from './types.js';

export * from './index.js';

/** What the browser says of an adapter; empty text where it says nothing. */
export interface AdapterInfo {
  vendor: string;
  architecture: string;
  device: string;
  description: string;
  /** Computed by the CPU: a stand-in that is slower than the wasm. */
  isFallbackAdapter: boolean;
}

/** Nonces are computed by WebGPU. */
export interface WebGpuEngine {
  engine: 'webgpu';
  adapter: AdapterInfo;
  /** The kernel chosen for matrix products, for people. */
  kernel: string;
  /** Nonces of one forward pass. */
  batch: number;
  /** Bytes of device memory in use. */
  memoryBytes: number;
}

/** Nonces are computed by the wasm of the same bits (exact) or within the same bound (gonka). */
export interface WasmEngine {
  engine: 'wasm';
  /** Why not by WebGPU, for people. */
  reason: string;
}

/** What computes nonces. */
export type EngineInfo = WebGpuEngine | WasmEngine;

interface HasEngine {
  /**
   * What computed last: known from the first report of progress on. null before the first call, which opens the
   * adapter, tests it and falls back if it will not do.
   */
  readonly engine: EngineInfo | null;
}

export interface GpuOptions {
  /** Whether an adapter that the CPU computes will do, which wasm outruns; false when left out. */
  softwareAdapter?: boolean;
}

export interface GpuDocumentOptions extends DocumentOptions, GpuOptions {
  /** Told what computes, as soon as it is known and when it changes. */
  onEngine?: (engine: EngineInfo) => void;
}

export type GonkaGpuVerifier = GonkaVerifier & HasEngine;
export type ExactGpuVerifier = ExactVerifier & HasEngine;
export type GpuVerifier = GonkaGpuVerifier | ExactGpuVerifier;

/**
 * As in `sphere-pow`, with an engine that runs on WebGPU in the worker where there is an adapter that passes the
 * self-test, and in wasm everywhere else. The script for `worker` is `sphere-pow/webgpu-worker`, the file for `wasm`
 * `sphere-pow/webgpu.wasm`.
 */
export declare function createVerifier(options: GonkaVerifierOptions & GpuOptions): Promise<GonkaGpuVerifier>;
export declare function createVerifier(options: ExactVerifierOptions & GpuOptions): Promise<ExactGpuVerifier>;
export declare function createVerifier(options: VerifierOptions & GpuOptions): Promise<GpuVerifier>;

/** As in `sphere-pow`, on that engine. */
export declare function verifyDocument(input: ProofInput, options?: GpuDocumentOptions): Verification<Report, DocumentResult>;
