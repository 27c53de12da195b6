// Types of <sphere-pow-proof>. Importing the module defines the element.

export type Verdict = 'honest' | 'unconfirmed' | 'inconclusive' | 'fraud' | 'incomplete' | 'refused';

export interface Progress {
  phase: 'weights' | 'layers' | 'done';
  /** Share of the whole check done, 0 to 1; never falls. */
  fraction: number;
  /** Seconds left by the pace so far, null while unknown. */
  eta: number | null;
  /** Nonces done and to do. */
  done: number;
  total: number;
}

/** The report of the package sphere-pow, in its one form (tests/vectors/report.schema.json). Plain JSON. */
export interface Report {
  schema: number;
  software: string;
  date: string;
  /** The gravest of the document. */
  verdict: Verdict;
  shape: string;
  torn: { line: number; bytes: number } | null;
  /** One for each host and block: `verdict`, `summary`, `sources`, `unconfirmed`, `results` and more. */
  submissions: (Record<string, unknown> & { verdict: Verdict; summary: string })[];
  /** What could not be judged, and why. */
  unjudged: { place: string; participant: string | null; code: string; message: string }[];
}

export interface SpherePowProofEventMap extends HTMLElementEventMap {
  progress: ProgressEvent & CustomEvent<Progress>;
  verdict: CustomEvent<Report>;
  /** It could not be checked: no proof, missing context, bad data. A cancelled check gives no event. */
  failure: CustomEvent<Error>;
}

/**
 * Attributes: `src` (URL of the proof); `params` (preset or JSON), `block-hash`, `public-key`, `participant`, `r-target`,
 * `block-height`: what this page expects of it, so that a proof of something else is not judged; `sample` (a number or `all`); `concurrency` (workers); `max-bytes` of what `src` gives and `timeout` in seconds: more fails; `auto` (check at once); `lang`; `theme`
 * (`light` or `dark`, else as the page's color-scheme).
 */
export declare class SpherePowProof extends HTMLElement {
  /** The document itself: text, bytes or an object, instead of `src`. */
  proof: string | Uint8Array | ArrayBuffer | object | undefined;
  /** The last report; null before it. */
  readonly report: Report | null;
  /** Checks the proof. Resolves with the report, or null when it failed or was stopped; events say the same. */
  check(): Promise<Report | null>;
  /** Stops the check that runs. */
  cancel(): void;
  addEventListener<K extends keyof SpherePowProofEventMap>(
    type: K,
    listener: (this: SpherePowProof, event: SpherePowProofEventMap[K]) => unknown,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject, options?: boolean | AddEventListenerOptions): void;
  removeEventListener<K extends keyof SpherePowProofEventMap>(
    type: K,
    listener: (this: SpherePowProof, event: SpherePowProofEventMap[K]) => unknown,
    options?: boolean | EventListenerOptions,
  ): void;
  removeEventListener(type: string, listener: EventListenerOrEventListenerObject, options?: boolean | EventListenerOptions): void;
}

declare global {
  interface HTMLElementTagNameMap {
    'sphere-pow-proof': SpherePowProof;
  }
}
