// A commitment and its openings: what is expected of them, how the check goes, and what came of it.

import { batch, signal } from '@preact/signals';
import type { SpherePowError, TranscriptInput, TranscriptProgress, TranscriptReport } from 'sphere-pow/transcript';
import { shown } from '../shown.ts';
import { verifyTranscript } from './client.ts';

export const SAMPLES = ['honest', 'false-step', 'stale-tail', 'withheld'] as const;
export type SampleName = (typeof SAMPLES)[number];

/** What the reader says; empty text is nothing said. */
export interface Expected {
  beacon: string;
  samples: string;
  params: string;
  blockHash: string;
  publicKey: string;
}
export const NOTHING: Expected = { beacon: '', samples: '', params: '', blockHash: '', publicKey: '' };

/** What the samples' block drew, as a reader would know it from the chain. */
const SAMPLE_BEACONS: Record<SampleName, string> = {
  honest: '060598EA93FF2BF437C6FA536EB169DCC15C120BB02C396655C273C726BE2521',
  'false-step': 'BBEB29C809213FCF3B6215362A3DB58AFF6BE647C9852EB94BC702CA62747328',
  'stale-tail': '060598EA93FF2BF437C6FA536EB169DCC15C120BB02C396655C273C726BE2521',
  withheld: '060598EA93FF2BF437C6FA536EB169DCC15C120BB02C396655C273C726BE2521',
};
const SAMPLE_STEPS = 60;

export interface Problem {
  code: string;
  /** SPEC's name. */
  reason: string | null;
  /** `commitment` or `openings`. */
  place: string | null;
  detail: string;
}

/** What was found of the steps of one layer. */
export interface LayerSeen {
  /** Nonces whose layer was repeated, or is being. */
  nonces: readonly string[];
  nFaults: number;
}

/** A point of the bound's way down: after so many steps at most this share of the work may have been skipped. */
export type Point = readonly [done: number, bound: number];

export const expected = signal<Expected>(NOTHING);
export const files = signal<{ commitment: File | null; openings: File | null }>({ commitment: null, openings: null });
/** The name of what was checked last. */
export const source = signal<SampleName | 'files' | null>(null);
export const isRunning = signal(false);
export const progress = signal<TranscriptProgress | null>(null);
export const bounds = signal<readonly Point[]>([]);
export const layers = signal<ReadonlyMap<number, LayerSeen>>(new Map());
export const report = signal<TranscriptReport | null>(null);
export const problem = signal<Problem | null>(null);

let stopper = new AbortController();

export function stop(): void {
  stopper.abort();
}

function problemOf(error: unknown): Problem {
  const { code = 'E_INTERNAL', reason = null, place = null, message = String(error) } = error as Partial<SpherePowError>;
  return { code, reason, place, detail: message };
}

/** Takes a report of progress: the bound's next point, and the layer that is being repeated. */
function follow(next: TranscriptProgress): void {
  batch(() => {
    progress.value = next;
    const last = bounds.value.at(-1);
    if (next.skippedBound !== null && next.done !== last?.[0]) bounds.value = [...bounds.value, [next.done, next.skippedBound]];
    const seen = new Map(layers.value);
    if (next.layer !== null) {
      const before = seen.get(next.layer) ?? { nonces: [], nFaults: 0 };
      // A batch is told when it begins, and again as it goes on.
      const isNew = before.nonces.at(-1) !== next.nonces.at(-1);
      if (isNew) seen.set(next.layer, { ...before, nonces: [...before.nonces, ...next.nonces] });
    }
    for (const { layer } of next.faults.slice(faultsSeen)) {
      const before = seen.get(layer) ?? { nonces: [], nFaults: 0 };
      seen.set(layer, { ...before, nFaults: before.nFaults + 1 });
    }
    faultsSeen = next.faults.length;
    layers.value = seen;
  });
}
let faultsSeen = 0;

async function check(name: SampleName | 'files', open: (signal: AbortSignal) => Promise<[TranscriptInput, TranscriptInput]>): Promise<void> {
  stopper.abort();
  const mine = (stopper = new AbortController());
  const { signal } = mine;
  batch(() => {
    source.value = name;
    isRunning.value = true;
    progress.value = null;
    bounds.value = [];
    layers.value = new Map();
    report.value = null;
    problem.value = null;
    faultsSeen = 0;
  });
  try {
    const { beacon, samples, params, blockHash, publicKey } = expected.value;
    const [commitment, openings] = await open(signal);
    const judged = await verifyTranscript(commitment, openings, {
      ...(beacon && { beacon }),
      ...(samples && { samples: Number(samples) }),
      ...(params && { params: params.trim().startsWith('{') ? JSON.parse(params) : params }),
      ...(blockHash && { blockHash }),
      ...(publicKey && { publicKey }),
      signal,
      onProgress: (next) => mine === stopper && follow(next),
    });
    if (mine === stopper) report.value = judged;
  } catch (error) {
    if (mine === stopper && !signal.aborted) problem.value = problemOf(error);
  } finally {
    if (mine === stopper) isRunning.value = false;
  }
}

export function checkSample(name: SampleName): Promise<void> {
  expected.value = { ...NOTHING, beacon: SAMPLE_BEACONS[name], samples: String(SAMPLE_STEPS) };
  return check(name, (signal) => {
    const file = async (ending: string) => {
      const response = await fetch(new URL(`samples/transcript-${name}.${ending}`, document.baseURI), { signal });
      if (!response.ok) throw new Error(`${shown(response.url, 200)}: ${response.status}`);
      return response;
    };
    return Promise.all([file('commitment.json'), file('openings')]);
  });
}

/** What drew a sample says nothing of a file. */
export function forgetSample(): void {
  if (Object.values(SAMPLE_BEACONS).includes(expected.value.beacon)) expected.value = NOTHING;
}

export function checkFiles(): Promise<void> {
  const { commitment, openings } = files.value;
  return check('files', async () => [commitment!, openings!]);
}
