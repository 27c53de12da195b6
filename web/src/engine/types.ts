// What the page and its worker, the desk, say to each other.

import type {
  BatchHead,
  Constants,
  Given,
  ModelCost,
  Profile,
  Progress,
  Report as WholeReport,
  Said,
  Shape,
  SubmissionHead,
  SubmissionReport,
  Torn,
  Unjudged,
} from 'sphere-pow/slim';

export type { BatchHead, Constants, Given, ModelCost, Profile, Said, Shape, SubmissionHead, Torn, Unjudged };

export type EngineName = 'wasm' | 'webgpu';
export type EngineUsed = { name: EngineName; detail: string };

/** A document as the judge reads it under what the reader said, without its lists. */
export interface Opened {
  shape: Shape;
  torn: Torn | null;
  /** What would be judged, each with who said what. */
  submissions: SubmissionHead[];
  /** What cannot be, and why. */
  unjudged: Unjudged[];
  /** The batches as they stand. */
  batches: BatchHead[];
}

export interface Settings {
  given: Given;
  /** Which submission alone; null for all. */
  only: number | null;
  /** Claims to recompute of each. */
  sample: number;
  /** Draws the samples: the reader's own randomness, drawn after the document was read. */
  seed: string;
  workers: number;
  engine: EngineName | 'auto';
  /** Operations of it all. */
  work: number;
  /** Computes anew what is known. */
  isFresh: boolean;
}

/** Claims of a submission, in arrays as long as it, and what recomputing them gave. */
export interface Columns {
  profile: Profile;
  nonces: BigUint64Array;
  /** gonka: claimed distances. exact: empty. */
  claimed: Float64Array;
  /** exact: claimed digests, 32 bytes each. gonka: empty. */
  claimedDigests: Uint8Array;
  /** Recomputed distances; NaN where not recomputed or not finite. */
  recomputed: Float64Array;
  /** exact: recomputed digests. */
  digests: Uint8Array;
  status: Uint8Array;
}

/** Values of {@link Columns.status}. */
export const UNCHECKED = 0;
export const GOOD = 1;
export const BAD = 2;

/** Results that came since the last ones. */
export interface Rows {
  indices: Uint32Array;
  recomputed: Float64Array;
  status: Uint8Array;
  digests: Uint8Array;
}

type Without<T> = T extends SubmissionReport ? Omit<T, 'results'> : never;
/** A submission's report without its nonces, which are in the {@link Columns}. */
export type Judged = Without<SubmissionReport>;
export type Report = Omit<WholeReport, 'submissions'> & { submissions: Judged[] };

/** How the desk tells of a run; `known` are the nonces of earlier, stopped runs. */
export type OnProgress = (progress: Progress & { known: number; submission: number }) => void;
/** `isWhole`: these are all the results of the submission shown, and earlier ones are void. */
export type OnRows = (rows: Rows, isWhole: boolean) => void;
export type OnEngine = (engine: EngineUsed) => void;

export type SortColumn = 'index' | 'nonce' | 'claimed' | 'recomputed' | 'difference' | 'status';
export type Filter = 'all' | 'checked' | 'good' | 'bad';

export interface View {
  column: SortColumn;
  isDescending: boolean;
  filter: Filter;
  /** Digits that the nonce starts with. */
  nonce: string;
}

/** How fast this machine is, per worker. */
export interface Pace {
  /** Operations of the forward pass in a second. */
  operations: number;
  /** Seconds to make one byte of the weights that are kept. */
  weight: number;
}

/** An error as it comes over the wire: comlink keeps name and message, so the codes go with the message. */
export interface Fault {
  code: string;
  /** SPEC's name for it; null where it has none. */
  reason: string | null;
  place: string | null;
  message: string;
}

export type Answer<T> = { value: T } | { fault: Fault };
