// Texts of others: names, addresses, messages. None of them may stretch the page, or reorder what stands beside it.

/** Characters that cannot be seen: controls, marks of direction, joiners, private ones, halves of others. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/gu;
/** First strong isolate, and its end: what stands between does not reorder what stands around. */
const [ISOLATE, END] = ['\u2068', '\u2069'];

/** A text of at most `max` characters, its unseen ones by number. */
export function shown(text: string, max = 80): string {
  // Two units a character at most.
  const start = Array.from(text.slice(0, 2 * max + 2)).slice(0, max).join('');
  const seen = start.replace(UNSEEN, (c) => `\\u{${c.codePointAt(0)!.toString(16)}}`);
  return start.length < text.length ? `${seen}…` : seen;
}

/** {@link shown}, for use within other text. */
export function isolated(text: string, max?: number): string {
  return `${ISOLATE}${shown(text, max)}${END}`;
}

/** A long identity by its ends. */
export function ends(text: string): string {
  return text.length > 24 ? `${shown(text.slice(0, 10))}…${shown(text.slice(-6))}` : shown(text);
}
