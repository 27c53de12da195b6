// Progress of a call over all its jobs: one fraction that never falls, and the time left by the pace so far.

/** @typedef {import('./types.js').Progress} Progress */

/** Least time between two reports, in ms. */
const QUIET_MS = 50;
/** Steps of a job, as {@link import("./host.js").Tell} says. */
const WEIGHTS = 0;
const DONE = 2;

/** Adds up the jobs of one call. */
export class Meter {
  #rules;
  #total;
  #onProgress;
  #stop;
  #began = performance.now();
  #last = -Infinity;
  #step = -1;
  #fraction = 0;
  #done = 0;
  /** @type {{weights: number, layers: number, nonces: number, hasWeights: boolean}[]} */
  #jobs = [];

  /**
   * @param {Pick<import('./verifier.js').Rules, 'setup' | 'phases'>} rules
   * @param {number} total Nonces of the call.
   * @param {import('./stop.js').Stop} stop Stopped when the callback throws.
   * @param {((progress: Progress) => void) | undefined} onProgress
   */
  constructor(rules, total, stop, onProgress) {
    this.#rules = rules;
    this.#total = total;
    this.#stop = stop;
    this.#onProgress = onProgress;
  }

  /**
   * The report function of a job of `nonces`.
   * @param {number} nonces
   * @returns {import('./host.js').Tell}
   */
  job(nonces) {
    const job = { weights: 0, layers: 0, nonces, hasWeights: false };
    this.#jobs.push(job);
    return (step, fraction) => {
      if (step === WEIGHTS) {
        job.hasWeights = true;
        job.weights = fraction;
      } else {
        job.weights = 1;
        job.layers = fraction;
      }
      if (step === DONE) this.#done += nonces;
      this.#report(step);
    };
  }

  /** @param {number} step */
  #report(step) {
    if (!this.#onProgress) return;
    const now = performance.now();
    const isEnd = this.#done === this.#total;
    if (step === this.#step && now - this.#last < QUIET_MS && !isEnd) return;
    [this.#step, this.#last] = [step, now];
    const { setup, phases } = this.#rules;
    let [whole, done] = [this.#total, 0];
    for (const job of this.#jobs) {
      if (job.hasWeights) whole += setup;
      done += (job.hasWeights ? job.weights * setup : 0) + job.layers * job.nonces;
    }
    this.#fraction = isEnd ? 1 : Math.max(this.#fraction, Math.min(done / whole, 0.999));
    const seconds = (now - this.#began) / 1000;
    const isKnown = this.#fraction > 0.01 && seconds > 0.2;
    const eta = isEnd ? 0 : isKnown ? (seconds / this.#fraction) * (1 - this.#fraction) : null;
    try {
      this.#onProgress({ phase: /** @type {any} */ (phases[step]), fraction: this.#fraction, eta, done: this.#done, total: this.#total });
    } catch (error) {
      this.#stop.now(error);
    }
  }
}
