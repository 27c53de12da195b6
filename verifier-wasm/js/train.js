// sphere-pow/train: a segment of a training run repeated from its opening, to the bit. The wasm comes along, read at the
// first call.

import { failure, hasSimd, inflate } from './core.js';
import { trainApi } from './train-api.js';

const { checkSegment, readOpening } = /* @__PURE__ */ trainApi(async () => {
  if (!hasSimd()) throw failure('E_WASM_LOAD', 'this engine has no simd128, which sphere-pow/train needs');
  const { default: text } = await import('./inlined-train.js');
  return inflate(text);
});

export { checkSegment, readOpening };
export { SpherePowError } from './core.js';
