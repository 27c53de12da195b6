// The weight pools of this realm: one a block and model, for all verifiers and their workers; kept across reloads if asked.

import { hex } from './input.js';
import { WeightPool, newPool } from './pool.js';

/** @typedef {import('./host.js').Job} Job */

const CACHE = 'sphere-pow';
/** Of the addresses under which parts are cached; nothing is ever asked of it. */
const ORIGIN = 'https://sphere-pow.invalid/weight-pool/1';
/** Bytes of a part. */
const PART = 1 << 24;
/** Parts read at a time. */
const LANES = 4;
const DIGEST = 'sphere-pow-sha256';

/** Each for as long as a verifier or a worker has it. @type {Map<string, WeakRef<ArrayBuffer | SharedArrayBuffer>>} */
const pools = new Map();
/** Those whose weights are in the cache, or on the way there. @type {WeakSet<ArrayBuffer | SharedArrayBuffer>} */
const cached = new WeakSet();
let makers = 0;

/** A number for one who may make a pool: a worker, say. */
export function newMaker() {
  makers += 1;
  return makers;
}

/** Whether workers can share memory: in browsers where the page is isolated from other origins, elsewhere always. */
export function canShare() {
  return typeof SharedArrayBuffer === 'function' && globalThis.crossOriginIsolated !== false;
}

/** @param {Pick<Job, 'params' | 'blockHash'>} job */
const nameOf = ({ params, blockHash }) => `${params} ${blockHash}`;

/**
 * The pool for a job, vacant at first; nothing where its model has none, or workers cannot share one.
 * @param {Job} job
 * @param {boolean} isRemote Whether workers compute, and not this thread.
 * @param {boolean} isCached Whether it may come from the cache.
 * @returns {ArrayBuffer | SharedArrayBuffer | undefined}
 */
export function poolFor(job, isRemote, isCached) {
  if (!job.poolBytes || (isRemote && !canShare())) return undefined;
  const name = `${isRemote} ${nameOf(job)}`;
  const known = pools.get(name)?.deref();
  if (known) return known;
  for (const [old, pool] of pools) if (!pool.deref()) pools.delete(old);
  const buffer = newPool(job.poolBytes, isRemote);
  pools.set(name, new WeakRef(buffer));
  if (isRemote && isCached) void load(buffer, job);
  return buffer;
}

/** @param {Pick<Job, 'params' | 'blockHash'>} job */
async function addressOf(job) {
  return `${ORIGIN}/${await digest(new TextEncoder().encode(nameOf(job)))}`;
}

/** @param {Uint8Array<ArrayBuffer>} bytes */
async function digest(bytes) {
  return hex(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)));
}

/**
 * Fills a new pool from the cache, if all of it is there; workers wait for that, and make it if not.
 * @param {ArrayBuffer | SharedArrayBuffer} buffer
 * @param {Job} job
 */
async function load(buffer, job) {
  const pool = new WeightPool(buffer, newMaker());
  pool.claim(() => {});
  try {
    const cache = await caches.open(CACHE);
    const address = await addressOf(job);
    const { bytes } = pool;
    const parts = Math.ceil(bytes.length / PART);
    const lane = async (/** @type {number} */ first) => {
      for (let part = first; part < parts; part += LANES) {
        const response = await cache.match(`${address}/${part}`);
        const from = new Uint8Array((await response?.arrayBuffer()) ?? []);
        const whole = from.length === Math.min(PART, bytes.length - part * PART);
        if (!whole || (await digest(from)) !== response?.headers.get(DIGEST)) throw new Error('a part is missing or damaged');
        bytes.set(from, part * PART);
        pool.keep((part + 1) / parts);
      }
    };
    await Promise.all(Array.from({ length: LANES }, (_, first) => lane(first)));
    cached.add(buffer);
    pool.done();
  } catch {
    // No cache, or not all in it.
    pool.release();
  }
}

/**
 * Puts a whole pool into the cache in place of those before, where there is a cache and room; takes its time beside other work.
 * @param {ArrayBuffer | SharedArrayBuffer | undefined} buffer
 * @param {Job} job
 */
export async function store(buffer, job) {
  if (!buffer || cached.has(buffer)) return;
  const pool = new WeightPool(buffer, newMaker());
  if (!pool.isWhole) return;
  cached.add(buffer);
  try {
    const cache = await caches.open(CACHE);
    const address = await addressOf(job);
    const others = (await cache.keys()).filter(({ url }) => url.startsWith(ORIGIN) && !url.startsWith(address));
    await Promise.all(others.map((request) => cache.delete(request)));
    const { bytes } = pool;
    for (let part = 0; part * PART < bytes.length; part += 1) {
      // A copy: what is shared cannot be stored.
      const copy = new Uint8Array(bytes.subarray(part * PART, (part + 1) * PART));
      await cache.put(`${address}/${part}`, new Response(copy, { headers: { [DIGEST]: await digest(copy) } }));
    }
  } catch {
    // No cache, or no room: the next one makes its pool.
  }
}
