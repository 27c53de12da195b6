// Reads a document and checks each proof in it, with the files that lie beside this module.

import {
  createVerifier,
  hasSimd,
  init,
  parseProofs,
  type BatchOptions,
  type BatchReport,
  type ParsedProof,
  type Progress,
  type ProofInput,
  type State,
  type Verifier,
  type VerifierOptions,
} from 'sphere-pow/slim';
import wasm from 'sphere-pow/verifier.wasm?url&no-inline';
import scalarWasm from 'sphere-pow/verifier-scalar.wasm?url&no-inline';
import worker from 'sphere-pow/worker?url&no-inline';

/** What the embedding page knows; it comes before what the proof says of itself. */
export interface Given {
  params?: VerifierOptions['params'];
  blockHash?: string;
  publicKey?: string;
  rTarget?: number;
  sample?: BatchOptions['sample'];
  /** Workers, each with weights of its own. */
  concurrency?: number;
}

export interface Verdict {
  /** The worst of the reports: invalid, then inconclusive, then valid. */
  state: State;
  /** One for each proof of the document. */
  reports: BatchReport[];
}

/** What neither the document nor the page says, as attributes of the element. */
export class MissingContext extends Error {
  constructor(readonly attributes: string[]) {
    super(`the proof does not say enough, expected ${attributes.join(', ')}`);
    this.name = 'MissingContext';
  }
}

/** Neither `src` nor `proof` is set. */
export class NoProof extends Error {
  constructor() {
    super('neither src nor proof is set');
    this.name = 'NoProof';
  }
}

/** The server of `src` answered with an error. */
export class Unreachable extends Error {
  constructor(readonly status: string) {
    super(`the proof could not be fetched: ${status}`);
    this.name = 'Unreachable';
  }
}

type Call = { signal: AbortSignal; onProgress: (progress: Progress) => void };

export async function check(document: ProofInput, given: Given, call: Call): Promise<Verdict> {
  await init({ wasm: new URL(hasSimd() ? wasm : scalarWasm) });
  const { proofs } = await parseProofs(document);
  if (proofs.length === 0) throw new MissingContext(['src']);
  const reports: BatchReport[] = [];
  const verifiers = new OneVerifier();
  try {
    for (const [index, proof] of proofs.entries()) {
      const onProgress = (progress: Progress) =>
        call.onProgress({ ...progress, fraction: (index + progress.fraction) / proofs.length });
      const verifier = await verifiers.of(optionsOf(proof, given));
      reports.push(await verifier.verifyBatch(proof, { ...call, ...batchOptionsOf(given), onProgress }));
    }
  } finally {
    await verifiers.close();
  }
  return { state: worst(reports.map((report) => report.state)), reports };
}

/** The verifier of the last options: the proofs of a document are mostly of one block, whose weights are made once. */
class OneVerifier {
  #key = '';
  #verifier: Verifier | undefined;

  async of(options: VerifierOptions): Promise<Verifier> {
    const key = JSON.stringify(options);
    if (this.#verifier && key === this.#key) return this.#verifier;
    await this.close();
    this.#key = key;
    this.#verifier = await createVerifier(options);
    return this.#verifier;
  }

  async close() {
    await this.#verifier?.close();
    this.#verifier = undefined;
  }
}

function batchOptionsOf({ sample = 'all', publicKey, concurrency }: Given): BatchOptions {
  return {
    sample,
    ...(publicKey === undefined ? {} : { publicKey }),
    ...(concurrency === undefined ? {} : { concurrency }),
  };
}

function optionsOf(proof: ParsedProof, given: Given): VerifierOptions {
  const [params, blockHash] = [given.params ?? proof.params, given.blockHash ?? proof.blockHash];
  const missing = [
    ...(params ? [] : ['params']),
    ...(blockHash ? [] : ['block-hash']),
    ...(proof.publicKey || given.publicKey ? [] : ['public-key']),
    ...(proof.nonces.length > 0 ? [] : ['src']),
  ];
  if (missing.length > 0) throw new MissingContext(missing);
  const rTarget = proof.profile === 'gonka' && given.rTarget !== undefined ? { rTarget: given.rTarget } : {};
  return { profile: proof.profile, params, blockHash, worker: new URL(worker), ...rTarget } as VerifierOptions;
}

function worst(states: State[]): State {
  return (['invalid', 'inconclusive'] as const).find((state) => states.includes(state)) ?? 'valid';
}
