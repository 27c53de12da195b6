// The scheduler of sphere-pow/webgpu, in the place of scheduler.js there: keeps what its helpers say of their engine.

import { boolean } from './input.js';
import { Scheduler as Base } from './scheduler.js';
import { ENGINE } from './webgpu-host.js';

/** @typedef {import('./host.js').Job} Job */

/** Runs jobs for one verifier. */
export class Scheduler extends Base {
  /** @override */
  static options = ['softwareAdapter'];
  /** @type {import('./webgpu.js').EngineInfo | null} */
  engine = null;
  #softwareAdapter;

  /**
   * @param {import('./loader.js').Wasm} wasm
   * @param {Record<string, any>} options
   */
  constructor(wasm, options) {
    super(wasm, options);
    const { softwareAdapter = false } = options;
    this.#softwareAdapter = boolean('softwareAdapter', softwareAdapter);
  }

  /**
   * @override
   * @param {Job} job
   * @param {Parameters<Base['run']>[1]} options
   */
  run(job, options) {
    /** @type {import('./host.js').Tell} */
    const tell = (step, value) => {
      if (step === ENGINE) this.engine = Object.freeze(/** @type {any} */ (value));
      else options.tell(step, value);
    };
    const ours = { ...job, softwareAdapter: this.#softwareAdapter };
    return super.run(ours, { ...options, tell });
  }

  /**
   * @override
   * @param {number} batch
   * @param {() => Promise<unknown>} open
   */
  async batch(batch, open) {
    // A GPU takes far more nonces at once than wasm does.
    if (this.engine === null) await open();
    return this.engine?.engine === 'webgpu' ? this.engine.batch : batch;
  }
}
