// sphere-pow/webgpu without its wasm: the caller says where `sphere-pow/webgpu.wasm` is.

import { noWasm } from './core.js';
import { api } from './api.js';

const { init, createVerifier, parseProofs, targetRadius } = /* @__PURE__ */ api(noWasm);

export { createVerifier, init, parseProofs, targetRadius };
export { ERROR_CODES, SpherePowError } from './core.js';
