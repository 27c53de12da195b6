// Reads a document and has every proof in it judged, with the files that lie beside this module.

import {
  hasSimd,
  init,
  verifyDocument,
  type DocumentOptions,
  type Given,
  type ProofInput,
  type Progress,
  type Report,
  type Unjudged,
} from 'sphere-pow/slim';
import wasm from 'sphere-pow/verifier.wasm?url&no-inline';
import scalarWasm from 'sphere-pow/verifier-scalar.wasm?url&no-inline';
import worker from 'sphere-pow/worker?url&no-inline';

/** What the embedding page expects of the proof, and how it is checked. */
export type Asked = Given & Pick<DocumentOptions, 'sample' | 'concurrency'>;

/** Attributes that say what a document may leave out, by the reason that the report gives. */
const ATTRIBUTES: Record<string, string> = { 'missing-params': 'params', 'missing-block': 'block-hash', 'missing-key': 'public-key' };

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

export async function check(document: ProofInput, asked: Asked, call: Call): Promise<Report> {
  await init({ wasm: new URL(hasSimd() ? wasm : scalarWasm) });
  const report = await verifyDocument(document, { sample: 'all', ...asked, ...call, worker: new URL(worker) });
  if (report.submissions.length === 0) refuseMissing(report.unjudged);
  return report;
}

/** Names what the page has to add, where that alone is missing. */
function refuseMissing(unjudged: readonly Unjudged[]) {
  const attributes = [...new Set(unjudged.map(({ code }) => ATTRIBUTES[code]))];
  if (attributes.every((name) => name !== undefined) && attributes.length > 0) throw new MissingContext(attributes as string[]);
}
