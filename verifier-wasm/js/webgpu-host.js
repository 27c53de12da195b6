// What the worker of sphere-pow/webgpu does: computes nonces on the GPU, and in wasm where the GPU will not do.

import { call, currentInstance, typed } from './engine.js';
import { SpherePowError, failure } from './errors.js';
import { Host, throttled } from './host.js';
import { close_gpu, compute_gpu, open_gpu } from './generated/webgpu.js';

/** @typedef {import('./host.js').Job} Job */
/** @typedef {import('./host.js').Tell} Tell */
/** @typedef {import('./host.js').Computed} Computed */
/** @typedef {import('./types.js').EngineInfo} EngineInfo */

/** The step in which a host tells what it runs on. */
export const ENGINE = 3;
/** How often a device may fail at work before it is given up. */
const MAX_FAILURES = 2;

/** Keeps one model on one device; a job for another one replaces it. */
export class GpuHost {
  #cpu = new Host();
  #key = '';
  /** @type {EngineInfo | undefined} */
  #info;
  /** Why the GPU is not used. @type {string | undefined} */
  #reason;
  #failures = 0;

  /**
   * @param {Job} job
   * @param {Tell} tell Also told what the host runs on, in step {@link ENGINE}.
   * @returns {Promise<Computed>}
   */
  async compute(job, tell) {
    while (this.#reason === undefined) {
      try {
        return await this.#onGpu(job, tell);
      } catch (error) {
        this.#refuse(error);
      }
    }
    tell(ENGINE, /** @type {any} */ ({ engine: 'wasm', reason: this.#reason }));
    return this.#cpu.compute(job, tell);
  }

  /**
   * @param {Job} job
   * @param {Tell} tell
   */
  async #onGpu(job, tell) {
    const { profile, params, blockHash, publicKey, nonces } = job;
    const key = `${profile} ${params} ${blockHash} ${currentInstance()}`;
    if (this.#info === undefined || this.#key !== key) {
      this.#info = undefined;
      const adapter = await adapterInfo();
      const report = throttled((fraction) => tell(0, fraction));
      const device = await settled(() => open_gpu(profile, params, blockHash, report));
      this.#key = key;
      this.#info = { engine: 'webgpu', adapter, ...JSON.parse(device) };
    }
    tell(ENGINE, /** @type {any} */ (this.#info));
    const report = throttled((fraction) => tell(1, fraction));
    const computed = await settled(() => compute_gpu(publicKey, nonces, report));
    tell(2, 1);
    return computed;
  }

  /**
   * Notes why the GPU will not do. A device that was lost at work is opened once more.
   * @param {unknown} error
   */
  #refuse(error) {
    const { code, message } = error instanceof SpherePowError ? error : failure('E_INTERNAL', String(error));
    if (code === 'E_ABORTED' || code === 'E_RANGE' || code === 'E_FORMAT' || code === 'E_BLOCK_HASH') throw error;
    const wasAtWork = this.#info !== undefined;
    this.#info = undefined;
    this.#failures += 1;
    if (wasAtWork && this.#failures < MAX_FAILURES) return;
    this.#reason = message;
    call(close_gpu);
  }
}

/**
 * What a promise of the wasm gives, its errors typed; a trap within rejects, which the promise itself would never.
 * @template T
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
async function settled(work) {
  /** @type {(event: PromiseRejectionEvent) => void} */
  let onTrap = () => {};
  const trap = new Promise((_, reject) => {
    onTrap = (event) => {
      if (!(event.reason instanceof WebAssembly.RuntimeError)) return;
      event.preventDefault();
      reject(event.reason);
    };
  });
  globalThis.addEventListener?.('unhandledrejection', onTrap);
  try {
    return /** @type {T} */ (await Promise.race([call(work), trap]));
  } catch (error) {
    throw typed(error);
  } finally {
    globalThis.removeEventListener?.('unhandledrejection', onTrap);
  }
}

/** What the browser says of its adapter; wgpu passes on less. */
async function adapterInfo() {
  const gpu = /** @type {any} */ (globalThis.navigator)?.gpu;
  if (!gpu) throw failure('E_INTERNAL', 'there is no navigator.gpu here: no WebGPU, or no secure context');
  const adapter = await gpu.requestAdapter();
  if (!adapter) throw failure('E_INTERNAL', 'the browser has no adapter for WebGPU');
  const { vendor = '', architecture = '', device = '', description = '', isFallbackAdapter = false } = adapter.info ?? {};
  return { vendor, architecture, device, description, isFallbackAdapter };
}
