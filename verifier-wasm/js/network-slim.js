// sphere-pow/network without its wasm: the caller says where `sphere-pow/network.wasm` is.

import { noWasm } from './core.js';
import { networkApi } from './network-api.js';

const api = /* @__PURE__ */ networkApi(noWasm);

export const { acceptBatch, acceptValidation, backedWeight, candidateWeight, capPowers, claimedWeight, claims, close, committee, detection, difficulty, drawSample, duty, emission, epoch, epochPresets, guardianPowers, majority, minimumAverage, missProbability, networkSample, nextDifficulty, reputation, requestSeed, scenario, settleCycle, shareByWeight, simulate, standing, weightTable } = api;
export { SpherePowError } from './core.js';
