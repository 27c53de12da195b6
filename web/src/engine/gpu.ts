// The package on the GPU, loaded when it is first wanted: a wasm and a worker of their own.

import { createVerifier, init, type GpuVerifier } from 'sphere-pow/webgpu/slim';
import wasm from 'sphere-pow/webgpu.wasm?url';
import worker from 'sphere-pow/webgpu-worker?url';
import type { VerifierOptions } from 'sphere-pow/slim';

const url = (path: string) => new URL(path, import.meta.url);

export async function gpuVerifier(options: VerifierOptions): Promise<GpuVerifier> {
  await init({ wasm: url(wasm) });
  // Who asks for WebGPU may have it computed by the CPU, too: for `auto` it is not asked then.
  return createVerifier({ ...options, worker: url(worker), softwareAdapter: true });
}
