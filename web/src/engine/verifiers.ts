// The package, on each engine, with the files that the build puts beside this module.

import type { EngineInfo } from 'sphere-pow/webgpu/slim';
import { createVerifier, hasSimd, init, parseProofs, type Verifier, type VerifierOptions } from 'sphere-pow/slim';
import scalarWasm from 'sphere-pow/verifier-scalar.wasm?url';
import wasm from 'sphere-pow/verifier.wasm?url';
import worker from 'sphere-pow/worker?url';
import type { Context, EngineName, Model, ProofHead } from './types.ts';

const url = (path: string) => new URL(path, import.meta.url);

let started: Promise<void> | undefined;

/** Loads the wasm, once it is needed. */
export function start(): Promise<void> {
  started ??= init({ wasm: url(hasSimd() ? wasm : scalarWasm) }).catch((error: unknown) => {
    started = undefined;
    throw error;
  });
  return started;
}

export async function parse(document: string | Uint8Array) {
  await start();
  return parseProofs(document);
}

type Asked = Pick<Context, 'params' | 'blockHash'> & { profile: ProofHead['profile']; rTarget?: number | null };

function optionsOf({ profile, params, blockHash, rTarget }: Asked): VerifierOptions {
  const radius = profile === 'gonka' && typeof rTarget === 'number' ? { rTarget } : {};
  return { profile, params, blockHash, ...radius } as VerifierOptions;
}

export async function wasmVerifier(asked: Asked): Promise<Verifier> {
  await start();
  return createVerifier({ ...optionsOf(asked), worker: url(worker) });
}

/** A verifier, and what it computes on once it has begun. */
export interface Engine {
  verifier: Verifier;
  used: () => { name: EngineName; detail: string } | null;
}

/** The engine asked for; `auto` takes the GPU where there is a real one and at least `GPU_WORK` operations to do. */
export async function engineFor(asked: Asked, wanted: EngineName | 'auto', work: number): Promise<Engine> {
  if (wanted === 'webgpu' || (wanted === 'auto' && work >= GPU_WORK && (await hasGpu()))) {
    const { gpuVerifier } = await import('./gpu.ts');
    const verifier = await gpuVerifier(optionsOf(asked));
    return { verifier, used: () => verifier.engine && describe(verifier.engine) };
  }
  const used = { name: 'wasm', detail: '' } as const;
  return { verifier: await wasmVerifier(asked), used: () => used };
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

/** What a model costs. */
export async function modelOf(profile: ProofHead['profile'], params: Context['params']): Promise<Model> {
  const verifier = await wasmVerifier({ profile, params, blockHash: '0'.repeat(64) });
  const { model } = verifier;
  await verifier.close();
  return { profile, ...model } as Model;
}
