// sphere-pow/transcript: all work of a host checked by what it opened of its commitment. The wasm comes along, read at the
// first call.

import { failure, hasSimd, inflate } from './core.js';
import { transcriptApi } from './transcript-api.js';

const { transcribe, verifyTranscript } = /* @__PURE__ */ transcriptApi(async () => {
  if (!hasSimd()) throw failure('E_WASM_LOAD', 'this engine has no simd128, which sphere-pow/transcript needs');
  const { default: text } = await import('./inlined-transcript.js');
  return inflate(text);
});

export { transcribe, verifyTranscript };
export { SpherePowError } from './core.js';
