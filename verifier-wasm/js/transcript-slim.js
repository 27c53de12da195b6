// sphere-pow/transcript without its wasm: the caller says where `sphere-pow/transcript.wasm` is.

import { noWasm } from './core.js';
import { transcriptApi } from './transcript-api.js';

const { transcribe, verifyTranscript } = /* @__PURE__ */ transcriptApi(noWasm);

export { transcribe, verifyTranscript };
export { SpherePowError } from './core.js';
