// What went wrong, in the reader's words, with what it means and what helps.

import { t, bytes } from '../i18n.ts';
import type { Key } from '../strings.ts';
import type { Problem } from './session.ts';

const CODES: Record<string, Key> = {
  E_V2_DATA: 'trouble.v2',
  E_FORMAT: 'trouble.format',
  E_RANGE: 'trouble.range',
  E_BLOCK_HASH: 'trouble.blockHash',
  E_MEMORY: 'trouble.memory',
  E_WASM_LOAD: 'trouble.wasm',
};

export function Trouble({ problem: { kind, code, detail } }: { problem: Problem }) {
  // Later epochs' proofs are no mistake of the reader's.
  const isNews = code === 'E_V2_DATA' || kind === 'empty';
  return (
    <div class={`notice ${isNews ? 'unsure' : 'bad'}`} role="alert">
      <p><strong>{headline(kind, code, detail)}</strong></p>
      {kind === 'fetch' && <p>{t('trouble.fetch.help')}</p>}
      {(kind === 'package' || kind === 'link') && <p class="quiet break" lang="en">{detail}</p>}
    </div>
  );
}

function headline(kind: Problem['kind'], code: string, detail: string): string {
  switch (kind) {
    case 'fetch':
      return t(`trouble.fetch.${code}` as Key, { detail: code === 'large' ? bytes(Number(detail)) : detail });
    case 'link':
      return t('trouble.link');
    case 'empty':
      return t('trouble.empty', { shape: detail });
    case 'package':
      return t(CODES[code] ?? 'trouble.internal');
    default:
      return t('trouble.file', { detail });
  }
}
