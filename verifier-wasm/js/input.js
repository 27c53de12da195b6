// What callers pass, read with suspicion: own properties only, limits first, every failure typed.

import { SpherePowError, failure, shown } from './errors.js';

/** Most bytes or characters of one document. */
export const MAX_DOCUMENT = 64 << 20;
/** Most characters of a hash, key, seed or nonce. */
const MAX_TEXT = 1024;
/** Most entries of one list, as core's. */
const MAX_LIST = 1 << 24;
/** Deepest nesting of a document. */
const MAX_DEPTH = 32;
const MAX_NONCE = (1n << 63n) - 1n;

/**
 * Own properties of an options object; unknown names are refused, since a misspelt one would be ignored.
 * @param {unknown} options
 * @param {readonly string[]} names
 * @returns {Record<string, any>}
 */
export function readOptions(options, names) {
  /** @type {Record<string, any>} */
  const read = Object.create(null);
  if (options === undefined) return read;
  if (typeof options !== 'object' || options === null) {
    throw failure('E_FORMAT', `the options are ${shown(options)}, expected an object`);
  }
  guarded('the options', () => {
    for (const name of Object.keys(options)) {
      if (!names.includes(name)) {
        throw failure('E_FORMAT', `unknown option ${shown(name)}, expected ${names.join(', ')}`);
      }
      read[name] = /** @type {any} */ (options)[name];
    }
  });
  return read;
}

/**
 * Runs code of the caller's, such as getters; what it throws comes out typed.
 * @template T
 * @param {string} what
 * @param {() => T} work
 * @returns {T}
 */
export function guarded(what, work) {
  try {
    return work();
  } catch (error) {
    if (error instanceof SpherePowError) throw error;
    throw failure('E_FORMAT', `${what} could not be read: ${shown(error)}`, error);
  }
}

/**
 * @param {string} what
 * @param {unknown} value
 * @param {import('./types.js').ErrorCode} [code]
 * @returns {string}
 */
export function text(what, value, code = 'E_FORMAT') {
  if (typeof value !== 'string') throw failure(code, `${what} is ${shown(value)}, expected text`);
  if (value.length > MAX_TEXT) {
    throw failure(code, `${what} has ${value.length} characters, expected at most ${MAX_TEXT}`);
  }
  return value;
}

/**
 * @param {string} what
 * @param {unknown} value
 * @param {number} min
 * @param {number} max
 * @returns {number}
 */
export function integer(what, value, min, max) {
  if (typeof value !== 'number') throw failure('E_FORMAT', `${what} is ${shown(value)}, expected a number`);
  if (!Number.isInteger(value) || value < min || value > max) {
    throw failure('E_RANGE', `${what} is ${value}, expected an integer from ${min} to ${max}`);
  }
  return value;
}

/**
 * @param {string} what
 * @param {unknown} value
 * @returns {boolean}
 */
export function boolean(what, value) {
  if (typeof value !== 'boolean') throw failure('E_FORMAT', `${what} is ${shown(value)}, expected true or false`);
  return value;
}

/**
 * @param {string} what
 * @param {unknown} value
 * @returns {number}
 */
export function number(what, value) {
  if (typeof value !== 'number') throw failure('E_FORMAT', `${what} is ${shown(value)}, expected a number`);
  if (!Number.isFinite(value)) throw failure('E_RANGE', `${what} is ${value}, expected a finite number`);
  return value;
}

/**
 * @param {unknown} value
 * @returns {AbortSignal | undefined}
 */
export function abortSignal(value) {
  if (value === undefined) return undefined;
  if (typeof AbortSignal === 'function' && value instanceof AbortSignal) return value;
  throw failure('E_FORMAT', `signal is ${shown(value)}, expected an AbortSignal`);
}

/**
 * @param {unknown} value
 * @returns {((progress: import('./types.js').Progress) => void) | undefined}
 */
export function callback(value) {
  if (value === undefined || typeof value === 'function') return /** @type {any} */ (value);
  throw failure('E_FORMAT', `onProgress is ${shown(value)}, expected a function`);
}

/**
 * A nonce, exactly as given or not at all.
 * @param {unknown} value
 * @returns {bigint}
 */
export function nonceOf(value) {
  const refuse = (/** @type {string} */ why) =>
    failure('E_RANGE', `nonce ${shown(value)} ${why}, expected an integer from 0 to ${MAX_NONCE}`);
  /** @type {bigint} */
  let nonce;
  if (typeof value === 'bigint') {
    nonce = value;
  } else if (typeof value === 'number') {
    if (!Number.isInteger(value)) throw refuse('is no integer');
    if (!Number.isSafeInteger(value)) throw refuse('is not exact as a number: pass it as text or bigint');
    nonce = BigInt(value);
  } else if (typeof value === 'string') {
    if (!/^[0-9]{1,64}$/.test(value)) throw refuse('is not decimal digits');
    nonce = BigInt(value);
  } else {
    throw failure('E_FORMAT', `the nonce is ${shown(value)}, expected text, a number or a bigint`);
  }
  if (nonce < 0n || nonce > MAX_NONCE) throw refuse('is out of range');
  return nonce;
}

/**
 * The bytes of a proof, JSON for most, in whatever form it came.
 * @param {unknown} value
 * @returns {Uint8Array}
 */
export function documentBytes(value) {
  if (typeof value === 'string') return new TextEncoder().encode(sized(value, value.length));
  if (value instanceof Uint8Array) return sized(value, value.byteLength);
  if (value instanceof ArrayBuffer) return new Uint8Array(sized(value, value.byteLength));
  if (typeof value !== 'object' || value === null) {
    throw failure('E_FORMAT', `the proof is ${shown(value)}, expected JSON text, bytes or an object`);
  }
  const isParsed = ['publicKey', 'blockHash', 'distances'].some((name) => Object.hasOwn(value, name));
  return new TextEncoder().encode(guarded('the proof', () => json(isParsed ? asDocument(value) : value)));
}

/**
 * @template T
 * @param {T} value
 * @param {number} size
 */
function sized(value, size) {
  if (size > MAX_DOCUMENT) {
    throw failure('E_FORMAT', `the document has ${size} bytes, expected at most ${MAX_DOCUMENT}`);
  }
  return value;
}

/**
 * A parsed proof in the form of documents again.
 * @param {object} proof
 */
function asDocument(proof) {
  const names = {
    profile: 'profile',
    version: 'version',
    publicKey: 'public_key',
    blockHash: 'block_hash',
    blockHeight: 'block_height',
    nodeId: 'node_id',
    participant: 'participant',
    rTarget: 'r_target',
    fraudThreshold: 'fraud_threshold',
    params: 'params',
    nonces: 'nonces',
    distances: 'dist',
    digests: 'digests',
  };
  /** @type {Record<string, unknown>} */
  const out = Object.create(null);
  for (const [ours, theirs] of Object.entries(names)) {
    if (Object.hasOwn(proof, ours)) out[theirs] = /** @type {any} */ (proof)[ours];
  }
  return out;
}

/**
 * JSON of own properties: what JSON.stringify gives, but without toJSON, which a polluted prototype may hold,
 * with bigints as decimal text, and with limits.
 * @param {unknown} root
 * @returns {string}
 */
export function json(root) {
  /** @type {string[]} */
  const parts = [];
  let size = 0;
  const put = (/** @type {string} */ part) => {
    size += part.length;
    sized(undefined, size);
    parts.push(part);
  };
  const write = (/** @type {unknown} */ value, /** @type {string} */ name, /** @type {number} */ depth) => {
    switch (typeof value) {
      case 'string':
        sized(undefined, value.length);
        put(JSON.stringify(value));
        return;
      case 'number':
        if ((name === 'nonce' || name === 'nonces') && !Number.isSafeInteger(value)) nonceOf(value);
        put(Number.isFinite(value) ? String(value) : `"${value}"`);
        return;
      case 'bigint':
        put(`"${value}"`);
        return;
      case 'boolean':
        put(String(value));
        return;
      case 'object':
        break;
      default:
        put('null');
        return;
    }
    if (value === null) {
      put('null');
      return;
    }
    if (depth >= MAX_DEPTH) throw failure('E_FORMAT', `the proof is nested more than ${MAX_DEPTH} deep`);
    if (Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView))) {
      const { length } = /** @type {ArrayLike<unknown>} */ (/** @type {unknown} */ (value));
      if (!(length <= MAX_LIST)) {
        throw failure('E_RANGE', `${name || 'the proof'} has ${length} entries, expected at most ${MAX_LIST}`);
      }
      put('[');
      for (let i = 0; i < length; i++) {
        if (i > 0) put(',');
        write(/** @type {any} */ (value)[i], name, depth + 1);
      }
      put(']');
      return;
    }
    put('{');
    let isFirst = true;
    for (const key of Object.keys(value)) {
      const entry = /** @type {any} */ (value)[key];
      if (entry === undefined || typeof entry === 'function' || typeof entry === 'symbol') continue;
      if (!isFirst) put(',');
      isFirst = false;
      put(JSON.stringify(key));
      put(':');
      write(entry, key, depth + 1);
    }
    put('}');
  };
  write(root, '', 0);
  return parts.join('');
}

/**
 * Params as the core reads them: a preset's name, or JSON.
 * @param {unknown} value
 * @returns {string}
 */
export function paramsText(value) {
  if (typeof value === 'string') return text('params', value);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw failure('E_FORMAT', `params is ${shown(value)}, expected a preset's name or an object`);
  }
  return guarded('params', () => json(value));
}

/**
 * @param {unknown} value
 * @returns {import('./types.js').WorkerOption}
 */
export function workerOption(value) {
  if (value === undefined || value === false) return value;
  if (typeof value === 'function') return /** @type {() => Worker} */ (value);
  if (typeof value === 'string' || value instanceof URL) return value;
  throw failure('E_FORMAT', `worker is ${shown(value)}, expected false, a URL or a function`);
}
