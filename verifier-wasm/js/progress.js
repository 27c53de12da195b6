// Progress of a call over all its jobs: one fraction that never falls, and the time left by the pace so far.

/** @typedef {import('./types.js').Progress} Progress */
/** @typedef {Pick<import('./types.js').ModelCost, 'weightBytes' | 'workPerNonce'>} Cost */

/** Least time between two reports, in ms. */
const QUIET_MS = 50;
/** Steps of a job, as {@link import("./host.js").Tell} says. */
const [WEIGHTS, , DONE] = [0, 1, 2];
const PHASES = /** @type {const} */ (['weights', 'layers', 'done']);
/** What a byte of weights costs to make, in the forward pass's operations. */
const WORK_PER_BYTE = 130;

/**
 * Seconds left by the pace so far; null while too little is done to tell.
 * @param {number} fraction Done, 0 to 1.
 * @param {number} began By performance.now().
 */
export function timeLeft(fraction, began) {
  const seconds = (performance.now() - began) / 1000;
  return fraction > 0.01 && seconds > 0.2 ? (seconds / fraction) * (1 - fraction) : null;
}

/** Adds up the jobs of one call. */
export class Meter {
  #work = 0;
  #total = 0;
  #onProgress;
  #stop;
  #began = performance.now();
  #last = -Infinity;
  #step = -1;
  #fraction = 0;
  #done = 0;
  /** @type {{weights: number, layers: number, work: number, setup: number}[]} */
  #jobs = [];

  /**
   * @param {import('./stop.js').Stop} stop Stopped when the callback throws.
   * @param {((progress: any) => void) | undefined} onProgress
   */
  constructor(stop, onProgress) {
    this.#stop = stop;
    this.#onProgress = onProgress;
  }

  /**
   * Says ahead that so many nonces of a model are to come.
   * @param {number} nonces
   * @param {Cost} cost
   */
  expect(nonces, { workPerNonce }) {
    this.#total += nonces;
    this.#work += nonces * workPerNonce;
  }

  /**
   * The report function of a job of `nonces`; `more` is said with each report.
   * @param {number} nonces
   * @param {Cost} cost
   * @param {object} [more]
   * @returns {import('./host.js').Tell}
   */
  job(nonces, { weightBytes, workPerNonce }, more) {
    const job = { weights: 0, layers: 0, work: nonces * workPerNonce, setup: 0 };
    this.#jobs.push(job);
    return (step, fraction) => {
      if (step === WEIGHTS) {
        job.setup = weightBytes * WORK_PER_BYTE;
        job.weights = fraction;
      } else {
        job.weights = 1;
        job.layers = fraction;
      }
      if (step === DONE) this.#done += nonces;
      this.#report(step, more);
    };
  }

  /**
   * @param {number} step
   * @param {object} [more]
   */
  #report(step, more) {
    if (!this.#onProgress) return;
    const now = performance.now();
    const isEnd = this.#done === this.#total;
    if (step === this.#step && now - this.#last < QUIET_MS && !isEnd) return;
    [this.#step, this.#last] = [step, now];
    let [whole, done] = [this.#work, 0];
    for (const { weights, layers, work, setup } of this.#jobs) {
      whole += setup;
      done += weights * setup + layers * work;
    }
    this.#fraction = isEnd ? 1 : Math.max(this.#fraction, Math.min(done / whole, 0.999));
    const eta = isEnd ? 0 : timeLeft(this.#fraction, this.#began);
    try {
      this.#onProgress({ phase: PHASES[step], fraction: this.#fraction, eta, done: this.#done, total: this.#total, ...more });
    } catch (error) {
      this.#stop.now(error);
    }
  }
}
