// The exports of sphere-pow/network's wasm.

import * as wasm from './generated/network.js';
import { lastWords } from './panic.js';

export const glue = {
  initSync: wasm.initSync,
  reset: wasm.__wbg_reset_state,
  version: wasm.version,
  lastWords,
  claims: wasm.claims,
  rule: wasm.rule,
  simulate: wasm.simulate,
};

/** @typedef {typeof glue} Glue */
