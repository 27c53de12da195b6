// While it runs: where it is, how fast, how long yet, and the way to stop it.

import { useEffect, useRef } from 'preact/hooks';
import { duration, percent, count, t } from '../i18n.ts';
import type { EngineUsed } from '../engine/types.ts';
import { shown } from '../shown.ts';
import type { Key } from '../strings.ts';
import { stop } from './running.ts';
import { engineUsed, opened, progress, stage, workers } from './session.ts';

export function RunCard() {
  return stage.value === 'running' && progress.value ? <Running /> : null;
}

function Running() {
  const heading = useRef<HTMLHeadingElement>(null);
  // The button that was pressed is gone.
  useEffect(() => heading.current?.focus({ preventScroll: true }), []);
  const { phase, fraction, eta, done, total, rate, submission } = progress.value!;
  const k = opened.value!.submissions.length;
  return (
    <section class="card run" aria-labelledby="run-title" aria-busy="true">
      <div class="row spread">
        <h2 id="run-title" tabIndex={-1} ref={heading}>{t('run.title')}{k > 1 && ` · ${t('proof.of', { i: submission + 1, k })}`}</h2>
        <button type="button" onClick={stop}>{t('run.cancel')}</button>
      </div>
      <progress max={1} value={fraction} aria-label={t('run.title')} aria-valuetext={percent(fraction, 0)} />
      {/* Told by steps: a screen reader is not to be talked over. */}
      <p class="hidden" role="status">{t('run.spoken', { phase: phaseName(phase), percent: percent(Math.floor(fraction * 10) / 10, 0) })}</p>
      <dl class="facts live">
        <div><dt>{t('run.phase')}</dt><dd>{phaseName(phase)}</dd></div>
        <div><dt>{t('run.nonces')}</dt><dd data-done={done}>{t('run.of', { done, total })}</dd></div>
        <div><dt>{t('run.rate')}</dt><dd>{rate === null ? '…' : t('run.perSecond', { n: count(rate, { maximumSignificantDigits: 3 }) })}</dd></div>
        <div><dt>{t('run.eta')}</dt><dd>{eta === null ? '…' : duration(eta)}</dd></div>
        <div><dt>{t('run.engine')}</dt><dd data-engine={engineUsed.value?.name}>{engineUsed.value ? engineName(engineUsed.value) : '…'}</dd></div>
      </dl>
      {engineUsed.value?.name === 'wasm' && engineUsed.value.detail && <p class="quiet">{t('engine.fallback', { reason: shown(engineUsed.value.detail, 300) })}</p>}
    </section>
  );
}

export function engineName({ name, detail }: EngineUsed): string {
  const text = t(`engine.${name}`);
  return name === 'webgpu' ? `${text}: ${shown(detail)}` : `${text} × ${workers.value}`;
}

function phaseName(phase: string): string {
  return t(`phase.${phase}` as Key);
}
