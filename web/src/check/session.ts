// The state of a check: what was opened, what it is held against, how the run goes. Components read the signals.

import { batch, computed, signal } from '@preact/signals';
import { proxy } from 'comlink';
import { Refused, theDesk, valueOf } from '../engine/client.ts';
import { clear, fill } from '../engine/columns.ts';
import type { Columns, EngineName, Model, Opened, Pace, Params, ProofHead, Report, Rows, Settings } from '../engine/types.ts';
import type { Shared } from '../engine/share.ts';
import { DEFAULT_NODE, FetchProblem, addressOf, blockHashAt, fetchBytes } from './node.ts';
import { recall, remember } from '../memory.ts';

/** Something that went wrong, for `<Trouble>`. */
export interface Problem {
  kind: 'package' | 'fetch' | 'file' | 'link' | 'empty';
  code: string;
  detail: string;
}

/** What the reader, or else the proof, says; texts as typed. */
export interface Given {
  blockHash: string;
  publicKey: string;
  /** A preset's name, `proof` for the proof's own, or JSON. */
  params: string;
  /** gonka: `auto`, or a number. */
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
}

export type Stage = 'input' | 'ready' | 'running' | 'stopped' | 'done';

export const SAMPLES = [
  'gonka-honest', 'gonka-forged', 'gonka-wrong-hash', 'exact-honest', 'exact-forged', 'exact-wrong-hash',
] as const;
export type SampleName = (typeof SAMPLES)[number];

/** Nonces that the network's validators recompute. */
const NETWORK_SAMPLE = 200;
export const MAX_WORKERS = Math.min(16, Math.max(1, navigator.hardwareConcurrency || 1));

export const stage = signal<Stage>('input');
export const isReading = signal(false);
export const problem = signal<Problem | null>(null);
/** Of the run. */
export const runProblem = signal<Problem | null>(null);
/** Where the document came from. */
export const source = signal('');
export const opened = signal<Opened | null>(null);
export const chosen = signal(0);
export const given = signal<Given>({ blockHash: '', publicKey: '', params: 'proof', rTarget: 'auto' });
export const sample = signal(1);
export const workers = signal(1);
export const engine = signal<EngineName | 'auto'>('auto');
/** What computes, once it does. */
export const engineUsed = signal<{ name: EngineName; detail: string } | null>(null);
export const model = signal<Model | null>(null);
export const modelProblem = signal<Problem | null>(null);
export const pace = signal<Pace | null>(null);
export const progress = signal<RunProgress | null>(null);
export const report = signal<Report | null>(null);
export const columns = signal<Columns | null>(null);
/** Counts changes within `columns`. */
export const filled = signal(0);
export const node = signal(recall('node') ?? DEFAULT_NODE);

/** The sample is that of whoever made the link: who knows the seed can keep false claims out of it. */
export const isGivenSample = signal(false);

let seed = '';
let reading = new AbortController();

export const head = computed<ProofHead | null>(() => opened.value?.proofs[chosen.value] ?? null);

/** The params as the package takes them; null when they are not readable. */
export const params = computed<Params | null>(() => {
  const text = given.value.params;
  if (text === 'proof') return head.value?.params ?? null;
  if (!text.trimStart().startsWith('{')) return text as Params;
  try {
    return JSON.parse(text) as Params;
  } catch {
    return null;
  }
});

/** What must be filled in before the run. */
export const missing = computed<(keyof Given)[]>(() => {
  const { blockHash, publicKey, rTarget } = given.value;
  const names: (keyof Given)[] = [];
  if (!blockHash.trim()) names.push('blockHash');
  if (!publicKey.trim()) names.push('publicKey');
  if (params.value === null) names.push('params');
  if (rTarget !== 'auto' && !(Number(rTarget) > 0 && Number(rTarget) <= 2)) names.push('rTarget');
  return names;
});

function problemOf(error: unknown): Problem {
  if (error instanceof FetchProblem) return { kind: 'fetch', code: error.why, detail: error.detail };
  if (error instanceof Refused) return { kind: error.code === 'E_LINK' ? 'link' : 'package', code: error.code, detail: error.message };
  return { kind: 'file', code: '', detail: error instanceof Error ? error.message : String(error) };
}

/** Opens what `load` gives; the last question wins. */
async function openWith(name: string, load: (signal: AbortSignal) => Promise<{ opened: Opened; shared?: Omit<Shared, 'proof'> }>): Promise<void> {
  reading.abort();
  const mine = (reading = new AbortController());
  batch(() => {
    isReading.value = true;
    problem.value = null;
  });
  try {
    const { opened: read, shared } = await load(mine.signal);
    if (mine.signal.aborted) return;
    const first = read.proofs.findIndex(({ count }) => count > 0);
    if (first < 0) throw Object.assign(new Refused('E_EMPTY', read.shapeName), { shape: read.shape });
    source.value = name;
    opened.value = read;
    await choose(first, shared);
  } catch (error) {
    if (mine.signal.aborted) return;
    problem.value = error instanceof Refused && error.code === 'E_EMPTY' ? { kind: 'empty', code: '', detail: error.message } : problemOf(error);
  } finally {
    if (!mine.signal.aborted) isReading.value = false;
  }
}

const read = async (document: string | Uint8Array) => ({ opened: await valueOf(theDesk().read(document)) as Opened });

export function openText(name: string, text: string): Promise<void> {
  return openWith(name, () => read(text));
}

export function openFile(file: File): Promise<void> {
  return openWith(file.name, async () => {
    if (file.size > 64 << 20) throw new FetchProblem('large', String(64 << 20));
    return read(new Uint8Array(await file.arrayBuffer()));
  });
}

export function openSample(name: SampleName): Promise<void> {
  return openWith(`sample:${name}`, async (signal) => read(await fetchBytes(new URL(`samples/${name}.json`, document.baseURI), signal)));
}

/** Opens an address, a height or a transaction's hash. */
export function openAddress(asked: string): Promise<void> {
  remember('node', node.value === DEFAULT_NODE ? null : node.value);
  return openWith(asked, async (signal) => read(await fetchBytes(addressOf(asked, node.value), signal)));
}

export function openLink(text: string): Promise<void> {
  return openWith('link', () => valueOf(theDesk().readLink(text)));
}

/** Takes one proof of the document. */
export async function choose(index: number, shared: Omit<Shared, 'proof'> = {}): Promise<void> {
  const proof = opened.value!.proofs[index]!;
  const claims = (await theDesk().claims(index)) as Columns;
  batch(() => {
    chosen.value = index;
    columns.value = claims;
    filled.value += 1;
    given.value = {
      blockHash: shared.blockHash ?? proof.blockHash ?? '',
      publicKey: shared.publicKey ?? proof.publicKey ?? '',
      params: shared.params ? (typeof shared.params === 'string' ? shared.params : JSON.stringify(shared.params)) : proof.params ? 'proof' : 'mainnet',
      rTarget: shared.rTarget ? String(shared.rTarget) : 'auto',
    };
    sample.value = Math.min(proof.count, Math.max(1, Math.floor(shared.sample ?? NETWORK_SAMPLE)));
    workers.value = 1;
    report.value = null;
    progress.value = null;
    runProblem.value = null;
    engineUsed.value = null;
    stage.value = 'ready';
  });
  seed = shared.seed ?? '';
  isGivenSample.value = seed !== '' && sample.value < proof.count;
  await estimate();
}

/** Back to the inputs. */
export function reset(): void {
  reading.abort();
  if (stage.value === 'running') stop();
  batch(() => {
    stage.value = 'input';
    opened.value = null;
    columns.value = null;
    report.value = null;
    problem.value = null;
    isReading.value = false;
  });
}

/** Changes what the proof is held against; results so far are of something else then. */
export function give(change: Partial<Given>): void {
  const before = JSON.stringify(params.value);
  given.value = { ...given.value, ...change };
  if (stage.value === 'done' || stage.value === 'stopped') stage.value = 'ready';
  if (JSON.stringify(params.value) !== before) void estimate();
}

/** Asks the node of the input form for the hash of the proof's block. */
export async function fetchBlockHash(): Promise<void> {
  runProblem.value = null;
  try {
    give({ blockHash: await blockHashAt(head.value!.blockHeight!, node.value, reading.signal) });
  } catch (error) {
    runProblem.value = problemOf(error);
  }
}

/** Asks what the model costs, and how fast this machine is. */
async function estimate(): Promise<void> {
  const proof = head.value;
  const asked = params.value;
  batch(() => {
    model.value = null;
    modelProblem.value = null;
    pace.value = null;
  });
  if (!proof || asked === null) return;
  const isStale = () => head.value !== proof || params.value !== asked;
  try {
    const cost = (await valueOf(theDesk().model(proof.profile, asked))) as Model;
    if (isStale()) return;
    model.value = cost;
    workers.value = suggestedWorkers(cost);
    const measured = (await valueOf(theDesk().pace(proof.profile))) as Pace;
    if (!isStale()) pace.value = measured;
  } catch (error) {
    if (!isStale()) modelProblem.value = problemOf(error);
  }
}

/** As many as leave a core for the page, and fit a quarter of the memory that the browser admits to. */
function suggestedWorkers({ memoryBytes }: Model): number {
  const memory = ((navigator as { deviceMemory?: number }).deviceMemory ?? 4) * 1e9;
  return Math.max(1, Math.min(MAX_WORKERS - 1, 8, Math.floor(memory / 4 / memoryBytes)));
}

/** Operations of a nonce. */
export function workOf(cost: Model): number {
  return cost.profile === 'gonka' ? cost.flopsPerNonce : cost.opsPerNonce;
}

function settings(): Omit<Settings, 'isFresh'> {
  const { blockHash, publicKey, rTarget } = given.value;
  return {
    proof: chosen.value,
    blockHash: blockHash.trim(),
    publicKey: publicKey.trim(),
    params: params.value!,
    rTarget: rTarget === 'auto' ? null : Number(rTarget),
    sample: sample.value,
    seed,
    workers: workers.value,
    engine: engine.value,
    work: sample.value * workOf(model.value!),
  };
}

function randomSeed(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Starts, or goes on after a stop. */
export async function run(): Promise<void> {
  // A stopped run goes on with its sample; a new one draws its own, which no prover can have known.
  if (stage.value !== 'stopped' && !seed) seed = randomSeed();
  const fresh = columns.value!;
  if (stage.value !== 'stopped') clear(fresh);
  // After a verdict, again means anew; after a change of the radius, what was computed is judged by the new one.
  const isFresh = stage.value === 'done';
  const kept = stage.value === 'stopped' ? (progress.value?.done ?? 0) : 0;
  batch(() => {
    stage.value = 'running';
    report.value = null;
    runProblem.value = null;
    progress.value = { phase: 'start', fraction: kept / sample.value, eta: null, done: kept, total: sample.value, rate: null };
  });
  const asked = { ...settings(), isFresh };
  const rate = rateMeter();
  const onProgress = proxy((p: { phase: string; fraction: number; eta: number | null; done: number; total: number; known: number }) => {
    if (stage.value !== 'running') return;
    const whole = p.total + p.known;
    const share = whole === 0 ? 1 : (p.known + p.fraction * p.total) / whole;
    progress.value = { phase: p.phase, fraction: share, eta: p.eta, done: p.done + p.known, total: whole, rate: rate(p.done) };
  });
  const onRows = proxy((rows: Rows, isWhole: boolean) => {
    if (columns.value !== fresh) return;
    if (isWhole) clear(fresh);
    fill(fresh, rows);
    filled.value += 1;
  });
  const onEngine = proxy((used: { name: EngineName; detail: string }) => {
    engineUsed.value = used;
  });
  try {
    const done = (await valueOf(theDesk().run(asked, onProgress, onRows, onEngine))) as Report;
    batch(() => {
      report.value = done;
      stage.value = 'done';
    });
  } catch (error) {
    batch(() => {
      if (stage.value === 'running') stage.value = 'stopped';
      if (!(error instanceof Refused && error.code === 'E_ABORTED')) runProblem.value = problemOf(error);
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

/** Draws another sample for the next run. */
export function redraw(): void {
  seed = '';
  isGivenSample.value = false;
  stage.value = 'ready';
}

/** The address of this check; null when the proof is too long for a link. */
export async function shareLink(): Promise<string | null> {
  const text = (await theDesk().link(settings())) as string | null;
  return text && `${location.href.split('#')[0]}#/check?p=${text}`;
}
