// Share links: a document and what its reader held it against, deflated, in the fragment. A link is anyone's text, so
// all that it holds counts as the document's own words: nothing in it confirms anything, and it draws no sample.

import type { Said } from './types.ts';

/** What a link holds. */
export interface Shared {
  document: string | Uint8Array;
  /** What came with the document. */
  said: Said;
}

/** Stands before the data, so that later versions can tell. The first kind held a proof's JSON beside the context. */
const VERSION = '2.';
const FIRST = '1.';
/** Longest link text that is made; longer ones break in chats and mail. */
export const MAX_LINK = 100_000;
/** Longest text and most bytes that are read. */
const MAX_TEXT = 1_000_000;
const MAX_BYTES = 8_000_000;
const SAID: Record<keyof Said, string> = { blockHash: 'string', publicKey: 'string', params: 'string object', rTarget: 'number', blockHeight: 'number' };
const FIELDS: Record<string, string> = { document: 'string', base64: 'string', said: 'object' };
/** Fields of the first kind; its sample and seed were the link maker's choice, and are not used. */
const FIRST_FIELDS: Record<string, string> = { proof: 'object', blockHash: 'string', publicKey: 'string', params: 'string object', rTarget: 'number', sample: 'number', seed: 'string' };

export class LinkError extends Error {
  override readonly name = 'LinkError';
}

/** The text of a link; null when it would be too long. */
export async function encodeShared({ document, said }: Shared): Promise<string | null> {
  const text = typeof document === 'string' ? document : textOf(document);
  const held = text === null ? { base64: btoa(binaryOf(document as Uint8Array)) } : { document: text };
  const stream = new Blob([JSON.stringify({ ...held, said })]).stream().pipeThrough(new CompressionStream('deflate-raw'));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  if (bytes.length > MAX_LINK) return null;
  const link = VERSION + btoa(binaryOf(bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
  return link.length <= MAX_LINK ? link : null;
}

/** The text that bytes are in UTF-8; null for others. */
function textOf(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

function binaryOf(bytes: Uint8Array): string {
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return binary;
}

export async function decodeShared(text: string): Promise<Shared> {
  if (text.length > MAX_TEXT) throw new LinkError(`it has ${text.length} characters, expected at most ${MAX_TEXT}`);
  const version = text.slice(0, 2);
  if (version !== VERSION && version !== FIRST) throw new LinkError(`it starts with "${version}", expected version "${VERSION}"`);
  const body = text.slice(VERSION.length);
  if (!/^[\w-]+$/.test(body)) throw new LinkError('it has characters that no link has');
  const value: unknown = await inflate(body).then((inflated) => JSON.parse(inflated)).catch(refuse);
  return version === FIRST ? firstKind(value) : secondKind(value);
}

function refuse(error: unknown): never {
  throw error instanceof LinkError ? error : new LinkError('it is cut off or damaged');
}

async function inflate(body: string): Promise<string> {
  const bytes = Uint8Array.from(atob(body.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));
  const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw')).getReader();
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let [out, size] = ['', 0];
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return out + decoder.decode();
    size += value.length;
    // A few bytes can inflate to gigabytes.
    if (size > MAX_BYTES) {
      await reader.cancel();
      throw new LinkError(`it holds more than ${MAX_BYTES} bytes`);
    }
    out += decoder.decode(value, { stream: true });
  }
}

function secondKind(value: unknown): Shared {
  const held = checked(value, FIELDS);
  const said = checked(held['said'] ?? {}, SAID) as Said;
  if (typeof held['document'] === 'string') return { document: held['document'], said };
  if (typeof held['base64'] !== 'string') throw new LinkError('it holds no proof');
  try {
    return { document: Uint8Array.from(atob(held['base64']), (c) => c.charCodeAt(0)), said };
  } catch (error) {
    return refuse(error);
  }
}

function firstKind(value: unknown): Shared {
  const { proof, sample: _, seed: __, ...said } = checked(value, FIRST_FIELDS);
  if (proof === undefined) throw new LinkError('it holds no proof');
  return { document: JSON.stringify(proof), said: said as Said };
}

function checked(value: unknown, fields: Record<string, string>): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new LinkError('it holds no proof');
  for (const [name, entry] of Object.entries(value)) {
    const types = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (!types?.split(' ').includes(typeof entry) || entry === null) throw new LinkError(`its field ${JSON.stringify(name.slice(0, 40))} is not one of a link`);
  }
  return value as Record<string, unknown>;
}
