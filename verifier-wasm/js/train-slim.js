// sphere-pow/train without its wasm: the caller says where `sphere-pow/train.wasm` is.

import { noWasm } from './core.js';
import { trainApi } from './train-api.js';

const { checkSegment, readOpening } = /* @__PURE__ */ trainApi(noWasm);

export { checkSegment, readOpening };
export { SpherePowError } from './core.js';
