// The scheduler of sphere-pow/webgpu: keeps what its helpers say of their engine.

import { Scheduler, boolean, callback } from './core.js';
import { ENGINE } from './webgpu-host.js';

/** @typedef {import('./host.js').Job} Job */
/** @typedef {import('./webgpu.js').EngineInfo} EngineInfo */

/** Runs jobs for one verifier. */
export class GpuScheduler extends Scheduler {
  /** @type {EngineInfo | null} */
  engine = null;
  #softwareAdapter;
  #onEngine;

  /**
   * @param {import('./workers.js').Family} family
   * @param {import('./loader.js').Wasm} wasm
   * @param {Record<string, any>} options
   */
  constructor(family, wasm, options) {
    super(family, wasm, options);
    const { softwareAdapter = false, onEngine } = options;
    this.#softwareAdapter = boolean('softwareAdapter', softwareAdapter);
    this.#onEngine = callback(onEngine, 'onEngine');
  }

  /**
   * A GPU has a pool of its own.
   * @override
   * @param {Job} job
   */
  lend(job) {
    return this.engine?.engine === 'wasm' ? super.lend(job) : undefined;
  }

  /**
   * @override
   * @param {Job} job
   * @param {Parameters<Scheduler['run']>[1]} options
   */
  run(job, options) {
    /** @type {import('./host.js').Tell} */
    const tell = (step, value) => {
      if (step === ENGINE) this.#keep(/** @type {any} */ (value), options.stop);
      else options.tell(step, value);
    };
    const ours = { ...job, softwareAdapter: this.#softwareAdapter };
    return super.run(ours, { ...options, tell });
  }

  /**
   * @param {EngineInfo} engine
   * @param {import('./stop.js').Stop} stop Stopped when the callback throws.
   */
  #keep(engine, stop) {
    const isNew = this.engine?.engine !== engine.engine;
    this.engine = Object.freeze(engine);
    this.gpu = engine.engine === 'webgpu' ? deviceOf(engine) : null;
    if (!isNew || !this.#onEngine) return;
    try {
      this.#onEngine(this.engine);
    } catch (error) {
      stop.now(error);
    }
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

/** @param {import('./webgpu.js').WebGpuEngine} engine */
function deviceOf({ adapter, kernel }) {
  const { description, vendor, architecture, device } = adapter;
  const name = description || [vendor, architecture, device].filter(Boolean).join(' ') || 'unnamed adapter';
  return `${name}, ${kernel}`;
}
