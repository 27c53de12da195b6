// sphere-pow/network with the files that the build puts beside this module: loaded with the page that needs them.

import * as rules from 'sphere-pow/network/slim';
import wasm from 'sphere-pow/network.wasm?url';
import worker from 'sphere-pow/network-worker?url';

const FILES = { wasm: new URL(wasm, import.meta.url), worker: new URL(worker, import.meta.url) };

export const epoch = (request: Parameters<typeof rules.epoch>[0]) => rules.epoch(request, FILES);
export const weightTable = (request: Parameters<typeof rules.weightTable>[0]) => rules.weightTable(request, FILES);
export const claims = (document: string) => rules.claims(document, FILES);
export const simulate = (scenario: Parameters<typeof rules.simulate>[0], options: { signal: AbortSignal; onProgress: (progress: { fraction: number }) => void }) =>
  rules.simulate(scenario, { ...options, ...FILES });
