// What the worker of sphere-pow/webgpu does: computes nonces on the GPU, and in wasm where the GPU will not do.

import { Host } from './host.js';
import { settled } from './settled.js';
import { throttled } from './throttle.js';

/** @typedef {import('./host.js').Job & {softwareAdapter: boolean}} Job */
/** @typedef {import('./host.js').Tell} Tell */
/** @typedef {import('./host.js').Computed} Computed */
/** @typedef {import('./webgpu.js').EngineInfo} EngineInfo */

/**
 * A model on a device: of `sizes`, profile and parameters, for `blockHash`.
 * @typedef {{model: import('./generated/webgpu.js').GpuModel, sizes: string, blockHash: string, instance: number, info: EngineInfo}} Open
 */

/** The step in which a host tells its {@link EngineInfo}. */
export const ENGINE = 3;
/** What no nonces come to. */
const NONE = '[]';
/** How often a device may fail at work before it is given up. */
const MAX_FAILURES = 2;
/** Failures that are the caller's, or wanted: another engine would meet them too. */
const NOT_OURS = ['E_ABORTED', 'E_RANGE', 'E_FORMAT', 'E_BLOCK_HASH', 'E_PROFILE_UNKNOWN'];

/** Keeps one model on one device; a job for another one replaces it. */
export class GpuHost {
  #runtime;
  #wasm;
  /** @type {Open | undefined} */
  #open;
  /** Why the GPU is not used. @type {string | undefined} */
  #reason;
  #failures = 0;
  #isBusy = false;
  #isClosed = false;

  /** @param {import('./webgpu-glue.js').Runtime} runtime */
  constructor(runtime) {
    this.#runtime = runtime;
    this.#wasm = new Host(/** @type {any} */ (runtime));
  }

  /**
   * Without nonces it opens the model only.
   * @param {Job} job
   * @param {Tell} tell Also told what the host runs on, in step {@link ENGINE}.
   * @returns {Promise<Computed>}
   */
  async compute(job, tell) {
    while (this.#reason === undefined) {
      this.#isBusy = true;
      try {
        return await this.#onGpu(job, tell);
      } catch (error) {
        this.#refuse(this.#runtime.typed(error));
      } finally {
        this.#isBusy = false;
        if (this.#isClosed) this.close();
      }
    }
    tell(ENGINE, /** @type {any} */ ({ engine: 'wasm', reason: this.#reason }));
    return job.nonces.length === 0 ? NONE : this.#wasm.compute(job, tell);
  }

  /**
   * @param {Job} job
   * @param {Tell} tell
   */
  async #onGpu(job, tell) {
    const { model, info } = await this.#model(job, tell);
    tell(ENGINE, /** @type {any} */ (info));
    if (job.nonces.length === 0) return NONE;
    const report = this.#stoppable((fraction) => tell(1, fraction));
    const computed = await settled(() => this.#runtime.call(() => model.compute(job.publicKey, job.nonces, report)));
    tell(2, 1);
    return computed;
  }

  /**
   * @param {Job} job
   * @param {Tell} tell
   */
  async #model({ profile, params, blockHash, softwareAdapter }, tell) {
    const sizes = `${profile} ${params}`;
    const report = this.#stoppable((fraction) => tell(0, fraction));
    const open = this.#open;
    if (open?.sizes === sizes && open.instance === this.#runtime.instance) {
      if (open.blockHash !== blockHash) await this.#setBlock(open, blockHash, report);
      return open;
    }
    this.#free();
    const adapter = await this.#findAdapter(softwareAdapter);
    const { instance } = this.#runtime;
    const model = await settled(() => this.#runtime.call(({ open_gpu }) => open_gpu(profile, params, blockHash, report)));
    const engine = JSON.parse(this.#runtime.call(() => model.engine()));
    this.#open = { model, sizes, blockHash, instance, info: { engine: 'webgpu', adapter, ...engine } };
    return this.#open;
  }

  /**
   * Brings another block onto the device that is open. What fails leaves no model there.
   * @param {Open} open
   * @param {string} blockHash
   * @param {(fraction: number) => boolean} report
   */
  async #setBlock(open, blockHash, report) {
    try {
      await settled(() => this.#runtime.call(() => open.model.set_block(blockHash, report)));
      open.blockHash = blockHash;
    } catch (error) {
      // So that it counts as a failure at work, and the device is opened anew.
      open.sizes = '';
      throw error;
    }
  }

  /** @param {(fraction: number) => void} tell */
  #stoppable(tell) {
    const report = throttled(tell);
    return (/** @type {number} */ fraction) => report(fraction) || this.#isClosed;
  }

  /**
   * Notes why the GPU will not do. A device that failed at work, as a lost one does, is opened once more.
   * @param {import('./errors.js').SpherePowError} error
   */
  #refuse(error) {
    if (NOT_OURS.includes(error.code)) throw error;
    this.#failures += 1;
    const isTriedAgain = this.#open !== undefined && this.#failures < MAX_FAILURES;
    if (!isTriedAgain) this.#reason = error.message;
    this.#free();
  }

  /** Releases the device, if its instance still is the one that has it. */
  #free() {
    const open = this.#open;
    this.#open = undefined;
    if (open?.instance === this.#runtime.instance) this.#runtime.call(() => open.model.free());
  }

  /** Gives memory and device back; what is being computed stops at the next report and then does so. */
  close() {
    this.#isClosed = true;
    this.#wasm.close();
    if (!this.#isBusy) this.#free();
  }

  /**
   * What the browser says of its adapter, of which wgpu passes on less.
   * @param {boolean} softwareAdapter Whether one that the CPU computes will do.
   * @returns {Promise<import('./webgpu.js').AdapterInfo>}
   */
  async #findAdapter(softwareAdapter) {
    const gpu = /** @type {any} */ (globalThis.navigator)?.gpu;
    if (!gpu) throw this.#runtime.failed('there is no navigator.gpu here: no WebGPU, or a page that is not secure');
    const adapter = await gpu.requestAdapter();
    if (!adapter) throw this.#runtime.failed('the browser offers no WebGPU adapter');
    const { vendor = '', architecture = '', device = '', description = '', isFallbackAdapter = false } = adapter.info ?? {};
    if (isFallbackAdapter && !softwareAdapter) {
      throw this.#runtime.failed('the only WebGPU adapter is computed by the CPU, which wasm does faster');
    }
    return { vendor, architecture, device, description, isFallbackAdapter };
  }
}
