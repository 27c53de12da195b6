// Claims of a proof as columns, which sort and cross to the page fast.

import type { Result, Submission } from 'sphere-pow/slim';
import { BAD, GOOD, UNCHECKED, type Columns, type Rows, type View } from './types.ts';

export const DIGEST = 32;

function writeHex(hex: string, into: Uint8Array, at: number): void {
  for (let i = 0; i < DIGEST; i++) into[at + i] = Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16);
}

/** The digest of a row in hex. */
export function digestAt(digests: Uint8Array, row: number): string {
  return Array.from(digests.subarray(row * DIGEST, (row + 1) * DIGEST), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export function columnsOf(submission: Submission): Columns {
  const [nonces, claims] = [submission.nonces(), submission.claims()];
  const { length } = nonces;
  const isExact = submission.profile === 'exact';
  return {
    profile: submission.profile,
    nonces,
    claimed: isExact ? new Float64Array() : (claims as Float64Array),
    claimedDigests: isExact ? (claims as Uint8Array) : new Uint8Array(),
    recomputed: new Float64Array(length).fill(NaN),
    digests: new Uint8Array(isExact ? length * DIGEST : 0),
    status: new Uint8Array(length),
  };
}

export function rowsOf(results: readonly Result[]): Rows {
  const isExact = results[0] !== undefined && 'digest' in results[0];
  const rows: Rows = {
    indices: Uint32Array.from(results, ({ index }) => index),
    recomputed: Float64Array.from(results, (r) => ('digest' in r ? r.distance : (r.recomputed ?? NaN))),
    status: Uint8Array.from(results, ({ valid }) => (valid ? GOOD : BAD)),
    digests: new Uint8Array(isExact ? results.length * DIGEST : 0),
  };
  results.forEach((result, i) => {
    if ('digest' in result) writeHex(result.digest, rows.digests, i * DIGEST);
  });
  return rows;
}

/** Puts results where they belong. */
export function fill(columns: Columns, { indices, recomputed, status, digests }: Rows): void {
  indices.forEach((row, i) => {
    columns.recomputed[row] = recomputed[i]!;
    columns.status[row] = status[i]!;
    if (digests.length > 0) columns.digests.set(digests.subarray(i * DIGEST, (i + 1) * DIGEST), row * DIGEST);
  });
}

/** Forgets all results. */
export function clear(columns: Columns): void {
  columns.recomputed.fill(NaN);
  columns.digests.fill(0);
  columns.status.fill(UNCHECKED);
}

/** The rows of a view in its order; rows without the sorted value come last. */
export function orderOf(columns: Columns, { column, isDescending, filter, nonce }: View): Uint32Array {
  const { nonces, claimed, recomputed, status } = columns;
  const isShown = (row: number) =>
    (filter === 'all' ||
      (filter === 'checked' && status[row] !== UNCHECKED) ||
      (filter === 'good' && status[row] === GOOD) ||
      (filter === 'bad' && status[row] === BAD)) &&
    (nonce === '' || String(nonces[row]).startsWith(nonce));
  const rows = Uint32Array.from(nonces.keys()).filter(isShown);
  if (column === 'index') return isDescending ? rows.reverse() : rows;
  const sign = isDescending ? -1 : 1;
  if (column === 'nonce') return rows.sort((a, b) => (nonces[a]! < nonces[b]! ? -sign : nonces[a]! > nonces[b]! ? sign : 0));
  const value = {
    claimed: (row: number) => claimed[row]!,
    recomputed: (row: number) => recomputed[row]!,
    difference: (row: number) => Math.abs(claimed[row]! - recomputed[row]!),
    status: (row: number) => status[row]!,
  }[column];
  const keys = new Float64Array(nonces.length);
  for (const row of rows) keys[row] = value(row);
  return rows.sort((a, b) => {
    const [x, y] = [keys[a]!, keys[b]!];
    if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(x)) - Number(Number.isNaN(y)) || a - b;
    return sign * (x - y) || a - b;
  });
}
