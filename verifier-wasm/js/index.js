// The default entry: nothing to configure, the wasm comes along and is read at the first call.

import { api, hasSimd, inflate } from './core.js';

const { init, createVerifier, parseProofs, targetRadius } = /* @__PURE__ */ api(async () => {
  const { default: text } = await (hasSimd() ? import('inlined-simd') : import('inlined-scalar'));
  return inflate(text);
});

export { createVerifier, init, parseProofs, targetRadius };
export { ERROR_CODES, SpherePowError } from './core.js';
