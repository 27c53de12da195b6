// sphere-pow/webgpu: the default entry with an engine on WebGPU. The wasm comes along, read at the first call.

import { failure, hasSimd, inflate } from './core.js';
import { api } from './api.js';

const { init, createVerifier, parseProofs, targetRadius } = /* @__PURE__ */ api(async () => {
  if (!hasSimd()) throw failure('E_WASM_LOAD', 'this engine has no simd128, which sphere-pow/webgpu needs');
  const { default: text } = await import('inlined-webgpu');
  return inflate(text);
});

export { createVerifier, init, parseProofs, targetRadius };
export { ERROR_CODES, SpherePowError } from './core.js';
