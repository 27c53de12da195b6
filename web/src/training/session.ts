// A training run, what was opened of it, and what came of repeating that here.

import { batch, signal } from '@preact/signals';
import type { OpeningHead, SegmentReport, TrainInput, TrainPreset } from 'sphere-pow/train';
import { shown } from '../shown.ts';
import { checkSegment, readOpening } from './client.ts';
import { readJournal, readReport, type Journal } from './journal.ts';

export const PRESETS = ['train-tiny', 'train-nano'] as const satisfies readonly TrainPreset[];
export const SAMPLES = ['honest', 'other-data'] as const;
export type SampleName = (typeof SAMPLES)[number];
/** The sample's run, and what was opened of it. */
export const SAMPLE = { run: 'train-tiny.json', text: 'train-tiny.txt', openings: { honest: 'train-tiny-honest.opening', 'other-data': 'train-tiny-other-data.opening' } } as const;

/** Most bytes of a file of JSON. */
const MAX_JSON = 1 << 26;

/** A check: of an opening here, or reported by somebody. */
export interface Check {
  /** Of this visit. */
  id: number;
  name: string;
  report: SegmentReport;
  isOwn: boolean;
}

export interface Files {
  text: File | null;
  openings: readonly File[];
  start: File | null;
}

export const journal = signal<Journal | null>(null);
export const files = signal<Files>({ text: null, openings: [], start: null });
export const params = signal<TrainPreset>('train-nano');
/** Newest first. */
export const checks = signal<readonly Check[]>([]);
/** What is repeated now, and the share done. */
export const running = signal<{ name: string; fraction: number; eta: number | null } | null>(null);
export const problem = signal<string | null>(null);

const words = (error: unknown) => (error instanceof Error ? error.message : String(error));

/** The reader's own files are not the sample's. */
function take(run: Journal): void {
  batch(() => {
    journal.value = run;
    checks.value = [];
    problem.value = null;
    const preset = PRESETS.find((name) => name === run.params);
    if (preset) params.value = preset;
  });
}

async function textOf(file: File): Promise<string> {
  if (file.size > MAX_JSON) throw new Error(`${shown(file.name)} has ${file.size} bytes, expected at most ${MAX_JSON}`);
  return file.text();
}

export async function openRun(file: File): Promise<void> {
  stop();
  try {
    take(readJournal(await textOf(file)));
  } catch (error) {
    problem.value = `${shown(file.name)}: ${words(error)}`;
  }
}

/** Reports that others made, or this page before. */
export async function openReports(chosen: readonly File[]): Promise<void> {
  problem.value = null;
  for (const file of chosen) {
    try {
      add({ name: file.name, report: readReport(await textOf(file)), isOwn: false });
    } catch (error) {
      problem.value = `${shown(file.name)}: ${words(error)}`;
    }
  }
}

let made = 0;
function add(check: Omit<Check, 'id'>): void {
  checks.value = [{ ...check, id: made++ }, ...checks.value];
}

let stopper = new AbortController();
export function stop(): void {
  stopper.abort();
  running.value = null;
}

/** What the run's file says of an opening's lane and round. */
function knownOf({ run, round, lane }: OpeningHead): { root?: string; seed?: string } {
  const done = journal.value?.run === run ? journal.value.rounds[round] : undefined;
  const root = done?.lanes[lane]?.root;
  return { ...(done && { seed: done.seed }), ...(root && { root }) };
}

interface Opened {
  name: string;
  opening: Blob;
  text: TrainInput;
  start?: TrainInput | undefined;
  /** What its lane published, where the run's file does not say so. */
  isPublished?: boolean;
}

async function check({ name, opening, text, start, isPublished = false }: Opened, signal: AbortSignal): Promise<void> {
  running.value = { name, fraction: 0, eta: null };
  const head = await readOpening(opening, signal);
  const known = { ...knownOf(head), ...(isPublished && { root: head.root }) };
  const report = await checkSegment(opening, {
    text,
    params: params.value,
    ...known,
    ...(start && { start }),
    signal,
    onProgress: ({ fraction, eta }) => !signal.aborted && (running.value = { name, fraction, eta }),
  });
  if (!signal.aborted) add({ name, report, isOwn: true });
}

async function checking(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  stopper.abort();
  const { signal } = (stopper = new AbortController());
  problem.value = null;
  try {
    await work(signal);
  } catch (error) {
    if (!signal.aborted) problem.value = words(error);
  } finally {
    if (stopper.signal === signal) running.value = null;
  }
}

/** Repeats the chosen openings, one after the other. */
export function checkFiles(): Promise<void> {
  const { text, openings, start } = files.value;
  return checking(async (signal) => {
    for (const opening of openings) await check({ name: opening.name, opening, text: text!, start: start ?? undefined }, signal);
  });
}

export function checkSample(name: SampleName): Promise<void> {
  return checking(async (signal) => {
    const fetched = async (file: string) => {
      const response = await fetch(new URL(`samples/${file}`, document.baseURI), { signal });
      if (!response.ok) throw new Error(`${shown(response.url, 200)}: ${response.status}`);
      return response.blob();
    };
    const [run, text, opening] = await Promise.all([fetched(SAMPLE.run), fetched(SAMPLE.text), fetched(SAMPLE.openings[name])]);
    const read = readJournal(await run.text());
    if (signal.aborted) return;
    if (journal.value?.run !== read.run) take(read);
    await check({ name: SAMPLE.openings[name], opening, text, isPublished: name === 'other-data' }, signal);
  });
}
