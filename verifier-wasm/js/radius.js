// The radius to win, and the share of nonces that do.

import { ask } from './ask.js';
import { failure, shown } from './errors.js';
import { number } from './input.js';

/** Logits of the network's models. */
const VOCAB = 8196;
const LAUNCH = 1.4013564660458173;
const DECEMBER_2025 = 1.398077;

/** When the network changed the radius: first day, radius. Before: 1.390051443. */
const CHANGES = /** @type {const} */ ([
  ['2025-12-22', DECEMBER_2025],
  ['2025-08-01', LAUNCH],
  ['2025-05-01', 1.3971164020989417],
  ['2025-04-01', 1.390051443],
]);

/**
 * @param {() => Promise<unknown>} ready Loads the wasm.
 * @returns {import('./types.js').TargetRadii}
 */
export function targetRadii(ready) {
  /** @type {import('./types.js').TargetRadii} */
  const radii = {
    LAUNCH,
    DECEMBER_2025,
    at(day) {
      const time = new Date(day).getTime();
      const change = CHANGES.find(([first]) => time >= Date.parse(first));
      if (!change) throw failure('E_RANGE', `there is no radius for ${shown(day)}, expected a day from 2025-04-01 on`);
      return change[1];
    },
    async winRate(radius, vocabSize = VOCAB) {
      await ready();
      return Number(ask('win-rate', [number('vocabSize', vocabSize), number('radius', radius)]));
    },
    async fromWinRate(rate, vocabSize = VOCAB) {
      await ready();
      return Number(ask('target-radius', [number('vocabSize', vocabSize), number('rate', rate)]));
    },
  };
  return Object.freeze(radii);
}

/** The loosest radius that a proof may name for itself. */
export const LOOSEST = LAUNCH;
