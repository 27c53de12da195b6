// sphere-pow/learn without its wasm: the caller says where `sphere-pow/learn.wasm` is.

import { noWasm } from './core.js';
import { learnApi } from './learn-api.js';

const { trace, skipLayers, close } = /* @__PURE__ */ learnApi(noWasm);

export { close, skipLayers, trace };
export { SpherePowError } from './core.js';
