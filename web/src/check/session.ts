// The state of a check: what was opened, what the reader expects of it, how the run goes. Components read the signals;
// opening.ts and running.ts set them.

import { computed, signal } from '@preact/signals';
import { Refused } from '../engine/client.ts';
import type {
  BatchHead, Columns, Constants, EngineName, EngineUsed, Given, Judged, ModelCost, Opened, Pace, Report, SubmissionHead,
} from '../engine/types.ts';
import { FetchProblem } from './node.ts';

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
export const NOTHING: Expected = { blockHash: '', publicKey: '', params: 'any', rTarget: 'network' };

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
export const wish = signal(1);
export const workers = signal(1);
export const engine = signal<EngineName | 'auto'>('auto');
/** What computes, once it does. */
export const engineUsed = signal<EngineUsed | null>(null);
export const cost = signal<ModelCost | null>(null);
/** Bytes of a worker that all share: the weight pool, where the page is isolated from other origins. */
export const sharedBytes = ({ poolBytes }: ModelCost): number => (crossOriginIsolated ? poolBytes : 0);
/** Bytes that so many workers take. */
export const memoryOf = (found: ModelCost, n: number): number => n * found.memoryBytes - (n - 1) * sharedBytes(found);
export const costProblem = signal<Problem | null>(null);
export const pace = signal<Pace | null>(null);
export const progress = signal<RunProgress | null>(null);
export const report = signal<Report | null>(null);
/** Which submissions the report is of. */
export const reported = signal<number[]>([]);
export const columns = signal<Columns | null>(null);
/** Counts changes within `columns`. */
export const filled = signal(0);

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

/** What the reader must say, by the judge's reason. */
export const MISSING: Record<string, keyof Expected> = { 'missing-block': 'blockHash', 'missing-key': 'publicKey', 'missing-params': 'params' };

/** What some part of the document leaves out and the reader must say. */
export const missing = computed<(keyof Expected)[]>(() => {
  const parts = (opened.value?.unjudged ?? []).filter(({ code }) => code in MISSING);
  // The judge names the first that is missing; all are asked for at once.
  const open = (opened.value?.batches ?? []).filter(({ place }) => parts.some((part) => part.place === place));
  const { blockHash, publicKey, params } = expected.value;
  const names = [
    ...parts.map(({ code }) => MISSING[code]!),
    ...(!blockHash.trim() && open.some((one) => one.blockHash === null) ? (['blockHash'] as const) : []),
    ...(!publicKey.trim() && open.some((one) => one.publicKey === null) ? (['publicKey'] as const) : []),
    ...(params === 'any' && open.some((one) => one.params === null) ? (['params'] as const) : []),
  ];
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

/** Nonces that the next run recomputes. */
export const nSampled = computed(() => targets.value.reduce((sum, { nClaimed }) => sum + Math.min(sample.value, nClaimed), 0));
