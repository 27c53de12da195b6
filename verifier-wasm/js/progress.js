// Progress of a call over all its jobs: one fraction that never falls, and the time left by the pace so far.

/** @typedef {import('./types.js').Progress} Progress */
/** @typedef {import('./types.js').Phase} Phase */

/** Least time between two reports, in ms. */
const QUIET_MS = 50;
/** What a weight of the pool costs, in the forward pass's operations: about 15 ns against 20 GFLOP/s. */
const FLOPS_PER_WEIGHT = 300;

/** Adds up the jobs of one call. */
export class Meter {
  #model;
  #total;
  #onProgress;
  #stop;
  #began = performance.now();
  #last = -Infinity;
  /** @type {Phase | undefined} */
  #phase;
  #fraction = 0;
  #done = 0;
  /** @type {Map<object, {pool: number, layers: number, nonces: number, hasPool: boolean}>} */
  #jobs = new Map();

  /**
   * @param {import('./types.js').GonkaModel} model
   * @param {number} total Nonces of the call.
   * @param {import('./stop.js').Stop} stop Stopped when the callback throws.
   * @param {((progress: Progress) => void) | undefined} onProgress
   */
  constructor(model, total, stop, onProgress) {
    this.#model = model;
    this.#total = total;
    this.#stop = stop;
    this.#onProgress = onProgress;
  }

  /**
   * The report function of a job of `nonces`.
   * @param {number} nonces
   * @returns {(phase: Phase, fraction: number) => void}
   */
  job(nonces) {
    const job = { pool: 0, layers: 0, nonces, hasPool: false };
    this.#jobs.set(job, job);
    return (phase, fraction) => {
      if (phase === 'pool') {
        job.hasPool = true;
        job.pool = fraction;
      } else {
        job.pool = 1;
        job.layers = fraction;
      }
      if (phase === 'distance') this.#done += nonces;
      this.#report(phase);
    };
  }

  /** @param {Phase} phase */
  #report(phase) {
    if (!this.#onProgress) return;
    const now = performance.now();
    const isEnd = this.#done === this.#total;
    if (phase === this.#phase && now - this.#last < QUIET_MS && !isEnd) return;
    [this.#phase, this.#last] = [phase, now];
    const perPool = this.#model.poolLen * FLOPS_PER_WEIGHT;
    let [whole, done] = [this.#total * this.#model.flopsPerNonce, 0];
    for (const job of this.#jobs.values()) {
      if (job.hasPool) whole += perPool;
      done += (job.hasPool ? job.pool * perPool : 0) + job.layers * job.nonces * this.#model.flopsPerNonce;
    }
    this.#fraction = isEnd ? 1 : Math.max(this.#fraction, Math.min(done / whole, 0.999));
    const seconds = (now - this.#began) / 1000;
    const isKnown = this.#fraction > 0.01 && seconds > 0.2;
    const eta = isEnd ? 0 : isKnown ? (seconds / this.#fraction) * (1 - this.#fraction) : null;
    try {
      this.#onProgress({ phase, fraction: this.#fraction, eta, done: this.#done, total: this.#total });
    } catch (error) {
      this.#stop.now(error);
    }
  }
}
