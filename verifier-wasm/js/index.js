// The default entry: nothing to configure, the wasm comes along and is read at the first call.

import { hasSimd, inflate, verifierApi } from './core.js';

const { constants, createVerifier, init, readDocument, readModel, targetRadius, verifyDocument } = /* @__PURE__ */ verifierApi(async () => {
  const { default: text } = await (hasSimd() ? import('./inlined-simd.js') : import('./inlined-scalar.js'));
  return inflate(text);
});

export { constants, createVerifier, init, readDocument, readModel, targetRadius, verifyDocument };
export { ERROR_CODES, SpherePowError } from './core.js';
