// One profile: its layers, the scatter of its distances, and what the shortcut is worth.

import { signal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { count, percent, t } from '../i18n.ts';
import { SOUND_GAIN, type Gain } from './gain.ts';
import { Lab } from './lab.ts';
import { Layers } from './layers.tsx';
import type { Profile, Run } from './model.ts';
import { Scatter, pairsOf } from './scatter.tsx';

export function Panel({ profile }: { profile: Profile }) {
  const lab = useMemo(() => new Lab(profile), [profile]);
  const isTargetKnown = useMemo(() => signal(false), []);
  useEffect(() => {
    lab.start();
    return () => lab.stop();
  }, [lab]);
  const heading = `teach-${profile}`;
  const { value: result } = lab.result;
  const isBusy = lab.fraction.value !== null;
  return (
    <section class="card panel" aria-labelledby={heading} data-profile={profile} aria-busy={isBusy}>
      <h2 id={heading}>{t(`teach.${profile}`)}</h2>
      <p class="quiet">{t(`teach.${profile}.model`, { layers: lab.layers })}</p>
      <Layers lab={lab} />
      <progress class={isBusy ? '' : 'idle'} max={1} value={lab.fraction.value ?? 0} aria-label={t('teach.running')} />
      {lab.failure.value && (
        <p class="notice bad" role="alert">
          {t('teach.failed', { why: lab.failure.value })} <button type="button" onClick={() => lab.start()}>{t('teach.retry')}</button>
        </p>
      )}
      {result && <Result run={result} isTargetKnown={isTargetKnown} />}
    </section>
  );
}

function Result({ run, isTargetKnown }: { run: Run; isTargetKnown: { value: boolean } }) {
  const { report } = run;
  const isKnown = report.profile === 'exact' && isTargetKnown.value;
  const correlation = (report.profile === 'exact' && isKnown ? report.correlationIfTargetKnown : report.correlation)!;
  const gain = (isKnown ? run.gainIfTargetKnown : run.gain)!;
  const estimate = correlationText(correlation.estimate);
  return (
    <>
      <Scatter report={report} isTargetKnown={isKnown} correlation={estimate} />
      <p class="quiet help">{t('teach.legend')}</p>
      {report.profile === 'exact' && (
        <label class="check">
          <input type="checkbox" checked={isTargetKnown.value} onChange={(event) => (isTargetKnown.value = event.currentTarget.checked)} />
          <span>{t('teach.known')}<br /><span class="quiet help">{t('teach.known.help')}</span></span>
        </label>
      )}
      <p class="amount">{t('teach.kept', { kept: report.kept.length, layers: report.layers, work: percent(report.work) })}</p>
      <dl class="facts">
        <Fact
          name={t('teach.correlation')}
          value={estimate}
          more={t('teach.interval', { low: correlationText(correlation.low), high: correlationText(correlation.high) })}
        />
        <Fact name={t('teach.gain')} value={gainText(gain.estimate)} more={t('teach.interval', { low: gainText(gain.low), high: gainText(gain.high) })} />
        <Fate run={run} />
      </dl>
      <div role="status"><Worth run={run} gain={gain} /></div>
      <Table run={run} isTargetKnown={isKnown} />
    </>
  );
}

function Fact({ name, value, more }: { name: string; value: string; more?: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd><strong>{value}</strong>{more && <span class="quiet help"> {more}</span>}</dd>
    </div>
  );
}

/** What becomes of the values: how far distances move, or how many digests stay. */
function Fate({ run: { report } }: { run: Run }) {
  if (report.profile === 'gonka') return <Fact name={t('teach.rms')} value={count(report.rmsDifference ?? NaN, { maximumSignificantDigits: 2 })} />;
  const same = report.nonces.filter(({ honest, shortcut }) => honest.digest === shortcut.digest).length;
  return <Fact name={t('teach.digests')} value={t('teach.of', { part: same, all: report.nonces.length })} />;
}

function Worth({ run: { report }, gain }: { run: Run; gain: Gain }) {
  if (report.kept.length === report.layers) return <p class="notice">{t('teach.same')}</p>;
  if (gain.low > SOUND_GAIN) return <p class="notice bad">{t('teach.pays', { gain: gainText(gain.estimate) })}</p>;
  if (gain.high <= SOUND_GAIN) return <p class="notice good">{t('teach.paysNot')}</p>;
  return <p class="notice">{t('teach.unsure', { nonces: report.nonces.length, low: gainText(gain.low), high: gainText(gain.high) })}</p>;
}

const ROWS = 12;

function Table({ run: { report }, isTargetKnown }: { run: Run; isTargetKnown: boolean }) {
  const columns = ['teach.nonce', 'teach.x', 'teach.y', 'teach.difference'] as const;
  const distance = (value: number) => count(value, { minimumFractionDigits: 6, maximumFractionDigits: 6 });
  return (
    <details>
      <summary>{t('teach.numbers')}</summary>
      <div class="scroll" tabIndex={0} role="group" aria-label={t('teach.numbers')}>
        <table>
          <thead><tr>{columns.map((key) => <th scope="col">{t(key)}</th>)}</tr></thead>
          <tbody>
            {pairsOf(report, isTargetKnown).slice(0, ROWS).map(({ nonce, honest, shortcut }) => (
              <tr><th scope="row">{nonce}</th><td>{distance(honest)}</td><td>{distance(shortcut)}</td><td>{distance(shortcut - honest)}</td></tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

/** Six digits near 1, where they tell something, else three. */
function correlationText(value: number): string {
  return count(value, { maximumFractionDigits: Math.abs(value) > 0.99 ? 6 : 3 });
}

function gainText(value: number): string {
  return count(value, { maximumSignificantDigits: 3 });
}
