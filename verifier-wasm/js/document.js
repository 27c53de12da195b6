// Whole documents: read, or every submission of them checked.

import { failure, shown } from './errors.js';
import * as input from './input.js';
import { Meter } from './progress.js';
import { Check, Reading, drawOf, opened } from './reading.js';
import { CALL_OPTIONS, ENGINE_OPTIONS, SAMPLE_OPTIONS, computeCheck, keepWeightsOf, memoryLimitOf, readCallOptions, streaming, workersOf } from './run.js';
import { Stop } from './stop.js';

/** @typedef {import('./api.js').Family} Family */
/** @typedef {import('./types.js').ProofDocument} ProofDocument */

const OPTIONS = [...input.GIVEN_NAMES, 'said', ...SAMPLE_OPTIONS, ...ENGINE_OPTIONS, ...CALL_OPTIONS];

/**
 * @param {Family} family
 * @param {(source: unknown) => Promise<import('./loader.js').Wasm>} ready
 * @param {unknown} value
 * @param {unknown} options
 */
export function verifyDocument(family, ready, value, options) {
  return streaming(async (onResult, onStart) => {
    const read = readCallOptions(options, [...OPTIONS, ...family.options]);
    const { concurrency = 1, known } = read;
    const [limit, keepWeights] = [memoryLimitOf(read.memoryLimit), keepWeightsOf(read.keepWeights)];
    const [given, said, draw] = [input.givenJson(read), input.saidJson(read.said), drawOf(read)];
    const stop = new Stop(read.signal);
    onStart(stop);
    const wasm = await ready(read.wasm);
    const reading = new Reading(family.runtime, await opened(family.runtime, value), given, said);
    const scheduler = family.newScheduler(wasm, read);
    try {
      const meter = new Meter(stop, read.onProgress);
      const { length: submissions } = reading.heads.submissions;
      const checks = Array.from({ length: submissions }, (_, at) => new Check(reading, at, draw, keepWeights));
      const workers = checks.map(({ cost }) => workersOf(concurrency, cost, limit));
      for (const [at, check] of checks.entries()) {
        check.know(knownOf(known, at, submissions));
        meter.expect(check.open.length, check.cost);
      }
      for (const at of byModel(checks)) {
        if (stop.error) throw stop.error;
        const [check, limit] = [/** @type {Check} */ (checks[at]), /** @type {number} */ (workers[at])];
        const how = { scheduler, stop, meter, limit, keepWeights, more: { submission: at, submissions } };
        await computeCheck(check, how, (result) => onResult({ ...result, submission: at }));
        check.judge(scheduler.gpu);
      }
      return JSON.parse(reading.call((document) => document.conclude()));
    } finally {
      stop.done();
      reading.free();
      await scheduler.close();
    }
  });
}

/**
 * Results of one submission.
 * @param {any} known
 * @param {number} at
 * @param {number} submissions
 */
function knownOf(known, at, submissions) {
  if (!Array.isArray(known)) return known;
  return known.filter((entry) => {
    const submission = input.integer('the submission of a known result', entry?.submission ?? null, 0, Math.max(submissions - 1, 0));
    return submission === at;
  });
}

/**
 * Numbers of checks so that those of one model and block are together: their weights are made once.
 * @param {Check[]} checks
 */
function byModel(checks) {
  /** @type {Map<string, number[]>} */
  const groups = new Map();
  for (const [at, { head }] of checks.entries()) {
    const key = `${head.profile} ${head.blockHash} ${input.json(head.params)}`;
    groups.set(key, [...(groups.get(key) ?? []), at]);
  }
  return [...groups.values()].flat();
}

/**
 * @param {Family} family
 * @param {unknown} value
 * @param {unknown} options
 * @returns {ProofDocument}
 */
export function readDocument({ runtime }, value, options) {
  const read = input.readOptions(options, [...input.GIVEN_NAMES, 'said']);
  const reading = new Reading(runtime, value, input.givenJson(read), input.saidJson(read.said));
  const { submissions, ...heads } = reading.heads;
  return {
    ...heads,
    submissions: submissions.map((head, at) => ({
      ...head,
      nonces: () => reading.call((document) => document.nonces(at)),
      claims: () => reading.call((document) => document.claims(at)),
      cost: (keepWeights) => reading.cost(at, keepWeightsOf(keepWeights)),
    })),
    batches: () => reading.batches(),
    free: () => reading.free(),
  };
}

/**
 * @param {Family} family
 * @param {unknown} profile
 * @param {unknown} value
 */
export function readModel({ runtime }, profile, value) {
  if (typeof profile !== 'string') throw failure('E_PROFILE_UNKNOWN', `profile is ${shown(profile)}, expected its name`);
  const bytes = input.documentBytes(value, 1 << 20);
  return JSON.parse(runtime.call(({ read_sizes }) => read_sizes(profile, bytes)));
}
