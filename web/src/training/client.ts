// sphere-pow/train with the files that the build puts beside this module: loaded when a segment is first repeated.

import { checkSegment as check, readOpening as read, type CheckSegmentOptions, type TrainInput } from 'sphere-pow/train/slim';
import wasm from 'sphere-pow/train.wasm?url';
import worker from 'sphere-pow/train-worker?url';

const WASM = new URL(wasm, import.meta.url);
const WORKER = new URL(worker, import.meta.url);

export const readOpening = (opening: TrainInput, signal: AbortSignal) => read(opening, { signal, wasm: WASM });
export const checkSegment = (opening: TrainInput, options: CheckSegmentOptions) => check(opening, { ...options, wasm: WASM, worker: WORKER });
