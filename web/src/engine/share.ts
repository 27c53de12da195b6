// Share links: a proof and what it is held against, deflated, in the fragment. Read with suspicion: a link is anyone's text.

import type { Params } from './types.ts';

/** What a link holds. */
export interface Shared {
  /** The proof's JSON, in one of the shapes that parseProofs reads. */
  proof: object;
  blockHash?: string;
  publicKey?: string;
  params?: Params;
  rTarget?: number;
  sample?: number;
  seed?: string;
}

/** Stands before the data, so that later versions can tell. */
const VERSION = '1.';
/** Longest link text that is made; longer ones break in chats and mail. */
export const MAX_LINK = 100_000;
/** Longest text and most bytes that are read. */
const MAX_TEXT = 1_000_000;
const MAX_BYTES = 8_000_000;
const FIELDS: Record<keyof Shared, string> = {
  proof: 'object',
  blockHash: 'string',
  publicKey: 'string',
  params: 'string object',
  rTarget: 'number',
  sample: 'number',
  seed: 'string',
};

export class LinkError extends Error {
  override readonly name = 'LinkError';
}

/** The text of a link; null when it would be too long. */
export async function encodeShared(shared: Shared): Promise<string | null> {
  const stream = new Blob([JSON.stringify(shared)]).stream().pipeThrough(new CompressionStream('deflate-raw'));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  const text = VERSION + btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
  return text.length <= MAX_LINK ? text : null;
}

export async function decodeShared(text: string): Promise<Shared> {
  if (text.length > MAX_TEXT) throw new LinkError(`it has ${text.length} characters, expected at most ${MAX_TEXT}`);
  if (!text.startsWith(VERSION)) throw new LinkError(`it starts with "${text.slice(0, 2)}", expected version "${VERSION}"`);
  const body = text.slice(VERSION.length);
  if (!/^[\w-]+$/.test(body)) throw new LinkError('it has characters that no link has');
  return checked(JSON.parse(await inflate(body).catch(refuse)));
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

function checked(value: unknown): Shared {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new LinkError('it holds no proof');
  for (const [name, entry] of Object.entries(value)) {
    const types = Object.hasOwn(FIELDS, name) ? FIELDS[name as keyof Shared] : null;
    if (!types?.split(' ').includes(typeof entry) || entry === null) throw new LinkError(`its field "${name.slice(0, 40)}" is not one of a link`);
  }
  if (!Object.hasOwn(value, 'proof')) throw new LinkError('it holds no proof');
  return value as Shared;
}
