import type { Bytes, Signal, WasmSource, WorkerOption } from './types.js';

/** A file: text, bytes, a Blob, File or Response, a ReadableStream, or anything that iterates asynchronously over bytes or text. */
export type TrainInput = string | Bytes | { arrayBuffer(): Promise<ArrayBuffer> } | { getReader(): unknown } | AsyncIterable<Bytes | string>;

export type TrainPreset = 'train-tiny' | 'train-nano';

/** Sizes of a run (SPEC IV.1). */
export interface TrainSizes {
  layers: number;
  dim: number;
  heads: number;
  hidden: number;
  context: number;
  vocab: number;
  /** Tokens of a step. */
  batch: number;
  lanes: number;
  /** Steps of a lane in a round. */
  inner: number;
  segments: number;
  rounds: number;
  /** Steps with their learning rates, in units of 2^-32; linear between them. */
  schedule: readonly (readonly [step: number, rate: number])[];
  /** Which of the runs of these sizes over a text; 0 if left out. */
  run_seed?: number;
}

/**
 * `honest`: the segment was computed as the rules say. `unconfirmed`: it was, by a root, seed or start that only the opening names
 * (`byTheOpening` lists which). `fraud`: it was not, as anybody can repeat. `unopened`: what was opened does not lead to the root.
 */
export type SegmentVerdict = 'honest' | 'unconfirmed' | 'fraud' | 'unopened';

/** What `sphere-pow train check --json` prints: core writes it. */
export interface SegmentReport {
  verdict: SegmentVerdict;
  /** It in one line. */
  summary: string;
  /** What the verdict rests on the opening for. */
  byTheOpening: ('root' | 'seed' | 'start')[];
  /** The run's id, hex: a hash over sizes, schedule and text. */
  run: string;
  /** All from 0. */
  round: number;
  lane: number;
  segment: number;
  /** Steps repeated. */
  steps: number;
  /** The root and seed that it was checked by, hex. */
  root: string;
  seed: string;
}

/** The run, and what the verifier knows of it. What is left out is the opening's word. */
export interface CheckSegmentOptions {
  /** What the run learns. */
  text: TrainInput;
  params: TrainPreset | TrainSizes;
  /** The root that the lane published, hex. */
  root?: string;
  /** The round's seed, hex. */
  seed?: string;
  /** What was agreed on before the round (`start.bin`); needed for a lane's first segment, after round 0. */
  start?: TrainInput;
  /** Bytes that the worker may need; more is refused with E_MEMORY. */
  memoryLimit?: number;
  /** As for `createVerifier`; the script is `sphere-pow/train-worker`. */
  worker?: WorkerOption;
  /** As for `createVerifier`; the file is `sphere-pow/train.wasm`. The first call's counts. */
  wasm?: WasmSource | Promise<WasmSource>;
  /** Stops the call within milliseconds; the worker is gone afterwards, with its memory. */
  signal?: Signal;
  /** `fraction` of the steps done, 0 to 1; `eta`: seconds left by the pace so far, null while unknown. */
  onProgress?: (progress: { fraction: number; eta: number | null }) => void;
}

/**
 * Repeats a segment of a training run from what its trainer opened, to the bit, and says whether it is what was committed to.
 * Rejects when the opening is none, or of another run. The worker is the call's own and ends with it.
 */
export declare function checkSegment(opening: TrainInput, options: CheckSegmentOptions): Promise<SegmentReport>;

/** Whose an opening is, by its own word. */
export interface OpeningHead {
  /** The run's id, hex. */
  run: string;
  round: number;
  lane: number;
  segment: number;
  root: string;
  seed: string;
}

/** Whose an opening of any run is; its first bytes are enough. Rejects for what begins as none. */
export declare function readOpening(
  opening: TrainInput,
  options?: { wasm?: WasmSource | Promise<WasmSource>; signal?: Signal },
): Promise<OpeningHead>;

export { SpherePowError } from './types.js';
