// What the reader asks of the network's rules, and what came of it.

import { batch, signal } from '@preact/signals';
import type { Epoch, EpochPreset, Group, HostRow, Simulation } from 'sphere-pow/network';
import { claims, epoch, simulate, weightTable } from './client.ts';

export const PRESETS = ['mainnet', 'testermint', 'code-default'] as const satisfies readonly EpochPreset[];
/** What cheaters of a simulation do: how their claims come about, and how they vote. */
export const CHEATS = {
  skip: { strategy: { work: { skip: 20 } } },
  skipMuch: { strategy: { work: { skip: 500 } } },
  forge: { strategy: { work: 'forge' } },
  copy: { strategy: { work: 'copy' } },
  pad: { strategy: { work: { pad: 100 } } },
  coalition: { strategy: { work: { skip: 500 }, voting: 'attack' }, coalition: 1 },
} as const satisfies Record<string, Partial<Group>>;
export type Cheat = keyof typeof CHEATS;
export const CHEAT_NAMES = Object.keys(CHEATS) as Cheat[];

/** A row of the weight table; `powers` are whole numbers as text. */
export interface Row extends HostRow {
  name: string;
  claimed: number;
  unique: number;
  honestEpochs: number;
}

export interface Asked {
  preset: EpochPreset;
  height: string;
}

export const asked = signal<Asked>({ preset: 'mainnet', height: '17600' });
export const found = signal<Epoch | null>(null);
export const epochProblem = signal<string | null>(null);

export const pasted = signal('');
export const rows = signal<readonly Row[]>([]);
/** Where the rows are from. */
export const rowsOf = signal<'document' | 'simulation' | null>(null);
export const weightProblem = signal<string | null>(null);

export const setup = signal({ hosts: 500, epochs: 30, percent: 10, cheat: 'skip' as Cheat, seed: '1' });
export const fraction = signal<number | null>(null);
export const outcome = signal<Simulation | null>(null);
export const simulationProblem = signal<string | null>(null);

/** Most hosts that the table shows. */
const MOST_ROWS = 200;
const words = (error: unknown) => (error instanceof Error ? error.message : String(error));

/** The last question wins. */
let question = 0;
export async function locate(change: Partial<Asked> = {}): Promise<void> {
  asked.value = { ...asked.value, ...change };
  const mine = ++question;
  const { preset: params, height } = asked.value;
  try {
    const answer = await epoch({ params, height: height.trim() });
    if (mine === question) batch(() => ([found.value, epochProblem.value] = [answer, null]));
  } catch (error) {
    if (mine === question) batch(() => ([found.value, epochProblem.value] = [null, words(error)]));
  }
}

interface Claim {
  name: string;
  claimed: number;
  unique: number;
  honestEpochs: number;
}

async function tabulate(of: 'document' | 'simulation', hosts: readonly Claim[]): Promise<void> {
  try {
    const shown = hosts.toSorted((a, b) => b.unique - a.unique).slice(0, MOST_ROWS);
    const table = await weightTable({ hosts: shown.map(({ unique, honestEpochs }) => ({ weight: unique, honestDays: honestEpochs })) });
    batch(() => {
      rows.value = shown.map((claim, i) => ({ ...claim, ...table.hosts[i]! }));
      [rowsOf.value, weightProblem.value] = [of, null];
    });
  } catch (error) {
    batch(() => ([rows.value, rowsOf.value, weightProblem.value] = [[], null, words(error)]));
  }
}

/** Lines of name, weight and honest epochs, with commas or tabs. */
function linesOf(text: string): Claim[] | null {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  const read = lines.map((line) => line.split(/[,\t;]/).map((part) => part.trim()));
  if (read.length > 0 && !/^\d+$/.test(read[0]![1] ?? '')) read.shift();
  const isWhole = (part: string | undefined) => part !== undefined && /^\d{1,15}$/.test(part);
  if (read.length === 0 || !read.every(([name, weight, epochs]) => name && isWhole(weight) && (epochs === undefined || isWhole(epochs)))) return null;
  return read.map(([name = '', weight, epochs]) => ({ name, claimed: Number(weight), unique: Number(weight), honestEpochs: Number(epochs ?? 0) }));
}

/** Weights that the reader pasted: lines, or any document of batches that the verifier reads. */
export async function weigh(text: string): Promise<void> {
  pasted.value = text;
  const lines = linesOf(text);
  if (lines) return tabulate('document', lines);
  try {
    const { participants } = await claims(text);
    await tabulate('document', participants.map(({ name, claimed, unique }) => ({ name: name ?? '?', claimed, unique, honestEpochs: 0 })));
  } catch (error) {
    batch(() => ([rows.value, rowsOf.value, weightProblem.value] = [[], null, words(error)]));
  }
}

let stopper = new AbortController();
export function stop(): void {
  stopper.abort();
}

export async function run(): Promise<void> {
  stopper.abort();
  const { signal } = (stopper = new AbortController());
  const { hosts, epochs, percent, cheat, seed } = setup.value;
  const groups = percent > 0 ? [{ name: 'cheaters', share: Math.round(percent * 10), ...CHEATS[cheat] }] : [];
  batch(() => ([fraction.value, outcome.value, simulationProblem.value] = [0, null, null]));
  try {
    const result = await simulate({ hosts, epochs, seed: seed.trim(), groups }, { signal, onProgress: (told) => !signal.aborted && (fraction.value = told.fraction) });
    if (signal.aborted) return;
    outcome.value = result;
    await tabulate(
      'simulation',
      result.hosts.map(({ host, group, power, standing }) => ({ name: `${group} ${host}`, claimed: Number(power), unique: Number(power), honestEpochs: standing })),
    );
  } catch (error) {
    if (!signal.aborted) simulationProblem.value = words(error);
  } finally {
    if (stopper.signal === signal) fraction.value = null;
  }
}
