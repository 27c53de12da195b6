// Reads a document and has every proof in it judged, with the files that lie beside this module.

import {
  hasSimd,
  init,
  readDocument,
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

const FIELDS: Record<string, keyof Asked> = { params: 'params', 'block-hash': 'blockHash', 'public-key': 'publicKey' };

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

/** What `src` gives is larger than this page allows. */
export class TooLarge extends Error {
  constructor(readonly limit: number) {
    super(`the proof is larger than ${limit} bytes`);
    this.name = 'TooLarge';
  }
}

/** The check took longer than this page allows. */
export class TimedOut extends Error {
  constructor(readonly seconds: number) {
    super(`the check took longer than ${seconds} s`);
    this.name = 'TimedOut';
  }
}

type Call = { signal: AbortSignal; onProgress: (progress: Progress) => void };

export async function check(document: ProofInput, asked: Asked, call: Call): Promise<Report> {
  await init({ wasm: new URL(hasSimd() ? wasm : scalarWasm) });
  const report = await verifyDocument(document, { sample: 'all', ...asked, ...call, worker: new URL(worker) });
  if (report.submissions.length === 0 && report.unjudged.every(({ code }) => code in ATTRIBUTES)) {
    throw new MissingContext(await missingFrom(document, report.unjudged, asked));
  }
  return report;
}

/** What the page has to add: the judge names the first that a part leaves out, the document all of them. */
async function missingFrom(document: ProofInput, unjudged: readonly Unjudged[], asked: Asked): Promise<string[]> {
  const read = await readDocument(document);
  const batches = read.batches();
  read.free();
  return Object.values(ATTRIBUTES).filter(
    (name) =>
      unjudged.some(({ code }) => ATTRIBUTES[code] === name) ||
      batches.some(({ params, blockHash, publicKey }) => ({ params, 'block-hash': blockHash, 'public-key': publicKey })[name] === null && !Object.hasOwn(asked, FIELDS[name]!)),
  );
}
