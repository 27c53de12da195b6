// sphere-pow/chain without its wasm: the caller says where `sphere-pow/chain.wasm` is.

import { noWasm } from './core.js';
import { chainApi } from './chain-api.js';

const { confirmChain } = /* @__PURE__ */ chainApi(noWasm);

export { confirmChain };
export { SpherePowError } from './core.js';
