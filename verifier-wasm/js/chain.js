// sphere-pow/chain: what a verdict rests on, from a block that the caller trusts. The wasm comes along, read at the first
// call.

import { failure, hasSimd, inflate } from './core.js';
import { chainApi } from './chain-api.js';

const { confirmChain } = /* @__PURE__ */ chainApi(async () => {
  if (!hasSimd()) throw failure('E_WASM_LOAD', 'this engine has no simd128, which sphere-pow/chain needs');
  const { default: text } = await import('./inlined-chain.js');
  return inflate(text);
});

export { confirmChain };
export { SpherePowError } from './core.js';
