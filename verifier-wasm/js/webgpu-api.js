// sphere-pow/webgpu: the package's functions with an engine on WebGPU.

import { Runtime, api } from './core.js';
import source from './generated/webgpu-worker-text.js';
import { glue } from './webgpu-glue.js';
import { GpuHost } from './webgpu-host.js';
import { GpuScheduler } from './webgpu-scheduler.js';

/** @param {() => unknown} own The entry's own wasm. */
export function webgpuApi(own) {
  const runtime = new Runtime(glue);
  const workers = { runtime, source, newHost: () => new GpuHost(runtime) };
  return api(
    {
      runtime: /** @type {any} */ (runtime),
      options: ['softwareAdapter', 'onEngine'],
      newScheduler: (wasm, options) => new GpuScheduler(workers, wasm, options),
    },
    own,
  );
}
