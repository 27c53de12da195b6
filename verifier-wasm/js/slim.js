// The entry without wasm: the caller says where `sphere-pow/verifier.wasm` is.

import { noWasm, verifierApi } from './core.js';

const { constants, createVerifier, init, readDocument, readModel, targetRadius, verifyDocument } = /* @__PURE__ */ verifierApi(noWasm);

export { constants, createVerifier, init, readDocument, readModel, targetRadius, verifyDocument };
export { ERROR_CODES, SpherePowError, hasSimd } from './core.js';
