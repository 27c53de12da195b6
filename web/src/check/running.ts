// Before a run: what it costs here. Then the run, which stops and goes on.

import { batch } from '@preact/signals';
import { proxy } from 'comlink';
import { Refused, theDesk, valueOf } from '../engine/client.ts';
import { clear, fill } from '../engine/columns.ts';
import type { EngineUsed, ModelCost, Pace, Report, Rows, Settings, SubmissionHead } from '../engine/types.ts';
import {
  MAX_WORKERS, chosen, columns, cost, costProblem, engine, engineUsed, filled, given, head, isAlone, memoryOf, nSampled, pace, problemOf, progress, report,
  reported, runProblem, sample, stage, wish, workers,
} from './session.ts';

/** Asks what the model costs, and how fast this machine is. */
export async function estimate(): Promise<void> {
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
function suggestedWorkers(found: ModelCost): number {
  const memory = ((navigator as { deviceMemory?: number }).deviceMemory ?? 4) * 1e9;
  let n = Math.max(1, Math.min(MAX_WORKERS - 1, 8));
  while (n > 1 && memoryOf(found, n) > memory / 4) n -= 1;
  return n;
}

let seed = '';

/** The next run draws a sample of its own. */
export function forgetSample(): void {
  seed = '';
  if (stage.value === 'stopped') stage.value = 'ready';
}

/** Another size is another sample, drawn anew. */
export function setSample(size: number): void {
  if (size === wish.value) return;
  wish.value = size;
  forgetSample();
}

export function setAlone(value: boolean): void {
  isAlone.value = value;
  forgetSample();
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
