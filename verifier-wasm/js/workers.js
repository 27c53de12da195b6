// Workers: how one is started here, and what is said to it.

import { SpherePowError, failure } from './errors.js';
import { node } from './platform.js';
import { WeightPool } from './pool.js';
import { newMaker } from './pools.js';

/** @typedef {import('./host.js').Job} Job */
/** @typedef {import('./host.js').Tell} Tell */
/** @typedef {import('./host.js').Computed} Computed */
/** @typedef {import('./types.js').WorkerOption} WorkerOption */
/** @typedef {import('./loader.js').Wasm} Wasm */
/**
 * @typedef {object} Request
 * @property {number} id
 * @property {'start' | 'compute'} op
 * @property {WebAssembly.Module} [module]
 * @property {BufferSource} [bytes]
 * @property {any} [job]
 */
/** @typedef {{resolve: (value: any) => void, reject: (error: unknown) => void, tell?: Tell | undefined}} Waiting */
/**
 * What a wasm needs to be run in workers and without.
 * @typedef {object} Family
 * @property {{start(module: WebAssembly.Module): void}} runtime
 * @property {string} source The script of its workers.
 * @property {() => {compute(job: any, tell: Tell): any, close(): void}} newHost Computes in the caller's thread.
 */
/**
 * Something that computes nonces, one job at a time.
 * @typedef {object} Helper
 * @property {(wasm: Wasm) => Promise<void>} start
 * @property {(job: Job, tell: Tell) => Promise<Computed>} compute
 * @property {boolean} isLost Whether it can be used no more.
 * @property {() => Promise<void>} end Stops it at once.
 */

/**
 * A helper as `option` says, not yet started.
 * @param {WorkerOption} option
 * @param {Family} family
 * @returns {Helper}
 */
export function newHelper(option, family) {
  return option === false ? new InThread(family) : new Remote(openChannel(option, family.source));
}

/** The next turn of the event loop: not by a timer where there is another way, since tests put still clocks in its place. */
function turn() {
  const { MessageChannel: Channel } = node('node:worker_threads') ?? globalThis;
  if (!Channel) return new Promise((resolve) => setTimeout(resolve));
  const { port1, port2 } = new Channel();
  return new Promise((resolve) => {
    port1.onmessage = resolve;
    port2.postMessage(0);
  }).finally(() => port1.close());
}

/**
 * Runs in the caller's own thread, which is blocked while a job runs: for places without workers.
 * @implements {Helper}
 */
class InThread {
  #family;
  #host;
  #maker = newMaker();
  isLost = false;

  /** @param {Family} family */
  constructor(family) {
    this.#family = family;
    this.#host = family.newHost();
  }

  /** @param {Wasm} wasm */
  async start({ module }) {
    this.#family.runtime.start(module);
  }

  /**
   * @param {Job} job
   * @param {Tell} tell
   */
  async compute(job, tell) {
    // Between jobs the caller's timers and signals get their turn.
    await turn();
    if (this.isLost) throw failure('E_ABORTED', 'the verifier was closed');
    return this.#host.compute({ ...job, maker: this.#maker }, tell);
  }

  async end() {
    if (this.isLost) return;
    this.isLost = true;
    this.#host.close();
  }
}

/**
 * The platform's worker with one face.
 * @typedef {object} Channel
 * @property {(message: unknown) => void} post
 * @property {(on: {message: (data: any) => void, lost: (error: unknown) => void}) => void} listen
 * @property {(isBusy: boolean) => void} keepAlive
 * @property {() => Promise<unknown>} end
 */

/**
 * @param {Exclude<WorkerOption, false>} option
 * @param {string} source
 * @returns {Channel}
 */
function openChannel(option, source) {
  const threads = node('node:worker_threads');
  if (threads && typeof option !== 'function') {
    const url = option === undefined ? new URL(`data:text/javascript,${encodeURIComponent(source)}`) : option;
    // No flags of ours: an --input-type or --import of the caller's is not for this script.
    try {
      return threadChannel(new threads.Worker(new URL(String(url)), { execArgv: [], name: 'sphere-pow' }));
    } catch (error) {
      if (/** @type {any} */ (error)?.code !== 'ERR_ACCESS_DENIED') throw error;
      throw failure('E_WASM_LOAD', 'workers are forbidden: use node --allow-worker, or pass worker: false', error);
    }
  }
  if (typeof option === 'function') return anyChannel(option());
  if (typeof Worker !== 'function') {
    throw failure('E_WASM_LOAD', 'there are no workers here, expected Worker; pass worker: false to run without');
  }
  if (option !== undefined) return webChannel(webWorker(String(option)));
  const url = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
  const worker = webWorker(url);
  // One that says something has read its script. Not a timer: Deno and Bun would wait for it before they end.
  for (const event of ['message', 'error']) worker.addEventListener(event, () => URL.revokeObjectURL(url), { once: true });
  return webChannel(worker);
}

/**
 * A web worker of a script. Where the page asks for trusted types, by a policy of the package's name, made once: a page
 * may load several entries.
 * @param {string} url
 */
function webWorker(url) {
  const name = 'sphere-pow';
  const start = (/** @type {any} */ script) => new Worker(script, { type: 'module', name });
  try {
    try {
      return start(url);
    } catch (error) {
      const types = /** @type {any} */ (globalThis).trustedTypes;
      if (!types) throw error;
      types[name] ??= types.createPolicy(name, { createScriptURL: String });
      return start(types[name].createScriptURL(url));
    }
  } catch (cause) {
    throw failure('E_WASM_LOAD', `no worker from ${url.slice(0, 80)}: ${/** @type {Error} */ (cause).message}; pass the option worker`, cause);
  }
}

/** @param {any} worker A web Worker or one of node:worker_threads. */
function anyChannel(worker) {
  if (typeof worker?.postMessage !== 'function' || typeof worker.terminate !== 'function') {
    throw failure('E_FORMAT', 'the option worker returned no Worker');
  }
  return typeof worker.on === 'function' ? threadChannel(worker) : webChannel(worker);
}

/**
 * @param {Worker} worker
 * @returns {Channel}
 */
function webChannel(worker) {
  return {
    post: (message) => worker.postMessage(message),
    listen: ({ message, lost }) => {
      worker.onmessage = (event) => message(event.data);
      worker.onerror = (event) => {
        event.preventDefault?.();
        lost(event.message || 'its script was refused or could not be read');
      };
      worker.onmessageerror = () => lost('a message could not be read');
    },
    keepAlive: () => {},
    end: async () => worker.terminate(),
  };
}

/**
 * @param {import('node:worker_threads').Worker} worker
 * @returns {Channel}
 */
function threadChannel(worker) {
  return {
    post: (message) => worker.postMessage(message),
    listen: ({ message, lost }) => {
      worker.on('message', message);
      worker.on('error', lost);
      worker.on('exit', (code) => lost(`it ended with code ${code}`));
    },
    keepAlive: (isBusy) => (isBusy ? worker.ref() : worker.unref()),
    end: () => worker.terminate(),
  };
}

/**
 * A worker at the other end of a channel.
 * @implements {Helper}
 */
class Remote {
  #channel;
  /** @type {Map<number, Waiting>} */
  #waiting = new Map();
  #lastId = 0;
  #maker = newMaker();
  /** The pool that it may be making. @type {ArrayBuffer | SharedArrayBuffer | undefined} */
  #pool;
  isLost = false;

  /** @param {Channel} channel */
  constructor(channel) {
    this.#channel = channel;
    channel.listen({ message: (data) => this.#receive(data), lost: (reason) => this.#lose(reason) });
  }

  /** @param {Wasm} wasm */
  async start({ module, bytes }) {
    try {
      await this.#ask({ op: 'start', module });
    } catch (error) {
      // Some engines cannot clone a module into a worker; bytes can always go.
      const isCode = error instanceof SpherePowError && error.code === 'E_WASM_LOAD';
      if (this.isLost || isCode) throw error;
      await this.#ask({ op: 'start', bytes: await bytes() });
    }
  }

  /**
   * @param {Job} job
   * @param {Tell} tell
   */
  compute(job, tell) {
    this.#pool = job.pool;
    return this.#ask({ op: 'compute', job: { ...job, maker: this.#maker } }, tell);
  }

  async end() {
    if (!this.isLost) {
      this.isLost = true;
      this.#rejectAll(failure('E_ABORTED', 'the verifier was closed'));
    }
    await this.#end();
  }

  /**
   * @param {Omit<Request, 'id'>} request
   * @param {Tell} [tell]
   * @returns {Promise<any>}
   */
  #ask(request, tell) {
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId;
      this.#channel.post({ id, ...request });
      this.#waiting.set(id, { resolve, reject, tell });
      this.#channel.keepAlive(true);
    });
  }

  /** @param {{id: number, value?: any, code?: any, message?: string, reason?: string | null, place?: string | null, step?: number, fraction?: number}} data */
  #receive({ id, value, code, message, reason, place, step, fraction }) {
    const waiting = this.#waiting.get(id);
    if (!waiting) return;
    if (step !== undefined) {
      waiting.tell?.(step, /** @type {number} */ (fraction));
      return;
    }
    this.#waiting.delete(id);
    if (this.#waiting.size === 0) this.#channel.keepAlive(false);
    if (!code) {
      waiting.resolve(value);
      return;
    }
    // Its instance has trapped: another worker does the next job.
    if (code === 'E_INTERNAL') {
      this.isLost = true;
      void this.#end();
    }
    waiting.reject(new SpherePowError(code, message ?? '', { reason: reason ?? null, place: place ?? null }));
  }

  /** @param {unknown} reason */
  #lose(reason) {
    if (this.isLost) return;
    this.isLost = true;
    const text = reason instanceof Error ? reason.message : String(reason);
    const hint = 'a content security policy must allow worker-src blob:, or pass the option worker';
    const isNew = this.#lastId <= 1;
    this.#rejectAll(
      isNew
        ? failure('E_WASM_LOAD', `the worker did not start: ${text}; ${hint}`, reason)
        : failure('E_INTERNAL', `the worker was lost: ${text}`, reason),
    );
    void this.#end();
  }

  /** Ends the worker; a pool that it was making is for others to make. */
  async #end() {
    await this.#channel.end();
    if (this.#pool) new WeightPool(this.#pool, this.#maker).release();
    this.#pool = undefined;
  }

  /** @param {Error} error */
  #rejectAll(error) {
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(error);
  }
}
