// The options of a call of sphere-pow/learn, /transcript and /train.

import { aborted } from './core.js';
import * as input from './core.js';

/**
 * Reads a call's options. A signal that has aborted ends it here.
 * @param {unknown} options
 * @param {readonly string[]} names All that there are.
 */
export function readCall(options, names) {
  const read = input.readOptions(options, names);
  read.signal = input.abortSignal(read.signal);
  read.onProgress = input.callback(read.onProgress);
  read.worker = input.workerOption(read.worker);
  if (read.memoryLimit !== undefined) input.integer('memoryLimit', read.memoryLimit, 1, Number.MAX_SAFE_INTEGER);
  if (read.signal?.aborted) throw aborted(read.signal);
  return read;
}
