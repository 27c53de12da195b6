// The verifier's wasm: its exports, and the runtime that holds it.

import * as wasm from './generated/verifier.js';
import { lastWords } from './panic.js';
import { Runtime as Base } from './runtime.js';

/** What of the wasm is used, by name: the rest is left out of the build. */
const glue = {
  initSync: wasm.initSync,
  reset: wasm.__wbg_reset_state,
  version: wasm.version,
  lastWords,
  Document: wasm.Document,
  Model: wasm.Model,
  check_block: wasm.check_block,
  check_given: wasm.check_given,
  constants: wasm.constants,
  describe: wasm.describe,
  kind_of: wasm.kind_of,
  radius_at: wasm.radius_at,
  radius_of_rate: wasm.radius_of_rate,
  read_batches: wasm.read_batches,
  read_sizes: wasm.read_sizes,
  win_rate: wasm.win_rate,
};

/** @typedef {typeof glue} Glue */
/** @typedef {Base<Glue>} Runtime */

/** The verifier's wasm in this realm. */
export const runtime = /* @__PURE__ */ new Base(glue);
