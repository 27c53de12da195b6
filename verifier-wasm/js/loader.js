// The wasm: from the package's inlined copy or from what the caller passes, compiled once.

import { SpherePowError, failure, shown } from './errors.js';
import { isBuffer } from './input.js';
import { node } from './platform.js';

/**
 * @typedef {object} Wasm
 * @property {WebAssembly.Module} module
 * @property {() => Promise<BufferSource>} bytes For workers that cannot be sent a module.
 */

/**
 * Compiles what `source` gives.
 * @param {() => unknown} source
 * @returns {Promise<Wasm>}
 */
export async function compile(source) {
  if (typeof WebAssembly !== 'object') {
    throw failure('E_WASM_LOAD', 'this engine has no WebAssembly: a setting such as node --jitless or a lockdown mode turns it off');
  }
  try {
    return await compiled(await source());
  } catch (error) {
    throw error instanceof SpherePowError ? error : wasmError(error);
  }
}

/**
 * @param {unknown} source
 * @returns {Promise<Wasm>}
 */
async function compiled(source) {
  if (source instanceof WebAssembly.Module) {
    const refuse = () =>
      Promise.reject(failure('E_WASM_LOAD', 'a compiled module cannot be sent to a worker here, pass bytes'));
    return { module: source, bytes: refuse };
  }
  const bytes = await read(source);
  const head = new Uint8Array(ArrayBuffer.isView(bytes) ? bytes.buffer : bytes, ArrayBuffer.isView(bytes) ? bytes.byteOffset : 0).subarray(0, 64);
  if (head[0] !== 0 || head[1] !== 0x61 || head[2] !== 0x73 || head[3] !== 0x6d) {
    const text = new TextDecoder().decode(head).trim();
    const what = text.startsWith('<') ? 'HTML, such as a page for a missing file' : shown(text);
    throw failure('E_WASM_LOAD', `not wasm but ${what}`);
  }
  return { module: await WebAssembly.compile(bytes), bytes: () => Promise.resolve(bytes) };
}

/**
 * @param {unknown} source
 * @returns {Promise<BufferSource>}
 */
async function read(source) {
  if (isBuffer(source)) return /** @type {BufferSource} */ (source);
  if (typeof (/** @type {any} */ (source)?.arrayBuffer) === 'function') return body(/** @type {Response} */ (source));
  if (typeof source === 'string' || typeof (/** @type {any} */ (source)?.href) === 'string') {
    const base = typeof location === 'object' ? location?.href : undefined;
    const url = new URL(String(source), base);
    const fs = url.protocol === 'file:' ? node('node:fs/promises') : undefined;
    return fs ? fs.readFile(node('node:url')?.fileURLToPath(url.href) ?? url) : body(await fetch(url));
  }
  throw failure('E_WASM_LOAD', `the wasm is ${shown(source)}, expected bytes, a URL, a Response or a Module`);
}

/** @param {Response} response */
async function body(response) {
  if (!response.ok) {
    throw failure('E_WASM_LOAD', `${response.url} gave ${response.status} ${response.statusText}`);
  }
  return response.arrayBuffer();
}

/** @param {unknown} error */
function wasmError(error) {
  const text = error instanceof Error ? error.message : String(error);
  if (/unsafe-eval|Content.Security.Policy|disallowed by embedder/i.test(text)) {
    return failure('E_WASM_LOAD', "the page's policy forbids wasm: add 'wasm-unsafe-eval' to its script-src", error);
  }
  const hint = hasSimd() ? '' : '; this engine has no SIMD, use verifier-scalar.wasm';
  return failure('E_WASM_LOAD', `the wasm could not be loaded: ${text}${hint}`, error);
}

/** Whether this engine runs simd128: asked of it by a module of one instruction. */
export function hasSimd() {
  if (typeof WebAssembly !== 'object') return false;
  const body = [1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11];
  return WebAssembly.validate(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, ...body]));
}

/**
 * The bytes that `text` holds, deflated and in base64.
 * @param {string} text
 * @returns {Promise<BufferSource>}
 */
export async function inflate(text) {
  const deflated = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  // Test environments such as jsdom put a Blob without stream() in the place of Node's.
  const zlib = node('node:zlib');
  if (zlib) return zlib.inflateRawSync(deflated);
  if (typeof DecompressionStream !== 'function') {
    throw failure('E_WASM_LOAD', 'no DecompressionStream here: use sphere-pow/slim');
  }
  const stream = new Blob([deflated]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
  return new Response(stream).arrayBuffer();
}
