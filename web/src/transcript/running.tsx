// While steps are repeated: which, how many, and the bound as it falls.

import { count, duration, percent, t } from '../i18n.ts';
import { Bound, LayerMap } from './plots.tsx';
import { isRunning, progress, stop } from './session.ts';

/** Nonces named of a layer. */
const NAMED = 3;

/** The button goes, so the focus goes elsewhere. */
function onStop() {
  stop();
  document.getElementById('main')?.focus();
}

export function Running() {
  const { done = 0, total = 0, fraction = 0, eta = null, layer = null, nonces = [], skippedBound = null, faults = [] } = progress.value ?? {};
  const values = { layer: layer ?? 0, nonces: nonces.slice(0, NAMED).join(', '), more: nonces.length - NAMED };
  return (
    <section class="card" aria-labelledby="whole-running" aria-busy={isRunning.value}>
      <div class="row spread">
        <h2 id="whole-running">{t('whole.running')}</h2>
        {isRunning.value && <button type="button" onClick={onStop}>{t('whole.stop')}</button>}
      </div>
      <progress max={1} value={fraction} aria-label={t('whole.running')} aria-valuetext={percent(fraction, 0)} />
      <p class="hidden" role="status">{percent(Math.floor(fraction * 10) / 10, 0)}</p>
      <ul class="live">
        <li>{t('whole.done', { done, total })}{eta !== null && ` · ${t('whole.eta', { time: duration(eta) })}`}</li>
        <li>{layer === null ? '…' : t(values.more > 0 ? 'whole.nowMore' : 'whole.now', values)}</li>
        <li>{skippedBound !== null ? t('whole.soFar', { share: percent(skippedBound) }) : faults.length > 0 ? t('whole.faultsSoFar', { count: count(faults.length) }) : '…'}</li>
      </ul>
      <Bound />
      <LayerMap />
    </section>
  );
}
