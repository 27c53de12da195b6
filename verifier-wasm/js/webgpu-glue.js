// The exports of sphere-pow/webgpu's wasm: all of the verifier's, and the GPU.

import * as wasm from './generated/webgpu.js';
import { lastWords } from './panic.js';

export const glue = {
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
  open_gpu: wasm.open_gpu,
  radius_at: wasm.radius_at,
  radius_of_rate: wasm.radius_of_rate,
  read_batches: wasm.read_batches,
  read_sizes: wasm.read_sizes,
  win_rate: wasm.win_rate,
};

/** @typedef {import('./runtime.js').Runtime<typeof glue>} Runtime */
