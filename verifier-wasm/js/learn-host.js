// What a worker of sphere-pow/learn does; the build puts it in the place of host.js there.

import { call } from './engine.js';
import { skip_layers, trace } from './generated/learn.js';
import { throttled } from './throttle.js';

/** Computes one request after the other; the wasm keeps the last model. */
export class Host {
  /**
   * @param {{kind: 'trace' | 'skip', request: string}} job
   * @param {import('./host.js').Tell} tell
   * @returns {string}
   */
  compute({ kind, request }, tell) {
    const steps = [0, 1].map((step) => throttled((fraction) => tell(step, fraction)));
    const report = (/** @type {number} */ step, /** @type {number} */ fraction) => steps[step]?.(fraction) ?? false;
    const answer = call(() => (kind === 'skip' ? skip_layers : trace)(request, report));
    tell(2, 1);
    return answer;
  }

  close() {}
}
