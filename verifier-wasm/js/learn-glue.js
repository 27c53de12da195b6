// The exports of sphere-pow/learn's wasm.

import * as wasm from './generated/learn.js';
import { lastWords } from './panic.js';

export const glue = {
  initSync: wasm.initSync,
  reset: wasm.__wbg_reset_state,
  version: wasm.version,
  lastWords,
  describe: wasm.describe,
  skip_layers: wasm.skip_layers,
  trace: wasm.trace,
};

/** @typedef {typeof glue} Glue */
