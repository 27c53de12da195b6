// What can go wrong, with codes that do not change between versions.

/** @typedef {import('./types.js').ErrorCode} ErrorCode */

/** Every code, see the README. */
export const ERROR_CODES = /** @type {const} */ ([
  'E_FORMAT',
  'E_RANGE',
  'E_PROFILE_UNKNOWN',
  'E_BLOCK_HASH',
  'E_MEMORY',
  'E_WASM_LOAD',
  'E_ABORTED',
  'E_V2_DATA',
  'E_CHAIN',
  'E_INTERNAL',
]);

/** An error with a stable `code`. An abort is named `AbortError`, as the platform's own are. */
export class SpherePowError extends Error {
  /**
   * @param {ErrorCode} code
   * @param {string} message
   * @param {{cause?: unknown, reason?: string | null, place?: string | null}} [options]
   */
  constructor(code, message, { reason = null, place = null, ...options } = {}) {
    super(message, options);
    /** @type {string} */
    this.name = code === 'E_ABORTED' ? 'AbortError' : 'SpherePowError';
    /** @type {ErrorCode} */
    this.code = code;
    /** @type {string | null} */
    this.reason = reason;
    /** @type {string | null} */
    this.place = place;
  }
}

/**
 * @param {ErrorCode} code
 * @param {string} message
 * @param {unknown} [cause]
 */
export function failure(code, message, cause) {
  return new SpherePowError(code, message, cause === undefined ? undefined : { cause });
}

/**
 * The error of an aborted signal; its reason is the cause.
 * @param {import('./types.js').Signal | undefined} signal
 */
export function aborted(signal) {
  return failure('E_ABORTED', 'the verification was aborted', signal?.reason);
}

/**
 * A value for an error message, whatever it is; never throws.
 * @param {unknown} value
 */
export function shown(value) {
  try {
    const text = typeof value === 'string' ? JSON.stringify(value.slice(0, 65)) : String(value);
    const cut = text.length > 64 ? `${text.slice(0, 64)}…` : text;
    // Not what steers a terminal or turns the direction of writing.
    return cut.replace(/[^\p{L}\p{N}\p{P}\p{S} ]/gu, (c) => `\\u{${/** @type {number} */ (c.codePointAt(0)).toString(16)}}`);
  } catch {
    return `a ${typeof value} that cannot be shown`;
  }
}
