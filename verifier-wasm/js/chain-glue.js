// The exports of sphere-pow/chain's wasm.

import * as wasm from './generated/chain.js';
import { lastWords } from './panic.js';

export const glue = {
  initSync: wasm.initSync,
  reset: wasm.__wbg_reset_state,
  version: wasm.version,
  lastWords,
  confirm_chain: wasm.confirm_chain,
};
