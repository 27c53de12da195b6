// A document in the wasm: what was read of it, and the claims that are checked.

import { SpherePowError, failure, shown } from './errors.js';
import * as input from './input.js';

/** @typedef {import('./glue.js').Runtime} Runtime */
/** @typedef {import('./types.js').SubmissionHead} SubmissionHead */
/** @typedef {{index: number, nonce: string}} Result */

/** Any sample that large is all there is. */
const ALL = 2 ** 32 - 1;

/**
 * A document as it was given; of a Blob, File or Response its bytes.
 * @param {Runtime} runtime
 * @param {unknown} value
 */
export function opened(runtime, value) {
  return input.opened(value, limits(runtime).maxDocumentBytes);
}

/** A document read, and the handle that the wasm has of it. */
export class Reading {
  #runtime;
  #bytes;
  /** @type {string} */
  #given;
  /** @type {string} */
  #said;
  /** @type {string | undefined} */
  #profile;
  #document;
  #instance;

  /**
   * @param {Runtime} runtime
   * @param {unknown} value The document.
   * @param {string} given JSON.
   * @param {string} said JSON.
   * @param {string} [profile] The only one that will do.
   */
  constructor(runtime, value, given, said, profile) {
    this.#runtime = runtime;
    this.#bytes = input.documentBytes(value, limits(runtime).maxDocumentBytes);
    [this.#given, this.#said, this.#profile] = [given, said, profile];
    this.#document = this.#read();
    this.#instance = runtime.instance;
    /** @type {Pick<import('./types.js').ProofDocument, 'shape' | 'torn' | 'unjudged'> & {submissions: SubmissionHead[]}} */
    this.heads = JSON.parse(this.call((document) => document.heads()));
  }

  #read() {
    return this.#runtime.call(({ Document }) => new Document(this.#bytes, this.#given, this.#said, this.#profile));
  }

  /**
   * Does `work` on the handle; an instance lost meanwhile reads the document anew.
   * @template T
   * @param {(document: import('./generated/verifier.js').Document) => T} work
   * @returns {T}
   */
  call(work) {
    if (this.#instance !== this.#runtime.instance) {
      this.#document = this.#read();
      this.#instance = this.#runtime.instance;
    }
    return this.#runtime.call(() => work(this.#document));
  }

  /** @returns {import('./types.js').BatchHead[]} */
  batches() {
    return JSON.parse(this.#runtime.call(({ read_batches }) => read_batches(this.#bytes)));
  }

  /**
   * @param {number} at
   * @param {boolean} keepWeights
   * @returns {import('./types.js').ModelCost}
   */
  cost(at, keepWeights) {
    return JSON.parse(this.call((document) => document.cost(at, keepWeights)));
  }

  free() {
    if (this.#instance === this.#runtime.instance) this.#runtime.call(() => this.#document.free());
    // What is called afterwards reads anew.
    this.#instance = -1;
  }
}

/**
 * @param {Runtime} runtime
 * @returns {import('./types.js').Constants}
 */
export function limits(runtime) {
  return JSON.parse(runtime.call(({ constants }) => constants()));
}

/**
 * How a sample is drawn, of options already read; the seed is drawn once a call.
 * @param {Record<string, any>} read
 */
export function drawOf({ sample, seed, seedSource = seed === undefined ? 'random' : 'verifier' }) {
  const size = sample === undefined ? undefined : sample === 'all' ? ALL : input.integer('sample', sample, 1, ALL);
  const text = seed === undefined ? randomSeed() : input.text('seed', seed);
  if (!['verifier', 'random', 'document'].includes(seedSource) || (seed === undefined && seedSource !== 'random')) {
    throw failure('E_FORMAT', `seedSource is ${shown(seedSource)}, expected 'verifier', 'random' or 'document', with a seed`);
  }
  return { size, seed: text, source: /** @type {string} */ (seedSource) };
}

function randomSeed() {
  return input.hex(crypto.getRandomValues(new Uint8Array(16)));
}

/** The sample of one submission, and what is known of it. */
export class Check {
  #reading;
  #at;
  #sample;
  #indices;
  #nonces;
  /** By place in the sample. @type {any[]} */
  #outcomes;

  /**
   * @param {Reading} reading
   * @param {number} at The submission's number.
   * @param {ReturnType<typeof drawOf>} draw
   * @param {boolean} keepWeights
   */
  constructor(reading, at, { size, seed, source }, keepWeights) {
    this.#reading = reading;
    this.#at = at;
    this.head = /** @type {SubmissionHead} */ (reading.heads.submissions[at]);
    this.cost = reading.cost(at, keepWeights);
    this.#sample = () => reading.call((document) => document.sample(at, size, seed, source));
    const sample = this.#sample();
    this.#indices = sample.indices();
    sample.free();
    this.#nonces = reading.call((document) => document.nonces(at));
    this.#outcomes = Array(this.#indices.length).fill(undefined);
  }

  /** Places in the sample that are not known yet. */
  get open() {
    return [...this.#outcomes.keys()].filter((place) => this.#outcomes[place] === undefined);
  }

  /**
   * Takes results of an earlier call that are of this sample; what they say of the claim is not believed.
   * @param {unknown} known
   */
  know(known) {
    if (known === undefined) return;
    if (!Array.isArray(known)) throw failure('E_FORMAT', `known is ${shown(known)}, expected a list of results`);
    const places = new Map([...this.#indices].map((index, place) => [index, place]));
    for (const entry of known) {
      const index = input.integer('the index of a known result', entry?.index, 0, this.#nonces.length - 1);
      const nonce = `${this.#nonces[index]}`;
      if (entry.nonce !== nonce) {
        throw failure('E_FORMAT', `the known result of index ${index} is of nonce ${shown(entry.nonce)}, expected ${nonce}`);
      }
      this.#find([index], input.guarded('a known result', () => input.json([entry])));
      const place = places.get(index);
      if (place !== undefined) this.#outcomes[place] = entry;
    }
  }

  /**
   * The nonces at places of the sample.
   * @param {number[]} places
   */
  nonces(places) {
    return BigUint64Array.from(this.#of(places), (index) => /** @type {bigint} */ (this.#nonces[index]));
  }

  /**
   * Takes what was computed, and gives the results.
   * @param {number[]} places
   * @param {string} computed A JSON list.
   * @returns {any[]}
   */
  found(places, computed) {
    const results = this.#find(this.#of(places), computed);
    for (const [i, outcome] of JSON.parse(computed).entries()) this.#outcomes[/** @type {number} */ (places[i])] = outcome;
    return results;
  }

  /**
   * Judges.
   * @param {string | null} gpu What computed, where a GPU did.
   * @returns {string} The submission's report as JSON.
   */
  judge(gpu) {
    const outcomes = input.json(this.#outcomes);
    const sample = this.#sample();
    try {
      return this.#reading.call((document) => document.judge(this.#at, sample, outcomes, gpu ?? undefined));
    } finally {
      sample.free();
    }
  }

  /** @param {number[]} places */
  #of(places) {
    return places.map((place) => /** @type {number} */ (this.#indices[place]));
  }

  /**
   * @param {number[]} indices
   * @param {string} outcomes
   */
  #find(indices, outcomes) {
    return JSON.parse(this.#reading.call((document) => document.check(this.#at, Uint32Array.from(indices), outcomes)));
  }
}

/**
 * The error that a part of a document is, which nothing else of the document makes up for.
 * @param {Runtime} runtime
 * @param {import('./types.js').Unjudged} part
 */
export function refusal(runtime, { code: reason, message, place }) {
  const code = /** @type {import('./types.js').ErrorCode} */ (runtime.call(({ kind_of }) => kind_of(reason)));
  return new SpherePowError(code, `${place}: ${message}`, { reason, place });
}
