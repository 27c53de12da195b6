// The entry without wasm: the caller says where `sphere-pow/verifier.wasm` is.

import { api, noWasm } from './api.js';

const { init, createVerifier, parseProofs, targetRadius } = /* @__PURE__ */ api(noWasm);

export { createVerifier, init, parseProofs, targetRadius };
export { hasSimd } from './loader.js';
export { ERROR_CODES, SpherePowError } from './errors.js';
