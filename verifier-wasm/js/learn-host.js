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
    const weights = throttled((fraction) => tell(0, fraction));
    const layers = throttled((fraction) => tell(1, fraction));
    const answer = call(() => (kind === 'skip' ? skip_layers : trace)(request, weights, layers));
    tell(2, 1);
    return answer;
  }

  close() {}
}
