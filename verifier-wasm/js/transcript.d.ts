import type { ExactParams, ExactPreset } from './report.js';
import type { Bytes, NonceInput, Signal, WasmSource, WorkerOption } from './types.js';

/**
 * A commitment or openings, as bytes or JSON: text, bytes, a Blob, File or Response, a ReadableStream, or anything that
 * iterates asynchronously over bytes or text, such as Node's streams. Openings are never in memory as a whole.
 */
export type TranscriptInput = string | Bytes | { arrayBuffer(): Promise<ArrayBuffer> } | { getReader(): unknown } | AsyncIterable<Bytes | string>;

/**
 * `honest`: every drawn step was opened, and is true. `unconfirmed`: the same, by a beacon or own model that only the
 * documents name (`unconfirmed` lists which). `void`: a drawn step was not opened as it must be. `fraud`: a drawn step is
 * false, as anybody can repeat.
 */
export type TranscriptVerdict = 'honest' | 'unconfirmed' | 'void' | 'fraud';

/** Why an opening fails, in the order of the checks (SPEC II.12.8). */
export type TranscriptFaultCode = 'withheld' | 'malformed' | 'path' | 'leaf' | 'state' | 'input' | 'step' | 'digest';

/** A failed opening. Whoever has commitment and openings repeats it: nonce and layer are all that it takes. */
export interface TranscriptFault {
  code: TranscriptFaultCode;
  /** Whether the commitment itself is false. */
  provesFraud: boolean;
  /** The same in words. */
  detail: string;
  /** Place among the drawn steps, from 0. */
  index: number;
  /** Decimal: may pass 2^53. */
  nonce: string;
  layer: number;
}

/** What `sphere-pow verify --openings --json` prints: core writes it. */
export interface TranscriptReport {
  verdict: TranscriptVerdict;
  /** It in one line, with everything it rests on. */
  summary: string;
  /** Version of the software. */
  software: string;
  /** When it was concluded, RFC 3339 in UTC. */
  date: string;
  profile: 'exact';
  profileVersion: number;
  /** The model's name; null for own sizes. */
  preset: string | null;
  params: ExactParams;
  blockHash: string;
  publicKey: string;
  /** The commitment's hash, hex. */
  commitment: string;
  beacon: string;
  /** Nonces committed to, decimal. */
  nonces: string;
  layers: number;
  nDrawn: number;
  nChecked: number;
  /** At most this share of all steps is false, at 95 % confidence; null with a fault. */
  falseShareBound: number | null;
  /** At most this share of the work was skipped, at 95 % confidence; null with a fault. */
  skippedBound: number | null;
  /** What only the documents say. */
  unconfirmed: ('params' | 'beacon')[];
  /** In the order of the steps. */
  faults: TranscriptFault[];
}

export interface TranscriptProgress {
  /** Steps decided. */
  done: number;
  /** Steps drawn. */
  total: number;
  /** Share of the whole call done, 0 to 1. */
  fraction: number;
  /** Seconds left by the pace so far, null while unknown. */
  eta: number | null;
  /** The layer that is being repeated; null between two. */
  layer: number | null;
  /** The nonces whose layer it is, decimal. */
  nonces: string[];
  /** As in the report, by the steps decided so far; null with a fault. */
  falseShareBound: number | null;
  skippedBound: number | null;
  /** So far, in the order found. */
  faults: readonly TranscriptFault[];
}

/** What whoever verifies expects. What is left out is the documents' word. */
export interface TranscriptOptions {
  /** What drew the steps. Without it an honest verdict is `unconfirmed`: a host that chose its beacon chose what is looked at. */
  beacon?: string;
  /** How many steps it was to draw. A host that may choose opens few. */
  samples?: number;
  /** The one model that counts. */
  params?: ExactPreset | ExactParams;
  blockHash?: string;
  publicKey?: string;
  /** Bytes that the worker may need; more is refused with E_MEMORY. */
  memoryLimit?: number;
  /** As for `createVerifier`; the script is `sphere-pow/transcript-worker`. */
  worker?: WorkerOption;
  /** As for `createVerifier`; the file is `sphere-pow/transcript.wasm`. The first call's counts. */
  wasm?: WasmSource | Promise<WasmSource>;
  /** Stops the call within milliseconds; the worker is gone afterwards, with its memory. */
  signal?: Signal;
  onProgress?: (progress: TranscriptProgress) => void;
}

/**
 * Judges all work of a host by what it opened of its commitment. Rejects when a document is none, or not of what was
 * expected; a fault is in the report. The worker is the call's own and ends with it.
 */
export declare function verifyTranscript(
  commitment: TranscriptInput,
  openings: TranscriptInput,
  options?: TranscriptOptions,
): Promise<TranscriptReport>;

/** A nonce computed whole: what its host must have. */
export interface NonceTranscript {
  /** Decimal: may pass 2^53. */
  nonce: string;
  /** Of the logits, hex. */
  digest: string;
  /** Of the states before each layer and after the last one, hex (SPEC II.12.2). */
  leaves: string[];
  /** Of the transcript, hex: what `sphere-pow mine` writes beside its proofs, and what a commitment is a tree over. */
  root: string;
}

/** Which nonces of whom. */
export interface TranscribeOptions {
  params: ExactPreset | ExactParams;
  blockHash: string;
  publicKey: string;
  /** At most 4096. */
  nonces: readonly NonceInput[];
  /** As for `verifyTranscript`. */
  memoryLimit?: number;
  worker?: WorkerOption;
  wasm?: WasmSource | Promise<WasmSource>;
  signal?: Signal;
  /** `fraction` of the call done, 0 to 1; `eta`: seconds left by the pace so far, null while unknown. */
  onProgress?: (progress: { fraction: number; eta: number | null }) => void;
}

/**
 * Computes nonces whole and gives their transcripts, in the order of the nonces: the same on every device, to the bit. The
 * worker is the call's own and ends with it.
 */
export declare function transcribe(options: TranscribeOptions): Promise<NonceTranscript[]>;

export { SpherePowError } from './types.js';
