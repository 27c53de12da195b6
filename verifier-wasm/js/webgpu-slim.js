// sphere-pow/webgpu without its wasm: the caller says where `sphere-pow/webgpu.wasm` is.

import { noWasm } from './core.js';
import { webgpuApi } from './webgpu-api.js';

const { constants, createVerifier, init, readDocument, readModel, targetRadius, verifyDocument } = /* @__PURE__ */ webgpuApi(noWasm);

export { constants, createVerifier, init, readDocument, readModel, targetRadius, verifyDocument };
export { ERROR_CODES, SpherePowError } from './core.js';
