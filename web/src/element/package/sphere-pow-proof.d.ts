// Types of <sphere-pow-proof>. Importing the module defines the element.

export type State = 'valid' | 'invalid' | 'inconclusive';

export interface Progress {
  phase: 'pool' | 'weights' | 'layers' | 'distance' | 'verdict';
  /** Share of the whole check done, 0 to 1; never falls. */
  fraction: number;
  /** Seconds left by the pace so far, null while unknown. */
  eta: number | null;
  /** Nonces done and to do, of the document's proof that is being checked. */
  done: number;
  total: number;
}

export interface Verdict {
  /** The worst of the reports: invalid, then inconclusive, then valid. */
  state: State;
  /** One for each proof of the document: `GonkaBatchReport` or `ExactBatchReport` of the package sphere-pow. Plain JSON. */
  reports: Record<string, unknown>[];
}

export interface SpherePowProofEventMap extends HTMLElementEventMap {
  progress: ProgressEvent & CustomEvent<Progress>;
  verdict: CustomEvent<Verdict>;
  /** It could not be checked: no proof, missing context, bad data. A cancelled check gives no event. */
  failure: CustomEvent<Error>;
}

/**
 * Attributes: `src` (URL of the proof); `params` (preset or JSON), `block-hash`, `public-key`, `r-target`: what the proof is
 * held against, before what it says of itself; `sample` (a number or `all`); `concurrency` (workers); `auto` (check at once); `lang`; `theme`
 * (`light` or `dark`, else as the page's color-scheme).
 */
export declare class SpherePowProof extends HTMLElement {
  /** The document itself: text, bytes or an object, instead of `src`. */
  proof: string | Uint8Array | ArrayBuffer | object | undefined;
  /** The last verdict; null before it. */
  readonly verdict: Verdict | null;
  /** Checks the proof. Resolves with the verdict, or null when it failed or was stopped; events say the same. */
  check(): Promise<Verdict | null>;
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
