// The state of a check: what was opened, what the reader expects of it, how the run goes. Components read the signals.

import { batch, computed, signal } from '@preact/signals';
import { proxy } from 'comlink';
import { Refused, theDesk, valueOf } from '../engine/client.ts';
import { clear, fill } from '../engine/columns.ts';
import type {
  BatchHead, Columns, Constants, EngineName, EngineUsed, Given, Judged, ModelCost, Opened, Pace, Report, Rows, Settings, SubmissionHead,
} from '../engine/types.ts';
import { enterProof, leaveProof } from '../router.ts';
import { DEFAULT_NODE, FetchProblem, addressOf, blockHashAt, fetchBytes, heightOf, node } from './node.ts';

/** Something that went wrong, for `<Trouble>`. */
export interface Problem {
  kind: 'package' | 'fetch' | 'file' | 'link';
  code: string;
  /** SPEC's name for it. */
  reason: string | null;
  place: string | null;
  detail: string;
}

/** What the reader says; texts as typed, empty for nothing. */
export interface Expected {
  blockHash: string;
  publicKey: string;
  /** `any` for every preset, `document` to vouch for the document's own sizes, a preset's name, or JSON. */
  params: string;
  /** gonka: `network`, `document` to vouch for the document's own, or a number. */
  rTarget: string;
}

export interface RunProgress {
  phase: string;
  fraction: number;
  eta: number | null;
  done: number;
  total: number;
  /** Nonces in a second over the last seconds; null while unknown. */
  rate: number | null;
  submission: number;
}

export type Stage = 'input' | 'ready' | 'running' | 'stopped' | 'done';

export const SAMPLES = [
  'gonka-honest', 'gonka-forged', 'gonka-wrong-hash', 'exact-honest', 'exact-forged', 'exact-wrong-hash',
] as const;
export type SampleName = (typeof SAMPLES)[number];

export const MAX_WORKERS = Math.min(16, Math.max(1, navigator.hardwareConcurrency || 1));
const NOTHING: Expected = { blockHash: '', publicKey: '', params: 'any', rTarget: 'network' };

export const stage = signal<Stage>('input');
export const isReading = signal(false);
export const problem = signal<Problem | null>(null);
/** What is wrong with what the reader says. */
export const givenProblem = signal<Problem | null>(null);
/** Of the run. */
export const runProblem = signal<Problem | null>(null);
/** Where the document came from. */
export const source = signal('');
export const opened = signal<Opened | null>(null);
export const constants = signal<Constants | null>(null);
export const chosen = signal(0);
/** Checks the chosen submission alone. */
export const isAlone = signal(false);
export const expected = signal<Expected>(NOTHING);
/** The height that the reader asked the node for. */
export const askedHeight = signal<number | null>(null);
/** The reader's block hash is what a node said. */
export const isNodesHash = signal(false);
export const isAsking = signal(false);
/** Claims to recompute of each submission, as wished; {@link sample} is what there is of it. */
const wish = signal(1);
export const workers = signal(1);
export const engine = signal<EngineName | 'auto'>('auto');
/** What computes, once it does. */
export const engineUsed = signal<EngineUsed | null>(null);
export const cost = signal<ModelCost | null>(null);
export const costProblem = signal<Problem | null>(null);
export const pace = signal<Pace | null>(null);
export const progress = signal<RunProgress | null>(null);
export const report = signal<Report | null>(null);
/** Which submissions the report is of. */
const reported = signal<number[]>([]);
export const columns = signal<Columns | null>(null);
/** Counts changes within `columns`. */
export const filled = signal(0);

let seed = '';
let reading = new AbortController();

export const head = computed<SubmissionHead | null>(() => opened.value?.submissions[chosen.value] ?? null);

/** The batch that the chosen submission begins with, or the first one where nothing can be judged yet. */
export const said = computed<BatchHead | null>(() => {
  const { value: one } = head;
  const batches = opened.value?.batches ?? [];
  const isOf = ({ publicKey, blockHash, participant }: BatchHead) =>
    (publicKey ?? one?.publicKey) === one?.publicKey && (blockHash ?? one?.blockHash) === one?.blockHash && participant === one?.participant;
  return (one && batches.find(isOf)) ?? batches[0] ?? null;
});

/** The chosen submission's report. */
export const judged = computed<Judged | null>(() => report.value?.submissions[reported.value.indexOf(chosen.value)] ?? null);

/** The report of a submission of the document. */
export function judgedOf(submission: number): Judged | null {
  return report.value?.submissions[reported.value.indexOf(submission)] ?? null;
}

/** What the reader says, as the judge takes it; null while it cannot be read. */
export const given = computed<Given | null>(() => {
  const { blockHash, publicKey, params, rTarget } = expected.value;
  const own = said.value;
  const found: Given = {};
  if (blockHash.trim()) found.blockHash = blockHash.trim();
  if (publicKey.trim()) found.publicKey = publicKey.trim();
  if (params === 'document') {
    if (own?.params) found.params = own.params;
  } else if (params.trimStart().startsWith('{')) {
    try {
      found.params = JSON.parse(params);
    } catch {
      return null;
    }
  } else if (params !== 'any') found.params = params as NonNullable<Given['params']>;
  if (own?.profile === 'exact') return found;
  const radius = rTarget === 'network' ? null : rTarget === 'document' ? own?.rTarget ?? null : Number(rTarget || NaN);
  if (Number.isNaN(radius)) return null;
  if (radius !== null) found.rTarget = radius;
  if (askedHeight.value !== null) found.blockHeight = askedHeight.value;
  return found;
});

const MISSING: Record<string, keyof Expected> = { 'missing-block': 'blockHash', 'missing-key': 'publicKey', 'missing-params': 'params' };

/** What some part of the document leaves out and the reader must say. */
export const missing = computed<(keyof Expected)[]>(() => {
  const names = (opened.value?.unjudged ?? []).flatMap(({ code }) => MISSING[code] ?? []);
  return [...new Set(names)];
});

export const isRunnable = computed(() => head.value !== null && given.value !== null && givenProblem.value === null && cost.value !== null);

/** Submissions that the next run checks. */
export const targets = computed<SubmissionHead[]>(() => {
  const { value: one } = head;
  if (!one) return [];
  return isAlone.value ? [one] : opened.value!.submissions;
});

/** Claims to recompute of each submission. */
export const sample = computed(() => Math.max(1, Math.min(wish.value, most.value)));
/** The largest submission of those that the next run checks. */
export const most = computed(() => Math.max(0, ...targets.value.map(({ nClaimed }) => nClaimed)));

/** Whether the chosen one can be checked alone: the package tells accounts apart, not places. */
export const canBeAlone = computed(() => {
  const { value: one } = head;
  return one?.participant != null && opened.value!.submissions.filter(({ participant }) => participant === one.participant).length === 1;
});

export function problemOf(error: unknown): Problem {
  const none = { reason: null, place: null };
  if (error instanceof FetchProblem) return { kind: 'fetch', code: error.why, detail: error.detail, ...none };
  if (error instanceof Refused) {
    const { code, reason, place, message } = error.fault;
    return { kind: code === 'E_LINK' ? 'link' : 'package', code, reason, place, detail: message };
  }
  return { kind: 'file', code: '', detail: error instanceof Error ? error.message : String(error), ...none };
}

interface Found {
  opened: Opened;
  height?: number | null;
  expected?: Partial<Expected>;
}

/** Opens what `load` gives; the last question wins. */
async function openWith(name: string, load: (signal: AbortSignal) => Promise<Found>): Promise<boolean> {
  reading.abort();
  const mine = (reading = new AbortController());
  batch(() => {
    isReading.value = true;
    problem.value = null;
  });
  try {
    const { opened: read, height = null, expected: says = {} } = await load(mine.signal);
    constants.value ??= (await valueOf(theDesk().constants())) as Constants;
    if (mine.signal.aborted) return false;
    batch(() => {
      source.value = name;
      askedHeight.value = height;
      isNodesHash.value = false;
      expected.value = { ...NOTHING, ...says };
      isAlone.value = false;
      wish.value = constants.value!.sample;
      seed = '';
    });
    await show(read, 0);
    enterProof();
    await estimate();
    return true;
  } catch (error) {
    if (!mine.signal.aborted) problem.value = problemOf(error);
    return false;
  } finally {
    if (reading === mine) isReading.value = false;
  }
}

/** Gives up what is being read. */
export function cancelReading(): void {
  reading.abort();
  isReading.value = false;
}

const read = async (document: string | Uint8Array, says: Given = {}) => ({ opened: (await valueOf(theDesk().read(document, says))) as Opened });

export function openText(name: string, text: string): Promise<boolean> {
  return openWith(name, () => read(text));
}

export function openFile(file: File): Promise<boolean> {
  return openWith(file.name, async () => {
    if (file.size > 64 << 20) throw new FetchProblem('large', String(64 << 20));
    return read(new Uint8Array(await file.arrayBuffer()));
  });
}

/** Opens a sample and checks it at once: nothing has to be chosen. */
export async function openSample(name: SampleName): Promise<void> {
  const isOpen = await openWith(`sample:${name}`, async (signal) => read(await fetchBytes(new URL(`samples/${name}.json`, document.baseURI), signal)));
  if (isOpen && stage.value === 'ready' && isRunnable.value) await run();
}

/** Opens an address, a height or a transaction's hash. */
export function openAddress(asked: string): Promise<boolean> {
  return openWith(asked, async (signal) => {
    const url = addressOf(asked, node.value);
    const height = heightOf(url);
    // What the network's own nodes keep of its stages is of the one model that it ran; the reader sees it, and may change it.
    const says: Partial<Expected> = height !== null && node.value === DEFAULT_NODE ? { params: 'mainnet' } : {};
    const found = await read(await fetchBytes(url, signal), { ...says, ...(height === null ? {} : { blockHeight: height }) } as Given);
    return { ...found, height, expected: says };
  });
}

let openLinkText = '';

/** Opens a link, unless it is the one that is open. */
export async function openLink(text: string): Promise<void> {
  if (text === openLinkText && stage.value !== 'input') return;
  openLinkText = text;
  await openWith('link', async () => ({ opened: (await valueOf(theDesk().readLink(text))) as Opened }));
}

/** Shows a document as read, at one of its submissions. */
async function show(read: Opened, index: number): Promise<void> {
  const claims = read.submissions[index] ? ((await theDesk().claims(index)) as Columns) : null;
  batch(() => {
    opened.value = read;
    chosen.value = index;
    columns.value = claims;
    filled.value += 1;
    report.value = null;
    progress.value = null;
    givenProblem.value = null;
    runProblem.value = null;
    engineUsed.value = null;
    stage.value = 'ready';
  });
}

/** Shows another submission of the document. */
export async function choose(index: number): Promise<void> {
  const claims = (await theDesk().claims(index)) as Columns;
  const isSameModel = JSON.stringify(opened.value!.submissions[index]!.params) === JSON.stringify(head.value?.params);
  batch(() => {
    chosen.value = index;
    columns.value = claims;
    filled.value += 1;
    if (!canBeAlone.value) isAlone.value = false;
  });
  if (!isSameModel) await estimate();
}

/** What was open last, for the browser's Forward. */
let left: { opened: Opened; chosen: number } | null = null;

/** Opens again what was left; false where there is nothing. */
export async function reopen(): Promise<boolean> {
  if (!left) return false;
  await show(left.opened, left.chosen);
  await estimate();
  return true;
}

/** Back to the inputs. */
export function reset(): void {
  reading.abort();
  if (stage.value === 'running') stop();
  if (opened.value) left = { opened: opened.value, chosen: chosen.value };
  batch(() => {
    stage.value = 'input';
    opened.value = null;
    columns.value = null;
    report.value = null;
    problem.value = null;
    isReading.value = false;
  });
}

/** Back to the inputs, by the reader's wish. */
export function startOver(): void {
  reset();
  leaveProof();
}

/** Changes what the reader expects; the document is read anew under it. Results that hold under it are kept. */
export async function expect(change: Partial<Expected>): Promise<void> {
  if (change.blockHash !== undefined) isNodesHash.value = false;
  expected.value = { ...expected.value, ...change };
  await replan();
}

async function replan(): Promise<void> {
  const says = given.value;
  if (says === null) return;
  const before = head.value;
  try {
    const read = (await valueOf(theDesk().plan(says))) as Opened;
    if (given.value !== says) return;
    const at = before ? read.submissions.findIndex(({ place }) => place === before.place) : 0;
    await show(read, Math.max(0, at));
    await estimate();
  } catch (error) {
    if (given.value === says) givenProblem.value = problemOf(error);
  }
}

let asking = new AbortController();

/** Asks the node for the hash of the document's block. */
export async function fetchBlockHash(height: number): Promise<void> {
  const mine = (asking = new AbortController());
  isAsking.value = true;
  try {
    const hash = await blockHashAt(height, node.value, mine.signal);
    if (mine.signal.aborted) return;
    expected.value = { ...expected.value, blockHash: hash };
    isNodesHash.value = true;
    await replan();
  } catch (error) {
    if (!mine.signal.aborted) runProblem.value = problemOf(error);
  } finally {
    if (asking === mine) isAsking.value = false;
  }
}

export function cancelAsking(): void {
  asking.abort();
  isAsking.value = false;
}

/** Asks what the model costs, and how fast this machine is. */
async function estimate(): Promise<void> {
  const one = head.value;
  batch(() => {
    cost.value = null;
    costProblem.value = null;
    pace.value = null;
  });
  if (!one) return;
  const isStale = () => head.value !== one;
  try {
    const found = (await valueOf(theDesk().cost(chosen.value))) as ModelCost;
    if (isStale()) return;
    cost.value = found;
    workers.value = suggestedWorkers(found);
  } catch (error) {
    if (!isStale()) costProblem.value = problemOf(error);
    return;
  }
  void measure(one);
}

async function measure(one: SubmissionHead): Promise<void> {
  try {
    const measured = (await valueOf(theDesk().pace(one.profile))) as Pace;
    if (head.value?.profile === one.profile) pace.value = measured;
  } catch (error) {
    if (head.value === one) costProblem.value = problemOf(error);
  }
}

/** As many as leave a core for the page, and fit a quarter of the memory that the browser admits to. */
function suggestedWorkers({ memoryBytes }: ModelCost): number {
  const memory = ((navigator as { deviceMemory?: number }).deviceMemory ?? 4) * 1e9;
  return Math.max(1, Math.min(MAX_WORKERS - 1, 8, Math.floor(memory / 4 / memoryBytes)));
}

/** Nonces that the next run recomputes. */
export const nSampled = computed(() => targets.value.reduce((sum, { nClaimed }) => sum + Math.min(sample.value, nClaimed), 0));

/** Another size is another sample, drawn anew. */
export function setSample(size: number): void {
  if (size === wish.value) return;
  wish.value = size;
  seed = '';
  if (stage.value === 'stopped') stage.value = 'ready';
}

export function setAlone(value: boolean): void {
  isAlone.value = value;
  seed = '';
  if (stage.value === 'stopped') stage.value = 'ready';
}

/** Draws another sample for the next run. */
export function redraw(): void {
  seed = '';
  stage.value = 'ready';
}

function randomSeed(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function settings(isFresh: boolean): Settings {
  return {
    given: given.value!,
    only: isAlone.value ? chosen.value : null,
    sample: sample.value,
    seed,
    workers: workers.value,
    engine: engine.value,
    work: nSampled.value * cost.value!.workPerNonce,
    isFresh,
  };
}

/** Starts, or goes on after a stop. */
export async function run(): Promise<void> {
  const isResumed = stage.value === 'stopped';
  // After a verdict, again means anew. After a change of what the reader expects, what was computed is judged by that.
  const isFresh = stage.value === 'done';
  // A sample is drawn once the document is fixed, by nobody else: only then it cannot be known to a prover or a link's maker.
  if (seed === '' || isFresh) seed = randomSeed();
  const fresh = columns.value!;
  if (!isResumed) clear(fresh);
  const kept = isResumed ? (progress.value?.done ?? 0) : 0;
  const total = nSampled.value;
  batch(() => {
    stage.value = 'running';
    report.value = null;
    runProblem.value = null;
    progress.value = { phase: 'start', fraction: kept / total, eta: null, done: kept, total, rate: null, submission: chosen.value };
  });
  const asked = settings(isFresh);
  const rate = rateMeter();
  const onProgress = proxy((p: { phase: string; fraction: number; eta: number | null; done: number; total: number; known: number; submission: number }) => {
    if (stage.value !== 'running') return;
    const whole = p.total + p.known;
    const share = whole === 0 ? 1 : (p.known + p.fraction * p.total) / whole;
    progress.value = { phase: p.phase, fraction: share, eta: p.eta, done: p.done + p.known, total: whole, rate: rate(p.done), submission: p.submission };
  });
  const onRows = proxy((rows: Rows, isWhole: boolean) => {
    if (columns.value !== fresh) return;
    if (isWhole) clear(fresh);
    fill(fresh, rows);
    filled.value += 1;
  });
  const onEngine = proxy((used: EngineUsed) => {
    engineUsed.value = used;
  });
  try {
    const done = (await valueOf(theDesk().run(asked, onProgress, onRows, onEngine))) as Report;
    if (stage.value !== 'running') return;
    batch(() => {
      report.value = done;
      reported.value = asked.only === null ? done.submissions.map((_, i) => i) : [asked.only];
      stage.value = 'done';
    });
  } catch (error) {
    batch(() => {
      if (stage.value === 'running') stage.value = 'stopped';
      if (!(error instanceof Refused && error.fault.code === 'E_ABORTED')) runProblem.value = problemOf(error);
    });
  }
}

/** Nonces in a second, over what was done since the first report. */
function rateMeter(): (done: number) => number | null {
  const began = performance.now();
  return (done) => (done === 0 ? null : done / ((performance.now() - began) / 1000));
}

export function stop(): void {
  void theDesk().cancel();
}

/** The address of this check; null when the document is too long for a link. */
export async function shareLink(): Promise<string | null> {
  const text = (await theDesk().link(given.value!)) as string | null;
  if (text) openLinkText = text;
  return text && `${location.href.split('#')[0]}#/check?p=${text}`;
}
