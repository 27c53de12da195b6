// The exports of sphere-pow/train's wasm.

import * as wasm from './generated/train.js';
import { lastWords } from './panic.js';

export const glue = {
  initSync: wasm.initSync,
  reset: wasm.__wbg_reset_state,
  version: wasm.version,
  lastWords,
  about: wasm.about,
  check_segment: wasm.check_segment,
  read_opening: wasm.read_opening,
};

/** @typedef {typeof glue} Glue */
