// The page's worker: reads documents, runs the package, keeps what it found. The page's own thread only shows.

import { expose } from 'comlink';
import type { BatchReport, NonceResult, ParsedDocument, ParsedProof, Verifier } from 'sphere-pow/slim';
import { clear, columnsOf, fill, orderOf, rowsOf } from './columns.ts';
import { measure } from './pace.ts';
import { decodeShared, encodeShared, type Shared } from './share.ts';
import type {
  Answer, Columns, Model, OnEngine, OnProgress, OnRows, Opened, Pace, Params, ProofHead, Report, Settings, View,
} from './types.ts';
import { engineFor, modelOf, parse } from './verifiers.ts';

/** Milliseconds between two tellings of new results. */
const QUIET_MS = 200;

class Desk {
  #document: ParsedDocument | null = null;
  #columns: Columns | null = null;
  /** What the results are of: another context makes them worthless. */
  #key = '';
  #results = new Map<number, NonceResult>();
  #report: BatchReport | null = null;
  #running: AbortController | null = null;
  #paces = new Map<string, Promise<Pace>>();

  /** Reads a document, and forgets the last one. */
  read(document: string | Uint8Array): Promise<Answer<Opened>> {
    return answer(async () => {
      this.cancel();
      const read = await parse(document);
      this.#document = read;
      this.#forget();
      return { shape: read.shape, shapeName: read.shapeName, proofs: read.proofs.map(headOf) };
    });
  }

  /** Reads a share link's text. */
  readLink(text: string): Promise<Answer<{ opened: Opened; shared: Omit<Shared, 'proof'> }>> {
    return answer(async () => {
      const { proof, ...shared } = await decodeShared(text);
      const opened = await this.read(JSON.stringify(proof));
      if ('fault' in opened) throw Object.assign(new Error(opened.fault.message), { code: opened.fault.code });
      return { opened: opened.value, shared };
    });
  }

  /** The claims of a proof; results so far are gone. */
  claims(proof: number): Columns {
    this.#forget();
    this.#columns = columnsOf(this.#proof(proof));
    return this.#columns;
  }

  model(profile: ProofHead['profile'], params: Params): Promise<Answer<Model>> {
    return answer(() => modelOf(profile, params));
  }

  /** Measured once a profile. */
  pace(profile: ProofHead['profile']): Promise<Answer<Pace>> {
    return answer(() => {
      const known = this.#paces.get(profile);
      if (known) return known;
      const pace = measure(profile);
      this.#paces.set(profile, pace);
      pace.catch(() => this.#paces.delete(profile));
      return pace;
    });
  }

  /** Recomputes a sample and judges it. What a stopped run found is kept and not computed again. */
  run(settings: Settings, onProgress: OnProgress, onRows: OnRows, onEngine: OnEngine): Promise<Answer<Report>> {
    return answer(async () => {
      const proof = this.#proof(settings.proof);
      const { blockHash, publicKey, params } = settings;
      const key = JSON.stringify([settings.proof, params, blockHash, publicKey]);
      if (key !== this.#key || settings.isFresh) this.#forget();
      this.#key = key;
      const running = new AbortController();
      this.#running?.abort();
      this.#running = running;
      const { verifier, used } = await engineFor({ profile: proof.profile, ...settings }, settings.engine, settings.work);
      let isKnown = false;
      const told: OnProgress = (progress) => {
        const engine = isKnown ? null : used();
        if (engine) onEngine(engine);
        isKnown ||= engine !== null;
        onProgress(progress);
      };
      try {
        const report = await this.#check(verifier, proof, settings, running.signal, told, onRows);
        this.#report = report;
        const { results: _, ...rest } = report;
        return rest;
      } finally {
        if (this.#running === running) this.#running = null;
        await verifier.close();
      }
    });
  }

  async #check(verifier: Verifier, proof: ParsedProof, settings: Settings, signal: AbortSignal, onProgress: OnProgress, onRows: OnRows): Promise<BatchReport> {
    const { sample, seed, workers, publicKey } = settings;
    const known = [...this.#results.values()];
    const fresh: NonceResult[] = [];
    const tell = () => {
      if (fresh.length === 0) return;
      this.#tell(fresh.splice(0), onRows, false);
    };
    const timer = setInterval(tell, QUIET_MS);
    try {
      const all = sample >= proof.nonces.length;
      const running = verifier.verifyBatch(proof, {
        sample: all ? 'all' : sample,
        ...(all ? {} : { seed }),
        known,
        concurrency: workers,
        signal,
        onProgress: (progress) => onProgress({ ...progress, known: known.length }),
        ...(proof.publicKey ? {} : { publicKey }),
      });
      for await (const result of running as AsyncIterable<NonceResult>) {
        this.#results.set(result.index, result);
        fresh.push(result);
      }
      const report = await running;
      // Known results are judged anew, and some may be of no interest now: by another radius, of another sample.
      fresh.length = 0;
      this.#tell(report.results, onRows, true);
      return report;
    } finally {
      clearInterval(timer);
      tell();
    }
  }

  #tell(results: readonly NonceResult[], onRows: OnRows, isWhole: boolean): void {
    const rows = rowsOf(results);
    if (this.#columns) {
      if (isWhole) clear(this.#columns);
      fill(this.#columns, rows);
    }
    onRows(rows, isWhole);
  }

  cancel(): void {
    this.#running?.abort();
  }

  order(view: View): Uint32Array {
    return this.#columns ? orderOf(this.#columns, view) : new Uint32Array();
  }

  /** All that is known of one claim. */
  result(index: number): NonceResult | null {
    return this.#results.get(index) ?? null;
  }

  /** The report with every result. */
  reportJson(): Blob {
    return new Blob([JSON.stringify(this.#report, null, 1)], { type: 'application/json' });
  }

  /** The text of a share link; null when the proof is too long for one. */
  link(settings: Omit<Settings, 'isFresh'>): Promise<string | null> {
    const { blockHash, publicKey, params, rTarget, sample, seed } = settings;
    const proof = this.#proof(settings.proof);
    const radius = rTarget === null ? {} : { rTarget };
    return encodeShared({ proof: documentOf(proof), blockHash, publicKey, params, ...radius, sample, seed });
  }

  #proof(index: number): ParsedProof {
    const proof = this.#document?.proofs[index];
    if (!proof) throw new Error(`there is no proof ${index}`);
    return proof;
  }

  #forget(): void {
    this.#results.clear();
    this.#report = null;
    this.#key = '';
    if (this.#columns) clear(this.#columns);
  }
}

function headOf(proof: ParsedProof): ProofHead {
  const { profile, publicKey, blockHash, params, missing } = proof;
  const common = { profile, count: proof.nonces.length, publicKey, blockHash, params, missing };
  if (proof.profile === 'exact') return { ...common, blockHeight: null, participant: null, rTarget: null, preset: proof.preset };
  const { blockHeight, participant, rTarget } = proof;
  return { ...common, blockHeight, participant, rTarget, preset: null };
}

/** A proof in the form of documents again. */
function documentOf(proof: ParsedProof): object {
  if (proof.profile === 'exact') {
    const { profile, version, params, publicKey, blockHash, nonces, digests } = proof;
    return { profile, version, params, block_hash: blockHash, public_key: publicKey, nonces, digests };
  }
  const { publicKey, blockHash, blockHeight, nodeId, rTarget, params, nonces, distances } = proof;
  const all = { public_key: publicKey, block_hash: blockHash, block_height: blockHeight, node_id: nodeId, r_target: rTarget, params, nonces, dist: distances };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null));
}

/** Errors as values: their codes would not cross the wire otherwise. */
async function answer<T>(work: () => Promise<T>): Promise<Answer<T>> {
  try {
    return { value: await work() };
  } catch (error) {
    const { code = 'E_INTERNAL', name } = error as { code?: string; name?: string };
    return { fault: { code: name === 'LinkError' ? 'E_LINK' : code, message: error instanceof Error ? error.message : String(error) } };
  }
}

export type { Desk };
expose(new Desk());
