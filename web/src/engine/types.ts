// What the page and its worker, the desk, say to each other.

import type {
  ExactBatchReport,
  ExactModel,
  ExactVerifierOptions,
  GonkaBatchReport,
  GonkaModel,
  GonkaVerifierOptions,
  ParsedProof,
  Profile,
  Progress,
  Shape,
} from 'sphere-pow/slim';

export type Params = GonkaVerifierOptions['params'] | ExactVerifierOptions['params'];
export type Model = ({ profile: 'gonka' } & GonkaModel) | ({ profile: 'exact' } & ExactModel);
export type EngineName = 'wasm' | 'webgpu';

/** A proof without its lists. */
export interface ProofHead {
  profile: Profile;
  count: number;
  publicKey: string | null;
  blockHash: string | null;
  blockHeight: number | null;
  participant: string | null;
  rTarget: number | null;
  params: Params | null;
  preset: string | null;
  missing: ParsedProof['missing'];
}

export interface Opened {
  shape: Shape;
  shapeName: string;
  proofs: ProofHead[];
}

/** What of a share link is not the proof: filled in for the reader. */
export interface Context {
  blockHash: string;
  publicKey: string;
  params: Params;
  /** gonka: null leaves it to the package's rule. */
  rTarget: number | null;
}

export interface Settings extends Context {
  /** Which proof of the document. */
  proof: number;
  /** Claims to recompute. */
  sample: number;
  /** Draws the sample. */
  seed: string;
  workers: number;
  engine: EngineName | 'auto';
  /** Operations of it all. */
  work: number;
  /** Computes anew what is known. */
  isFresh: boolean;
}

/** Claims of a proof, in arrays as long as the proof, and what recomputing them gave. */
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

export type Report = Omit<GonkaBatchReport, 'results'> | Omit<ExactBatchReport, 'results'>;

/** How the desk tells of a run; `known` are the nonces of earlier, stopped runs. */
export type OnProgress = (progress: Progress & { known: number }) => void;
/** `isWhole`: these are all the results, and earlier ones are void. */
export type OnRows = (rows: Rows, isWhole: boolean) => void;
export type OnEngine = (engine: { name: EngineName; detail: string }) => void;

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
  /** Seconds to make one weight: of the pool (gonka), or of all that are made anew for each pass (exact: in `operations`). */
  weight: number;
}

/** An error as it comes over the wire: comlink keeps name and message, so the code goes with the message. */
export interface Fault {
  code: string;
  message: string;
}

export type Answer<T> = { value: T } | { fault: Fault };
