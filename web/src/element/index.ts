// <sphere-pow-proof>: checks a proof where it is embedded. README: examples/react/README.md.

import { h, render } from 'preact';
import { SpherePowError, type Progress, type ProofInput, type Report } from 'sphere-pow/slim';
import { NoProof, TimedOut, TooLarge, Unreachable, check, type Asked } from './check.ts';
import css from './element.css?inline';
import { languageOf } from './strings.ts';
import { View, type Status } from './view.tsx';

/** Attributes that change what is checked: a check of something else is stopped. */
const SUBJECT = ['src', 'params', 'block-hash', 'public-key', 'participant', 'r-target', 'block-height', 'sample', 'concurrency'] as const;
const ATTRIBUTES = [...SUBJECT, 'lang', 'auto'];

/** Bytes that are read from `src` unless `max-bytes` says otherwise. */
const MAX_BYTES = 2 ** 25;
/** Milliseconds; browsers take longer ones for none. */
const LONGEST_TIMER = 2 ** 31 - 1;

// Server-side rendering imports this without a DOM.
const Base = globalThis.HTMLElement ?? (class {} as typeof HTMLElement);
let sheet: CSSStyleSheet | undefined;

function styles(): CSSStyleSheet {
  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
  }
  return sheet;
}

export interface SpherePowProofEventMap extends HTMLElementEventMap {
  progress: ProgressEvent & CustomEvent<Progress>;
  verdict: CustomEvent<Report>;
  failure: CustomEvent<Error>;
}

export class SpherePowProof extends Base {
  static observedAttributes = ATTRIBUTES;

  #root: ShadowRoot | undefined;
  #proof: ProofInput | undefined;
  #status: Status = { name: 'idle' };
  #running: AbortController | undefined;

  /** The document itself: text, bytes or an object, instead of `src`. */
  get proof(): ProofInput | undefined {
    return this.#proof;
  }
  set proof(value: ProofInput | undefined) {
    this.#proof = value;
    this.#renew();
  }

  /** The last report; null before it. */
  get report(): Report | null {
    return this.#status.name === 'done' ? this.#status.report : null;
  }

  connectedCallback() {
    if (!this.#root) {
      this.#root = this.attachShadow({ mode: 'open', delegatesFocus: true });
      this.#root.adoptedStyleSheets = [styles()];
    }
    // A property set before this class was loaded hides the accessor.
    if (Object.hasOwn(this, 'proof')) {
      const { proof } = this;
      Reflect.deleteProperty(this, 'proof');
      this.#proof = proof;
    }
    this.#renew();
  }

  disconnectedCallback() {
    this.cancel();
  }

  attributeChangedCallback(name: string, before: string | null, after: string | null) {
    if (before === after || !this.#root) return;
    if ((SUBJECT as readonly string[]).includes(name)) this.#renew();
    else this.#show();
  }

  /** Checks the proof. Resolves with the report, or null when it failed or was stopped; events say the same. */
  async check(): Promise<Report | null> {
    this.#running?.abort();
    const running = new AbortController();
    this.#running = running;
    this.#become({ name: 'running', progress: null });
    const began = performance.now();
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      const seconds = this.#limit('timeout');
      if (seconds !== undefined) timer = setTimeout(() => running.abort(new TimedOut(seconds)), Math.min(1000 * seconds, LONGEST_TIMER));
      const report = await check(await this.#document(running.signal), this.#asked(), {
        signal: running.signal,
        onProgress: (progress) => {
          if (this.#running !== running) return;
          this.#become({ name: 'running', progress });
          this.dispatchEvent(new CustomEvent('progress', { detail: progress }));
        },
      });
      if (this.#running !== running) return null;
      this.#become({ name: 'done', report, seconds: (performance.now() - began) / 1000 });
      this.dispatchEvent(new CustomEvent('verdict', { detail: report }));
      return report;
    } catch (error) {
      if (this.#running !== running) return null;
      const { aborted, reason } = running.signal;
      this.#fail(aborted && !(reason instanceof TimedOut), aborted ? reason : error);
      return null;
    } finally {
      clearTimeout(timer);
      if (this.#running === running) this.#running = undefined;
    }
  }

  /** Stops the check that runs. */
  cancel() {
    this.#running?.abort();
  }

  #fail(isCancelled: boolean, error: unknown) {
    if (isCancelled) {
      this.#become({ name: 'cancelled' });
      return;
    }
    const failure = error instanceof Error ? error : new Error(String(error));
    this.#become({ name: 'failed', error: failure });
    this.dispatchEvent(new CustomEvent('failure', { detail: failure }));
  }

  async #document(signal: AbortSignal): Promise<ProofInput> {
    if (this.#proof !== undefined && this.#proof !== null) return this.#proof;
    const src = this.getAttribute('src');
    if (!src) throw new NoProof();
    const response = await fetch(new URL(src, this.baseURI), { signal });
    if (!response.ok) throw new Unreachable(`${response.status} ${response.statusText}`.trim());
    const most = this.#limit('max-bytes') ?? MAX_BYTES;
    const parts: Uint8Array[] = [];
    let bytes = 0;
    // Counted as they come: a server need not say how many there will be, nor say the truth.
    for (const reader = response.body?.getReader(); reader; ) {
      const { done, value } = await reader.read();
      if (done) break;
      bytes += value.length;
      if (bytes > most) {
        await reader.cancel();
        throw new TooLarge(most);
      }
      parts.push(value);
    }
    return new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer());
  }

  /** A limit that the page sets by an attribute; undefined without. */
  #limit(name: string): number | undefined {
    const text = this.getAttribute(name)?.trim();
    if (!text) return undefined;
    if (Number(text) > 0) return Number(text);
    throw new SpherePowError('E_RANGE', `the attribute ${name} is ${text.slice(0, 40)}, expected a number above 0`);
  }

  #asked(): Asked {
    const text = (name: string) => this.getAttribute(name)?.trim() || undefined;
    const [params, sample, rTarget] = [text('params'), text('sample'), text('r-target')];
    const [blockHash, publicKey, concurrency] = [text('block-hash'), text('public-key'), text('concurrency')];
    const [participant, blockHeight] = [text('participant'), text('block-height')];
    return {
      ...(params === undefined ? {} : { params: paramsOf(params) }),
      ...(blockHash === undefined ? {} : { blockHash }),
      ...(publicKey === undefined ? {} : { publicKey }),
      ...(participant === undefined ? {} : { participant }),
      ...(blockHeight === undefined ? {} : { blockHeight: Number(blockHeight) }),
      ...(rTarget === undefined ? {} : { rTarget: Number(rTarget) }),
      ...(concurrency === undefined ? {} : { concurrency: Number(concurrency) }),
      ...(sample === undefined ? {} : { sample: sample === 'all' ? sample : Number(sample) }),
    };
  }

  /** Another subject: what was found out holds no more. */
  #renew() {
    if (!this.#root) return;
    this.#running?.abort();
    this.#running = undefined;
    this.#become({ name: 'idle' });
    if (this.hasAttribute('auto') && (this.#proof !== undefined || this.hasAttribute('src'))) this.#soon();
  }

  #isSoon = false;

  /** Attributes come one by one: the check starts when all are there. */
  #soon() {
    if (this.#isSoon) return;
    this.#isSoon = true;
    queueMicrotask(() => {
      this.#isSoon = false;
      if (this.isConnected) void this.check();
    });
  }

  #become(status: Status) {
    this.#status = status;
    this.#show();
  }

  #show() {
    if (!this.#root) return;
    const tag = this.closest('[lang]')?.getAttribute('lang') ?? globalThis.navigator?.language;
    const view = { language: languageOf(tag), status: this.#status, onCheck: () => void this.check(), onCancel: () => this.cancel() };
    render(h(View, view), this.#root);
  }
}

/** A preset's name or sizes as JSON. */
function paramsOf(text: string): NonNullable<Asked['params']> {
  if (!text.startsWith('{')) return text as NonNullable<Asked['params']>;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new SpherePowError('E_FORMAT', `the attribute params is no JSON, expected a preset or an object: ${text.slice(0, 40)}`, { cause });
  }
}

if (globalThis.customElements && !customElements.get('sphere-pow-proof')) {
  customElements.define('sphere-pow-proof', SpherePowProof);
}
