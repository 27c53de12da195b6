// sphere-pow/network: the network's rules, and a simulation of many hosts. The wasm comes along, read at the first call.

import { failure, hasSimd, inflate } from './core.js';
import { networkApi } from './network-api.js';

const api = /* @__PURE__ */ networkApi(async () => {
  if (!hasSimd()) throw failure('E_WASM_LOAD', 'this engine has no simd128, which sphere-pow/network needs');
  const { default: text } = await import('./inlined-network.js');
  return inflate(text);
});

export const { acceptBatch, acceptValidation, backedWeight, candidateWeight, capPowers, claimedWeight, claims, close, committee, detection, difficulty, drawSample, duty, emission, epoch, epochPresets, guardianPowers, majority, minimumAverage, missProbability, networkSample, nextDifficulty, reputation, requestSeed, scenario, settleCycle, shareByWeight, simulate, standing, weightTable } = api;
export { SpherePowError } from './core.js';
