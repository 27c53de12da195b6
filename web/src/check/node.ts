// Reading from a node or any address. On the page's own thread: here the page's policy says where requests may go.

import { signal } from '@preact/signals';
import { recall, remember } from '../memory.ts';

/** Most bytes of an answer, as the package reads. */
const MAX_BYTES = 64 << 20;
const TIMEOUT_MS = 30_000;

export const DEFAULT_NODE = 'https://node3.gonka.ai';
export const node = signal(recall('node') ?? DEFAULT_NODE);

/** Takes a node, and remembers it. */
export function setNode(value: string): void {
  node.value = value;
  remember('node', value === DEFAULT_NODE ? null : value);
}

/** Why there is no document, for the reader: `why` is a key of the texts. */
export class FetchProblem extends Error {
  constructor(readonly why: 'address' | 'insecure' | 'blocked' | 'timeout' | 'denied' | 'gone' | 'busy' | 'status' | 'large' | 'nothing', readonly detail: string) {
    super(detail);
    this.name = 'FetchProblem';
  }
}

/** The address of what a reader asks for: an address itself, a height of a stage's start, or a transaction's hash. */
export function addressOf(asked: string, node: string): URL {
  const text = asked.trim();
  const path = /^\d{1,12}$/.test(text)
    ? `chain-api/productscience/inference/inference/poc_batches_for_stage/${text}`
    : /^(0x)?[0-9a-f]{64}$/i.test(text)
      ? `chain-api/cosmos/tx/v1beta1/txs/${text.replace(/^0x/i, '').toUpperCase()}`
      : null;
  return secure(path === null ? text : `${node.trim().replace(/\/+$/, '')}/${path}`);
}

/** The height of the stage that an address is of: the reader's word, since the reader asked for it. */
export function heightOf({ pathname }: URL): number | null {
  const digits = /\/(?:poc_batches_for_stage|poc-batches)\/(\d{1,12})$/.exec(pathname)?.[1];
  return digits === undefined ? null : Number(digits);
}

function secure(text: string): URL {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new FetchProblem('address', text);
  }
  const isLocal = ['localhost', '127.0.0.1'].includes(url.hostname);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLocal)) throw new FetchProblem('insecure', url.href);
  return url;
}

/** The body of an answer; every way to fail is a {@link FetchProblem}. */
export async function fetchBytes(url: URL, signal: AbortSignal): Promise<Uint8Array> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  try {
    const response = await fetch(url, { signal: AbortSignal.any([signal, timeout]), credentials: 'omit', referrerPolicy: 'no-referrer' });
    if (!response.ok) throw problemOf(response);
    return await bodyOf(response);
  } catch (error) {
    if (error instanceof FetchProblem || signal.aborted) throw error;
    throw new FetchProblem(timeout.aborted ? 'timeout' : 'blocked', url.host);
  }
}

function problemOf({ status, url }: Response): FetchProblem {
  const detail = `${status} ${new URL(url).host}`;
  if (status === 401 || status === 403) return new FetchProblem('denied', detail);
  if (status === 404 || status === 410) return new FetchProblem('gone', detail);
  if (status === 429 || status === 503) return new FetchProblem('busy', detail);
  return new FetchProblem('status', detail);
}

async function bodyOf(response: Response): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  const reader = response.body!.getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    size += value.length;
    if (size > MAX_BYTES) {
      await reader.cancel();
      throw new FetchProblem('large', String(MAX_BYTES));
    }
    parts.push(value);
  }
  return new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer());
}

/** The hash of the block at a height, from the node's RPC. */
export async function blockHashAt(height: number, node: string, signal: AbortSignal): Promise<string> {
  const url = secure(`${node.trim().replace(/\/+$/, '')}/chain-rpc/block?height=${height}`);
  const text = new TextDecoder().decode(await fetchBytes(url, signal));
  try {
    const hash: unknown = JSON.parse(text)?.result?.block_id?.hash;
    if (typeof hash === 'string' && /^[0-9A-F]{64}$/i.test(hash)) return hash;
  } catch {
    // Not JSON: as one without a hash.
  }
  throw new FetchProblem('nothing', url.host);
}
