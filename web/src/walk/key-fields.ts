// Reads the bytes that a key of the exact profile hashes (SPEC II.3), field by field.

export interface KeyField {
  name: 'tag' | 'version' | 'domain' | 'field' | 'dim' | 'heads' | 'hidden' | 'layers' | 'tokens' | 'vocab' | 'threshold';
  /** The bytes, hex. */
  hex: string;
  /** What they say: text for the tag and for fields of visible ASCII, else a number, else nothing. */
  value: string;
}

const NUMBERS = ['version', 'domain', 'dim', 'heads', 'hidden', 'layers', 'tokens', 'vocab', 'threshold'] as const;

export function keyFields(encoding: string): KeyField[] {
  const bytes = Uint8Array.from(encoding.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
  const view = new DataView(bytes.buffer);
  const hex = (from: number, to: number) => encoding.slice(2 * from, 2 * to);
  const fields: KeyField[] = [{ name: 'tag', hex: hex(0, 16), value: text(bytes.subarray(0, 16)) }];
  let at = 16;
  for (const name of NUMBERS) {
    fields.push({ name, hex: hex(at, at + 4), value: String(view.getUint32(at, true)) });
    at += 4;
  }
  while (at < bytes.length) {
    const end = at + 4 + view.getUint32(at, true);
    const content = bytes.subarray(at + 4, end);
    const value = content.length === 8 && text(content) === '' ? String(view.getBigUint64(at + 4, true)) : text(content);
    fields.push({ name: 'field', hex: hex(at, end), value });
    at = end;
  }
  return fields;
}

/** Visible ASCII and spaces as they are, anything else as nothing. */
function text(bytes: Uint8Array): string {
  return bytes.every((byte) => byte >= 0x20 && byte < 0x7f) ? String.fromCharCode(...bytes) : '';
}
