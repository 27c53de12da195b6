// sphere-pow/chain: reads what callers pass and has it followed here: some milliseconds for each signed block.

import { Runtime, compile, failure, isBuffer, shown } from './core.js';
import * as input from './core.js';
import { glue } from './chain-glue.js';

const OPTIONS = ['trust', 'trustingDays', 'now', 'blockHeight', 'account', 'wasm'];
const MAX_BYTES = 64 * 1024 * 1024;
const MAX_REPLIES = 100_000;
const DAY = 86_400;
const MAX_DAYS = 36_500;

/** @param {() => unknown} own The entry's own wasm. */
export function chainApi(own) {
  const runtime = new Runtime(glue);
  return {
    /**
     * @param {unknown} replies
     * @param {unknown} options
     */
    async confirmChain(replies, options) {
      const read = input.readOptions(options, OPTIONS);
      const trust = trustOf(read.trust);
      const { trustingDays = 14, now = Math.floor(Date.now() / 1000) } = read;
      const seconds = input.integer('now', now, 0, Number.MAX_SAFE_INTEGER);
      const trusting = input.integer('trustingDays', trustingDays, 0, MAX_DAYS) * DAY;
      const height = read.blockHeight === undefined ? '' : heightOf('blockHeight', read.blockHeight);
      const account = read.account === undefined ? '' : input.text('account', read.account);
      const text = textOf(replies);
      const elsewhere = read.wasm;
      await runtime.load(() => compile(elsewhere === undefined ? own : () => elsewhere));
      return JSON.parse(runtime.call(({ confirm_chain }) => confirm_chain(text, trust, seconds, trusting, height, account)));
    },
  };
}

/** @param {any} value */
function trustOf(value) {
  if (typeof value === 'string') return input.text('trust', value);
  if (typeof value !== 'object' || value === null) {
    throw failure('E_FORMAT', `trust is ${shown(value)}, expected the height and hash of a block that you trust`);
  }
  return input.guarded('trust', () => `${heightOf('trust.height', value.height)}:${input.text('trust.hash', value.hash)}`);
}

/**
 * @param {string} what
 * @param {unknown} value
 */
function heightOf(what, value) {
  if (typeof value === 'bigint' || (typeof value === 'string' && /^[0-9]{1,19}$/.test(value))) return String(value);
  return String(input.integer(what, value, 0, Number.MAX_SAFE_INTEGER));
}

/**
 * Replies one after the other, in whatever form they came.
 * @param {unknown} value
 * @returns {string}
 */
function textOf(value) {
  if (Array.isArray(value)) {
    const parts = input.list('replies', value, MAX_REPLIES, (part) => (Array.isArray(part) ? input.json(part, MAX_BYTES) : textOf(part)));
    return sized(parts.join('\n'));
  }
  if (typeof value === 'string') return sized(value);
  if (isBuffer(value)) {
    if (value.byteLength > MAX_BYTES) throw tooLarge(value.byteLength);
    return new TextDecoder().decode(value);
  }
  if (typeof value !== 'object' || value === null) {
    throw failure('E_FORMAT', `replies are ${shown(value)}, expected text, bytes, or a list of replies`);
  }
  return input.guarded('replies', () => input.json(value, MAX_BYTES));
}

/** @param {string} text */
function sized(text) {
  if (text.length > MAX_BYTES) throw tooLarge(text.length);
  return text;
}

/** @param {number} size */
function tooLarge(size) {
  return failure('E_FORMAT', `the replies have ${size} bytes, expected at most ${MAX_BYTES}`);
}
