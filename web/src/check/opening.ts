// Opening a document, from wherever it comes, and telling what is expected of it.

import { batch } from '@preact/signals';
import { Refused, theDesk, valueOf } from '../engine/client.ts';
import type { Columns, Constants, Given, Opened } from '../engine/types.ts';
import { enterProof, leaveProof } from '../router.ts';
import { DEFAULT_NODE, FetchProblem, addressOf, blockHashAt, fetchBytes, heightOf, node } from './node.ts';
import { estimate, forgetSample, run, stop } from './running.ts';
import {
  MISSING, NOTHING, askedHeight, canBeAlone, chosen, columns, constants, engineUsed, expected, filled, given, givenProblem, head, isAlone, isAsking,
  isNodesHash, isReading, isRunnable, opened, problem, problemOf, progress, report, runProblem, source, stage, wish, type Expected, type SampleName,
} from './session.ts';

let reading = new AbortController();

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
    refuseNothing(read);
    batch(() => {
      source.value = name;
      askedHeight.value = height;
      isNodesHash.value = false;
      expected.value = { ...NOTHING, ...says };
      isAlone.value = false;
      wish.value = constants.value!.sample;
    });
    forgetSample();
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

/** A document in which one thing is wrong and nothing can be judged or filled in is not worth opening. */
function refuseNothing({ submissions, unjudged, batches }: Opened): void {
  const [only] = unjudged;
  // Whatever the reader fills in: there is nothing to compare with.
  const isWithoutClaims = batches.length > 0 && batches.every(({ hasClaims }) => !hasClaims);
  if (submissions.length > 0 || (!isWithoutClaims && (unjudged.length > 1 || (only && only.code in MISSING)))) return;
  const reason = isWithoutClaims ? 'no-claims' : (only?.code ?? 'no-nonces');
  throw new Refused({ code: 'NOTHING', reason, place: only?.place ?? null, message: only?.message ?? '' });
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
    const focused = document.activeElement?.id;
    await show(read, Math.max(0, at));
    // A verdict that no longer holds goes, and the field that was changed moves out of its fold.
    if (focused) requestAnimationFrame(() => document.getElementById(focused)?.focus());
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

/** The address of this check; null when the document is too long for a link. */
export async function shareLink(): Promise<string | null> {
  const text = (await theDesk().link(given.value!)) as string | null;
  if (text) openLinkText = text;
  return text && `${location.href.split('#')[0]}#/check?p=${text}`;
}
