// One claim: its values in full, and the walk through its making.

import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { digestAt } from '../engine/columns.ts';
import { UNCHECKED, type Columns } from '../engine/types.ts';
import { operations, t } from '../i18n.ts';
import { lazy } from '../lazy.tsx';
import type { WalkProps } from '../walk/index.tsx';
import { DigestPair } from './result.tsx';
import { cost, head } from './session.ts';

const Walk = lazy<WalkProps>(() => import('../walk/index.tsx'));
/** A walk recomputes its nonce in one thread: up to so many operations, without being asked. */
const QUICK = 2e9;

export function Detail({ row, data, onClose }: { row: number; data: Columns; onClose: () => void }) {
  const heading = useRef<HTMLHeadingElement>(null);
  const wanted = useSignal(-1);
  useEffect(() => {
    heading.current?.focus({ preventScroll: true });
    heading.current?.scrollIntoView({ block: 'nearest' });
  }, [row]);
  const nonce = String(data.nonces[row]);
  const one = head.value!;
  const work = cost.value?.workPerNonce ?? Infinity;
  const isChecked = data.status[row] !== UNCHECKED;
  return (
    <div class="detail">
      <div class="row spread">
        <h3 ref={heading} tabIndex={-1}>{t('detail.title', { nonce })}</h3>
        <button type="button" onClick={onClose}>{t('detail.close')}</button>
      </div>
      {data.profile === 'exact' && isChecked && <DigestPair claimed={digestAt(data.claimedDigests, row)} computed={digestAt(data.digests, row)} />}
      {data.profile === 'gonka' && (
        <dl class="facts">
          <div><dt>{t('table.claimed')}</dt><dd class="mono">{data.claimed[row]}</dd></div>
          <div><dt>{t('table.recomputed')}</dt><dd class="mono">{isChecked ? data.recomputed[row] : '–'}</dd></div>
        </dl>
      )}
      {work <= QUICK || wanted.value === row ? (
        <Walk profile={one.profile} params={one.params} blockHash={one.blockHash} publicKey={one.publicKey} nonce={nonce} {...(one.profile === 'gonka' ? { rTarget: one.rule.rTarget } : {})} />
      ) : (
        <button type="button" onClick={() => (wanted.value = row)}>{t('detail.walk', { work: operations(work) })}</button>
      )}
    </div>
  );
}
