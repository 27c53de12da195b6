// sphere-pow/learn: how a nonce is made, and what layers left out change. The wasm comes along, read at the first call.

import { failure, hasSimd, inflate } from './core.js';
import { learnApi } from './learn-api.js';

const { trace, skipLayers, close } = /* @__PURE__ */ learnApi(async () => {
  if (!hasSimd()) throw failure('E_WASM_LOAD', 'this engine has no simd128, which sphere-pow/learn needs');
  const { default: text } = await import('./inlined-learn.js');
  return inflate(text);
});

export { close, skipLayers, trace };
export { SpherePowError } from './core.js';
