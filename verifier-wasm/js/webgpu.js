// sphere-pow/webgpu: the default entry with an engine on WebGPU. The wasm comes along, read at the first call.

import { failure, hasSimd, inflate } from './core.js';
import { webgpuApi } from './webgpu-api.js';

const { constants, createVerifier, init, readDocument, readModel, targetRadius, verifyDocument } = /* @__PURE__ */ webgpuApi(async () => {
  if (!hasSimd()) throw failure('E_WASM_LOAD', 'this engine has no simd128, which sphere-pow/webgpu needs');
  const { default: text } = await import('./inlined-webgpu.js');
  return inflate(text);
});

export { constants, createVerifier, init, readDocument, readModel, targetRadius, verifyDocument };
export { ERROR_CODES, SpherePowError } from './core.js';
