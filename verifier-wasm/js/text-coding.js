// TextDecoder and TextEncoder where the global ones are missing: test environments such as Jest's jsdom leave them out. The
// build puts these in the place of the globals.

import { node } from './platform.js';

const util = typeof TextDecoder === 'function' ? globalThis : node('node:util');
const { TextDecoder: Decoder, TextEncoder: Encoder } = /** @type {typeof globalThis} */ (util ?? {});
export { Decoder as TextDecoder, Encoder as TextEncoder };
