// sphere-pow/learn with the files that the build puts beside this module: it is loaded when a page first explains something.

import { skipLayers as skip, trace as traceOf, type SkipOptions, type TraceOptions } from 'sphere-pow/learn/slim';
import wasm from 'sphere-pow/learn.wasm?url';
import worker from 'sphere-pow/learn-worker?url';

const FILES = { wasm: new URL(wasm, import.meta.url), worker: new URL(worker, import.meta.url) };

export function trace(options: TraceOptions) {
  return traceOf({ ...options, ...FILES });
}

export function skipLayers(options: SkipOptions) {
  return skip({ ...options, ...FILES });
}
