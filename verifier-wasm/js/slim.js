// The entry without wasm: the caller says where `sphere-pow/verifier.wasm` is.

import { api, noWasm } from './core.js';

const { init, createVerifier, parseProofs, targetRadius } = /* @__PURE__ */ api(noWasm);

export { createVerifier, init, parseProofs, targetRadius };
export { ERROR_CODES, SpherePowError, hasSimd } from './core.js';
