// The worker's end of the wire, in browsers (self) and in Node (parentPort).

import { SpherePowError } from './errors.js';

/** @typedef {import('./workers.js').Request} Request */

/**
 * Answers what comes from the other end.
 * @param {{start(module: WebAssembly.Module): void}} runtime
 * @param {{compute(job: any, tell: (step: number, value: any) => void): unknown}} host
 */
export function serve(runtime, host) {
  const inWeb = typeof WorkerGlobalScope === 'function' && globalThis instanceof WorkerGlobalScope;
  const node = inWeb ? undefined : globalThis.process?.getBuiltinModule?.('node:worker_threads');
  const port = node?.parentPort ?? /** @type {any} */ (globalThis);

  /** @param {Request} request */
  async function answer(request) {
    const { id } = request;
    try {
      if (request.op === 'start') {
        runtime.start(request.module ?? new WebAssembly.Module(/** @type {ArrayBuffer} */ (request.bytes)));
        port.postMessage({ id, value: null });
        return;
      }
      const value = await host.compute(request.job, (step, fraction) => port.postMessage({ id, step, fraction }));
      port.postMessage({ id, value });
    } catch (error) {
      const isOurs = error instanceof SpherePowError;
      const { code, message, reason, place } = isOurs ? error : { code: 'E_INTERNAL', message: String(error), reason: null, place: null };
      port.postMessage({ id, code, message, reason, place });
    }
  }

  /** A module that could not be read here: the other end then sends bytes. */
  function refuse() {
    port.postMessage({ id: 1, code: 'E_FORMAT', message: 'the message could not be read' });
  }

  if (node) {
    port.on('messageerror', refuse);
    port.on('message', answer);
  } else {
    port.onmessageerror = refuse;
    port.onmessage = (/** @type {MessageEvent<Request>} */ event) => answer(event.data);
  }
}
