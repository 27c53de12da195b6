// The exports of sphere-pow/transcript's wasm.

import * as wasm from './generated/transcript.js';
import { lastWords } from './panic.js';

export const glue = {
  initSync: wasm.initSync,
  reset: wasm.__wbg_reset_state,
  version: wasm.version,
  lastWords,
  Transcript: wasm.Transcript,
  max_commitment_bytes: wasm.max_commitment_bytes,
  transcribe: wasm.transcribe,
};

/** @typedef {typeof glue} Glue */
