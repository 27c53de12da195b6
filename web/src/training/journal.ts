// What `sphere-pow train` and `sphere-pow train check` write as JSON, read with suspicion: a file may be anybody's.

import type { SegmentReport } from 'sphere-pow/train';

/** What a lane published of a round. */
export interface LaneDone {
  root: string;
  deltaHash: string;
  /** Mean loss of its steps, nats a token. */
  loss: number;
}

export interface RoundDone {
  round: number;
  seed: string;
  loss: number;
  /** Of the parameters after it, on what is held out. */
  heldOut: number;
  root: string;
  seconds: number;
  /** Empty in files of versions that wrote none. */
  lanes: readonly LaneDone[];
}

export interface Journal {
  run: string;
  params: string;
  parameters: number;
  textSha256: string;
  /** Before the first round. */
  heldOut: number;
  rounds: readonly RoundDone[];
  root: string;
}

type Fields = Record<string, unknown>;
const VERDICTS = ['honest', 'unconfirmed', 'fraud', 'unopened'];
const PARTS = ['root', 'seed', 'start'];

const isObject = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);
const isHash = (value: unknown): value is string => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isLoss = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);

/** The first member that does not hold; undefined when all do. */
function amiss(of: Fields, members: Record<string, (value: unknown) => boolean>): string | undefined {
  return Object.entries(members).find(([name, holds]) => !holds(of[name]))?.[0];
}

function wrong(name: string): never {
  throw new Error(`${name} is missing or not what it is in a run's file`);
}

function roundOf(value: unknown, at: number): RoundDone {
  const where = `rounds[${at}]`;
  if (!isObject(value)) wrong(where);
  const name = amiss(value, { round: (round) => round === at, seed: isHash, loss: isLoss, heldOut: isLoss, root: isHash, seconds: isLoss });
  if (name) wrong(`${where}.${name}`);
  const lanes = value.lanes ?? [];
  if (!Array.isArray(lanes)) wrong(`${where}.lanes`);
  lanes.forEach((lane: unknown, i) => {
    if (!isObject(lane) || amiss(lane, { root: isHash, deltaHash: isHash, loss: isLoss })) wrong(`${where}.lanes[${i}]`);
  });
  return { ...(value as unknown as RoundDone), lanes: lanes as LaneDone[] };
}

/** A run's file. */
export function readJournal(text: string): Journal {
  const value: unknown = JSON.parse(text);
  if (!isObject(value)) wrong('run');
  const name = amiss(value, { run: isHash, params: (params) => typeof params === 'string', parameters: isCount, textSha256: isHash, heldOut: isLoss, rounds: Array.isArray, root: isHash });
  if (name) wrong(name);
  return { ...(value as unknown as Journal), rounds: (value.rounds as unknown[]).map(roundOf) };
}

/** The report of a check. */
export function readReport(text: string): SegmentReport {
  const value: unknown = JSON.parse(text);
  const isList = (parts: unknown) => Array.isArray(parts) && parts.every((part) => PARTS.includes(part));
  const members = { verdict: (verdict: unknown) => VERDICTS.includes(verdict as string), byTheOpening: isList, run: isHash, round: isCount, lane: isCount, segment: isCount, steps: isCount, root: isHash, seed: isHash };
  if (!isObject(value) || amiss(value, members)) throw new Error('not the report of a check');
  return value as unknown as SegmentReport;
}
