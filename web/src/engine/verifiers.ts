// The package, on each engine, with the files that the build puts beside this module.

import type { EngineInfo } from 'sphere-pow/webgpu/slim';
import {
  constants,
  createVerifier,
  hasSimd,
  init,
  readDocument,
  verifyDocument,
  type Constants,
  type DocumentOptions,
  type DocumentResult,
  type Given,
  type ProofDocument,
  type ProofInput,
  type Report,
  type Said,
  type Verification,
  type Verifier,
  type VerifierOptions,
} from 'sphere-pow/slim';
import scalarWasm from 'sphere-pow/verifier-scalar.wasm?url';
import wasm from 'sphere-pow/verifier.wasm?url';
import worker from 'sphere-pow/worker?url';
import type { EngineName, OnEngine } from './types.ts';

const url = (path: string) => new URL(path, import.meta.url);

let started: Promise<void> | undefined;

/** Loads the wasm, once it is needed. */
function start(): Promise<void> {
  started ??= init({ wasm: url(hasSimd() ? wasm : scalarWasm) }).catch((error: unknown) => {
    started = undefined;
    throw error;
  });
  return started;
}

export async function read(document: ProofInput, given: Given, said: Said): Promise<ProofDocument> {
  await start();
  return readDocument(document, { ...given, said });
}

export async function rules(): Promise<Constants> {
  await start();
  return constants();
}

export async function wasmVerifier(options: VerifierOptions): Promise<Verifier> {
  await start();
  return createVerifier({ ...options, worker: url(worker) });
}

/** Recomputes and judges a document. */
export type Verify = (document: ProofInput, options: DocumentOptions) => Verification<Report, DocumentResult>;

/** The engine asked for; `auto` takes the GPU where there is a real one and at least `GPU_WORK` operations to do. */
export async function engineFor(wanted: EngineName | 'auto', work: number, onEngine: OnEngine): Promise<Verify> {
  if (wanted === 'webgpu' || (wanted === 'auto' && work >= GPU_WORK && (await hasGpu()))) {
    const { verifyOnGpu } = await import('./gpu.ts');
    return (document, options) => verifyOnGpu(document, { ...options, onEngine: (engine) => onEngine(describe(engine)) });
  }
  await start();
  onEngine({ name: 'wasm', detail: '' });
  return (document, options) => verifyDocument(document, { ...options, worker: url(worker) });
}

/** Opening a device and compiling its kernels takes about as long as the CPU takes for this. */
const GPU_WORK = 1e11;

async function hasGpu(): Promise<boolean> {
  const { gpu } = navigator as { gpu?: { requestAdapter(): Promise<{ info?: { isFallbackAdapter?: boolean } } | null> } };
  const adapter = await gpu?.requestAdapter().catch(() => null);
  return adapter != null && !adapter.info?.isFallbackAdapter;
}

function describe(info: EngineInfo): { name: EngineName; detail: string } {
  if (info.engine === 'wasm') return { name: 'wasm', detail: info.reason };
  const { vendor, architecture, description } = info.adapter;
  return { name: 'webgpu', detail: description || `${vendor} ${architecture}`.trim() };
}
