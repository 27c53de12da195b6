// Before the run: what it costs here, what computes it, how much is recomputed and what that can show.

import { useId } from 'preact/hooks';
import { bytes, count, duration, operations, percent, probability, t } from '../i18n.ts';
import type { EngineName, Model } from '../engine/types.ts';
import { convicting, drawsAtLeast } from './odds.ts';
import { MAX_WORKERS, engine, head, isGivenSample, missing, model, modelProblem, pace, progress, redraw, run, runProblem, sample, stage, workOf, workers } from './session.ts';
import { Trouble } from './trouble.tsx';

const ENGINES: readonly (EngineName | 'auto')[] = ['auto', 'webgpu', 'wasm'];
/** Shares of junk whose odds are shown. */
const JUNK = [0.01, 0.02, 0.05, 0.1];

export function Setup() {
  const cost = model.value;
  const isReady = missing.value.length === 0 && cost !== null;
  const isStopped = stage.value === 'stopped';
  return (
    <section class="card" aria-labelledby="setup-title">
      <h2 id="setup-title">{t('setup.title')}</h2>
      {modelProblem.value && <Trouble problem={modelProblem.value} />}
      <div class="settings">
        <SampleField />
        <EngineField />
      </div>
      <Odds />
      {cost && <Cost cost={cost} />}
      {runProblem.value && <Trouble problem={runProblem.value} />}
      {isStopped && progress.value && !runProblem.value && (
        <p class="notice" role="status">{t('setup.stopped', { done: progress.value.done, total: progress.value.total })}</p>
      )}
      <div class="row">
        <button type="button" class="primary large" disabled={!isReady} onClick={() => void run()}>
          {isStopped ? t('setup.resume') : stage.value === 'done' ? t('setup.again') : t('setup.start')}
        </button>
        {(stage.value === 'done' || isStopped || isGivenSample.value) && sample.value < head.value!.count && <button type="button" onClick={redraw}>{t('setup.redraw')}</button>}
        {!isReady && !modelProblem.value && <span class="quiet">{missing.value.length > 0 ? t('proof.missing') : t('setup.measuring')}</span>}
      </div>
    </section>
  );
}

function SampleField() {
  const id = useId();
  const { count: claims } = head.value!;
  const set = (text: string) => {
    const n = Math.round(Number(text));
    if (Number.isFinite(n)) sample.value = Math.min(claims, Math.max(1, n));
  };
  const sizes = [20, 200, 1000].filter((n) => n < claims);
  return (
    <div class="field">
      <label for={id}>{t('setup.sample', { claims })}</label>
      <div class="row">
        <input id={id} class="number" type="number" min={1} max={claims} value={sample.value} onChange={(e) => { set(e.currentTarget.value); e.currentTarget.value = String(sample.value); }} />
        {sizes.map((n) => <button type="button" class="plain" aria-pressed={sample.value === n} onClick={() => (sample.value = n)}>{count(n)}</button>)}
        <button type="button" class="plain" aria-pressed={sample.value === claims} onClick={() => (sample.value = claims)}>{t('setup.all')}</button>
      </div>
      <p class="help">{t(sample.value >= claims ? 'setup.sample.all' : isGivenSample.value ? 'setup.sample.given' : 'setup.sample.random')}</p>
    </div>
  );
}

function EngineField() {
  const [id, workersId] = [useId(), useId()];
  return (
    <>
      <div class="field">
        <label for={id}>{t('setup.engine')}</label>
        <select id={id} value={engine.value} onChange={(e) => (engine.value = e.currentTarget.value as EngineName | 'auto')}>
          {ENGINES.map((name) => <option value={name}>{t(`engine.${name}`)}</option>)}
        </select>
      </div>
      <div class="field">
        <label for={workersId}>{t('setup.workers')}</label>
        <select id={workersId} value={workers.value} onChange={(e) => (workers.value = Number(e.currentTarget.value))}>
          {Array.from({ length: MAX_WORKERS }, (_, i) => <option value={i + 1}>{i + 1}</option>)}
        </select>
        <p class="help">{t('setup.workers.help')}</p>
      </div>
    </>
  );
}

/** What the chosen sample can show, by shares of junk. */
function Odds() {
  const { profile, count: claims } = head.value!;
  const n = sample.value;
  const least = profile === 'exact' ? 1 : convicting(n);
  return (
    <div class="odds">
      <h3>{t('odds.title')}</h3>
      <p class="quiet">{profile === 'exact' ? t('odds.exact') : least === null ? t('odds.never', { n }) : t('odds.gonka', { least, n })}</p>
      <div class="scroll" role="region" tabIndex={0} aria-label={t('odds.title')}>
        <table>
          <thead>
            <tr><th scope="col">{t('odds.junk')}</th>{JUNK.map((share) => <th scope="col">{percent(share, 0)}</th>)}</tr>
          </thead>
          <tbody>
            <tr><th scope="row">{t('odds.any')}</th>{JUNK.map((share) => <td>{chance(claims, share, n, 1)}</td>)}</tr>
            {profile === 'gonka' && least !== null && <tr><th scope="row">{t('odds.fraud')}</th>{JUNK.map((share) => <td>{chance(claims, share, n, least)}</td>)}</tr>}
          </tbody>
        </table>
      </div>
    </div>
  );
}

function chance(claims: number, share: number, n: number, least: number): string {
  const p = drawsAtLeast(claims, Math.max(1, Math.round(share * claims)), n, least);
  return p >= 0.001 ? (p > 0.999 && p < 1 - 1e-9 ? `> ${percent(0.999)}` : percent(p)) : probability(p);
}

function Cost({ cost }: { cost: Model }) {
  const each = workOf(cost);
  const n = sample.value;
  const used = Math.min(workers.value, n);
  const speed = pace.value;
  const weights = cost.profile === 'gonka' ? cost.poolLen : cost.weightBytes;
  // Each worker makes the weights for itself, all at the same time.
  const seconds = speed && weights * speed.weight + (Math.ceil(n / used) * each) / speed.operations;
  return (
    <dl class="facts cost">
      <div><dt>{t('cost.work')}</dt><dd>{t('cost.operations', { all: operations(n * each), each: operations(each) })}</dd></div>
      <div><dt>{t('cost.time')}</dt><dd data-estimate={seconds ?? ''}>{seconds === null ? t('setup.measuring') : t('cost.about', { time: duration(seconds) })}</dd></div>
      <div><dt>{t('cost.memory')}</dt><dd>{bytes(used * cost.memoryBytes)}</dd></div>
    </dl>
  );
}
