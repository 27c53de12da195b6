// The page's worker: reads documents, runs the package, keeps what it found. It judges nothing: the package does.

import { expose } from 'comlink';
import type { DocumentResult, ProofDocument, Report as WholeReport, Result, Submission } from 'sphere-pow/slim';
import { clear, columnsOf, fill, orderOf, rowsOf } from './columns.ts';
import { measure } from './pace.ts';
import { decodeShared, encodeShared } from './share.ts';
import type {
  Answer, Columns, Constants, Given, Judged, ModelCost, OnEngine, OnProgress, OnRows, Opened, Pace, Profile, Report, Said, Settings, SubmissionHead, View,
} from './types.ts';
import { engineFor, read, rules, type Verify } from './verifiers.ts';

/** Milliseconds between two tellings of new results. */
const QUIET_MS = 200;

class Desk {
  #input: string | Uint8Array = '';
  /** What came with the document: its own words. */
  #said: Said = {};
  #document: ProofDocument | null = null;
  /** The submission shown. */
  #shown = 0;
  #columns: Columns | null = null;
  /** By submission, then by claim. */
  #results: Map<number, Result>[] = [];
  #report: WholeReport | null = null;
  /** Which submissions the report is of. */
  #reported: number[] = [];
  #running: AbortController | null = null;
  #paces = new Map<string, Promise<Pace>>();

  /** Reads a document, and forgets the last one. */
  read(document: string | Uint8Array, given: Given): Promise<Answer<Opened>> {
    return answer(() => this.#open(document, {}, given));
  }

  /** Reads a share link's text. */
  readLink(text: string): Promise<Answer<Opened>> {
    return answer(async () => {
      const { document, said } = await decodeShared(text);
      return this.#open(document, said, {});
    });
  }

  async #open(document: string | Uint8Array, said: Said, given: Given): Promise<Opened> {
    const found = await read(document, given, said);
    this.cancel();
    this.#document?.free();
    [this.#input, this.#said, this.#document] = [document, said, found];
    this.#forget();
    return openedOf(found);
  }

  /** Reads the document again under what the reader says now; results that are still of the same work are kept. */
  plan(given: Given): Promise<Answer<Opened>> {
    return answer(async () => {
      const [before, results] = [this.#document!.submissions.map(workOf), this.#results];
      const found = await read(this.#input, given, this.#said);
      this.#document?.free();
      this.#document = found;
      this.#report = null;
      this.#results = found.submissions.map((one) => results[before.indexOf(workOf(one))] ?? new Map());
      return openedOf(found);
    });
  }

  /** The claims of a submission, with what is known of them. */
  claims(submission: number): Columns {
    this.#shown = submission;
    this.#columns = columnsOf(this.#submission(submission));
    const at = this.#reported.indexOf(submission);
    const judged = this.#report && at >= 0 ? this.#report.submissions[at]?.results : undefined;
    fill(this.#columns, rowsOf(judged ?? [...this.#results[submission]!.values()]));
    return this.#columns;
  }

  cost(submission: number): Promise<Answer<ModelCost>> {
    return answer(async () => this.#submission(submission).cost());
  }

  /** Measured once a profile. */
  pace(profile: Profile): Promise<Answer<Pace>> {
    return answer(() => {
      const known = this.#paces.get(profile);
      if (known) return known;
      const pace = measure(profile);
      this.#paces.set(profile, pace);
      pace.catch(() => this.#paces.delete(profile));
      return pace;
    });
  }

  constants(): Promise<Answer<Constants>> {
    return answer(rules);
  }

  /** Recomputes samples and has them judged. What a stopped run found is kept and not computed again. */
  run(settings: Settings, onProgress: OnProgress, onRows: OnRows, onEngine: OnEngine): Promise<Answer<Report>> {
    return answer(async () => {
      if (settings.isFresh) this.#forget();
      const running = new AbortController();
      this.#running?.abort();
      this.#running = running;
      const verify = await engineFor(settings.engine, settings.work, onEngine);
      try {
        const report = await this.#check(verify, settings, running.signal, onProgress, onRows);
        return { ...report, submissions: report.submissions.map(({ results: _, ...rest }) => rest as Judged) };
      } finally {
        if (this.#running === running) this.#running = null;
      }
    });
  }

  async #check(verify: Verify, { given, only, sample, seed, workers }: Settings, signal: AbortSignal, onProgress: OnProgress, onRows: OnRows): Promise<WholeReport> {
    const { submissions } = this.#document!;
    const participant = only === null ? null : submissions[only]!.participant;
    // Which of ours the package numbers how.
    const ours = Array.from(submissions.keys()).filter((i) => participant === null || submissions[i]!.participant === participant);
    const known = ours.flatMap((own, submission) => Array.from(this.#results[own]!.values(), (result): DocumentResult => ({ ...result, submission })));
    const fresh: Result[] = [];
    const tell = () => {
      if (fresh.length > 0) this.#tell(fresh.splice(0), onRows, false);
    };
    const timer = setInterval(tell, QUIET_MS);
    try {
      const running = verify(this.#input, {
        ...given,
        ...(participant === null ? {} : { participant }),
        said: this.#said,
        sample,
        seed,
        seedSource: 'random',
        known,
        concurrency: workers,
        signal,
        onProgress: (progress) => onProgress({ ...progress, submission: ours[progress.submission]!, known: known.length }),
      });
      for await (const result of running) {
        const own = ours[result.submission]!;
        this.#results[own]!.set(result.index, result);
        if (own === this.#shown) fresh.push(result);
      }
      const report = await running;
      [this.#report, this.#reported] = [report, ours];
      // Known results are judged anew, and some may be of no interest now: by another radius, of another sample.
      fresh.length = 0;
      this.#tell(report.submissions[ours.indexOf(this.#shown)]?.results ?? [], onRows, true);
      return report;
    } finally {
      clearInterval(timer);
      tell();
    }
  }

  #tell(results: readonly Result[], onRows: OnRows, isWhole: boolean): void {
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

  /** The report with every result. */
  reportJson(): Blob {
    return new Blob([JSON.stringify(this.#report, null, 1)], { type: 'application/json' });
  }

  /** The text of a share link; null when the document is too long for one. */
  link({ params, blockHash, publicKey, rTarget, blockHeight }: Given): Promise<string | null> {
    const own = { params, blockHash, publicKey, rTarget, blockHeight };
    const said = { ...this.#said, ...Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined)) };
    return encodeShared({ document: this.#input, said });
  }

  #submission(index: number): Submission {
    const submission = this.#document?.submissions[index];
    if (!submission) throw new Error(`there is no submission ${index}`);
    return submission;
  }

  #forget(): void {
    this.#results = this.#document!.submissions.map(() => new Map());
    this.#report = null;
    if (this.#columns) clear(this.#columns);
  }
}

/** What results are of: with another of these they are worthless. */
function workOf({ profile, params, blockHash, publicKey, place, nClaimed }: SubmissionHead): string {
  return JSON.stringify([profile, params, blockHash, publicKey, place, nClaimed]);
}

/** What can cross to the page. */
function openedOf(document: ProofDocument): Opened {
  const { shape, torn, submissions, unjudged } = document;
  return {
    shape,
    torn,
    submissions: submissions.map(({ nonces: _, claims: __, cost: ___, ...head }) => head as SubmissionHead),
    unjudged: [...unjudged],
    batches: document.batches(),
  };
}

/** Errors as values: their codes would not cross the wire otherwise. */
async function answer<T>(work: () => Promise<T>): Promise<Answer<T>> {
  try {
    return { value: await work() };
  } catch (error) {
    const { code = 'E_INTERNAL', name, reason = null, place = null } = error as { code?: string; name?: string; reason?: string | null; place?: string | null };
    const message = error instanceof Error ? error.message : String(error);
    return { fault: { code: name === 'LinkError' ? 'E_LINK' : code, reason, place, message } };
  }
}

export type { Desk };
expose(new Desk());
