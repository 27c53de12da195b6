// Before the run: what it costs here, what computes it, how much is recomputed and what that can show.

import { useEffect, useId, useRef } from 'preact/hooks';
import { bytes, count, duration, operations, percent, probability, t } from '../i18n.ts';
import type { EngineName, ModelCost } from '../engine/types.ts';
import { drawsAny } from './odds.ts';
import { redraw, run, setSample } from './running.ts';
import {
  MAX_WORKERS, cost, costProblem, engine, head, isRunnable, memoryOf, missing, most, nSampled, pace, progress, runProblem, sample, sharedBytes, stage, targets, workers,
} from './session.ts';
import { Trouble } from './trouble.tsx';

const ENGINES: readonly (EngineName | 'auto')[] = ['auto', 'webgpu', 'wasm'];
/** Shares of junk whose odds are shown. */
const JUNK = [0.01, 0.02, 0.05, 0.1];

export function Setup({ isBare = false }: { isBare?: boolean }) {
  if (isBare) return <Body />;
  return (
    <section class="card" aria-labelledby="setup-title">
      <h2 id="setup-title">{t('setup.title')}</h2>
      <Body />
    </section>
  );
}

function Body() {
  const start = useRef<HTMLButtonElement>(null);
  const isStopped = stage.value === 'stopped';
  // The button that stopped it is gone.
  useEffect(() => {
    if (isStopped) start.current?.focus();
  }, [isStopped]);
  const isReady = isRunnable.value;
  const isPart = targets.value.some(({ nClaimed }) => sample.value < nClaimed);
  return (
    <>
      {costProblem.value && <Trouble problem={costProblem.value} />}
      {head.value && (
        <>
          <div class="settings">
            <SampleField />
            <EngineField />
          </div>
          {isPart && <Odds />}
          {cost.value && <Cost cost={cost.value} />}
        </>
      )}
      {runProblem.value && <Trouble problem={runProblem.value} />}
      {isStopped && progress.value && !runProblem.value && (
        <p class="notice" role="status">{t('setup.stopped', { done: progress.value.done, total: progress.value.total })}</p>
      )}
      <div class="row">
        <button type="button" class="primary large" ref={start} disabled={!isReady} onClick={() => void run()}>
          {isStopped ? t('setup.resume') : stage.value === 'done' ? t('setup.again') : t('setup.start')}
        </button>
        {isStopped && isPart && <button type="button" onClick={() => { redraw(); start.current?.focus(); }}>{t('setup.redraw')}</button>}
        {!isReady && !costProblem.value && <span class="quiet">{missing.value.length > 0 ? t('proof.missing') : head.value ? t('setup.measuring') : ''}</span>}
      </div>
    </>
  );
}

function SampleField() {
  const id = useId();
  const claims = most.value;
  const set = (text: string) => {
    const n = Math.round(Number(text));
    if (Number.isFinite(n)) setSample(Math.min(claims, Math.max(1, n)));
  };
  const sizes = [20, 200, 1000].filter((n) => n < claims);
  const label = targets.value.length > 1 ? t('setup.sample.each', { n: targets.value.length }) : t('setup.sample', { claims });
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <div class="row">
        <input id={id} class="number" type="number" min={1} max={claims} value={sample.value} onChange={(e) => { set(e.currentTarget.value); e.currentTarget.value = String(sample.value); }} />
        {sizes.map((n) => <button type="button" class="plain" aria-pressed={sample.value === n} onClick={() => setSample(n)}>{count(n)}</button>)}
        <button type="button" class="plain" aria-pressed={sample.value === claims} onClick={() => setSample(claims)}>{t('setup.all')}</button>
      </div>
      <p class="help">{t(sample.value >= claims ? 'setup.sample.all' : 'setup.sample.random')}</p>
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
        <p class="help">{t(cost.value && sharedBytes(cost.value) > 0 ? 'setup.workers.shared' : 'setup.workers.help')}</p>
      </div>
    </>
  );
}

/** How likely the sample meets a false claim, by shares of junk: drawing without putting back, no rule of any profile. */
function Odds() {
  const claims = head.value!.nClaimed;
  const n = Math.min(sample.value, claims);
  return (
    <div class="odds">
      <h3>{t('odds.title')}</h3>
      <div class="scroll" role="region" tabIndex={0} aria-label={t('odds.title')}>
        <table>
          <thead>
            <tr><th scope="col">{t('odds.junk')}</th>{JUNK.map((share) => <th scope="col">{percent(share, 0)}</th>)}</tr>
          </thead>
          <tbody>
            <tr><th scope="row">{t('odds.any')}</th>{JUNK.map((share) => <td>{chance(claims, share, n)}</td>)}</tr>
          </tbody>
        </table>
      </div>
    </div>
  );
}

function chance(claims: number, share: number, n: number): string {
  const p = drawsAny(claims, Math.max(1, Math.round(share * claims)), n);
  return p >= 0.001 ? (p > 0.999 && p < 1 ? `> ${percent(0.999)}` : percent(p)) : probability(p);
}

function Cost({ cost: found }: { cost: ModelCost }) {
  const { workPerNonce: each, weightBytes } = found;
  const n = nSampled.value;
  const used = Math.min(workers.value, n);
  const speed = pace.value;
  // Workers make the weights at the same time, or one of them does for all.
  const seconds = speed && weightBytes * speed.weight + (Math.ceil(n / used) * each) / speed.operations;
  return (
    <dl class="facts cost">
      <div><dt>{t('cost.work')}</dt><dd>{t('cost.operations', { all: operations(n * each), each: operations(each) })}</dd></div>
      <div><dt>{t('cost.time')}</dt><dd data-estimate={seconds ?? ''}>{seconds === null ? t('setup.measuring') : t('cost.about', { time: duration(seconds) })}</dd></div>
      <div><dt>{t('cost.memory')}</dt><dd>{bytes(memoryOf(found, used))}</dd></div>
    </dl>
  );
}
