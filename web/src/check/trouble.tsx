// What went wrong, in the reader's words, with what it means and what helps.

import { useEffect, useRef } from 'preact/hooks';
import { t, bytes } from '../i18n.ts';
import { isolated, shown } from '../shown.ts';
import { STRINGS, type Key } from '../strings.ts';
import type { Problem } from './session.ts';

const CODES: Record<string, Key> = {
  NOTHING: 'proof.nothing',
  E_V2_DATA: 'trouble.v2',
  E_FORMAT: 'trouble.format',
  E_RANGE: 'trouble.range',
  E_BLOCK_HASH: 'trouble.blockHash',
  E_CHAIN: 'chain.refused',
  E_MEMORY: 'trouble.memory',
  E_WASM_LOAD: 'trouble.wasm',
};

/** The place that is none. */
const WHOLE = 'the document';

/** A reason of SPEC in the reader's language; null for one that has no text here. */
export function reasonOf(reason: string): string | null {
  const key = `reason.${reason}`;
  return Object.hasOwn(STRINGS, key) ? t(key as Key) : null;
}

interface TroubleProps {
  problem: Problem;
  /** Takes the focus: what had it is of no use any more. */
  isFocused?: boolean;
}

export function Trouble({ problem: { kind, code, reason, place, detail }, isFocused = false }: TroubleProps) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (isFocused) box.current?.focus();
  }, []);
  // Later epochs' proofs are no mistake of the reader's.
  const isNews = code === 'E_V2_DATA' || reason === 'v2' || reason === 'no-nonces';
  const why = reason === null ? null : reasonOf(reason);
  return (
    <div class={`notice ${isNews ? 'unsure' : 'bad'}`} role="alert" ref={box} tabIndex={isFocused ? -1 : undefined}>
      <p><strong>{headline(kind, code, detail)}</strong></p>
      {why && <p>{why}{place && place !== WHOLE && <> <code class="break">{shown(place, 120)}</code></>}</p>}
      {kind === 'fetch' && <p>{t('trouble.fetch.help')}</p>}
      {/* The judge's own words, which name the value: where nothing is to be judged they add nothing. */}
      {code !== 'NOTHING' && (kind === 'package' || kind === 'link') && <p class="quiet break" lang="en">{shown(detail, 400)}</p>}
    </div>
  );
}

function headline(kind: Problem['kind'], code: string, detail: string): string {
  switch (kind) {
    case 'fetch':
      return t(`trouble.fetch.${code}` as Key, { detail: code === 'large' ? bytes(Number(detail)) : isolated(detail) });
    case 'link':
      return t('trouble.link');
    case 'package':
      return t(CODES[code] ?? 'trouble.internal');
    default:
      return t('trouble.file', { detail: isolated(detail, 300) });
  }
}
