// The package on the GPU, loaded when it is first wanted: a wasm and a worker of their own.

import { verifyDocument, type GpuDocumentOptions } from 'sphere-pow/webgpu/slim';
import type { ProofInput } from 'sphere-pow/slim';
import wasm from 'sphere-pow/webgpu.wasm?url';
import worker from 'sphere-pow/webgpu-worker?url';

const url = (path: string) => new URL(path, import.meta.url);

export function verifyOnGpu(document: ProofInput, options: GpuDocumentOptions) {
  // Who asks for WebGPU may have it computed by the CPU, too: for `auto` it is not asked then.
  return verifyDocument(document, { ...options, wasm: url(wasm), worker: url(worker), softwareAdapter: true });
}
