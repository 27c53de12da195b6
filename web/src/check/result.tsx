// The verdict, what it rests on, where the nonces lie, and ways to keep it.

import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { theDesk } from '../engine/client.ts';
import type { Report } from '../engine/types.ts';
import { percent, probability, t, count } from '../i18n.ts';
import { lazy } from '../lazy.tsx';
import { linkTo } from '../router.ts';
import { MISMATCH } from './odds.ts';
import { isGivenSample, redraw, report, run, shareLink, stage } from './session.ts';
import { headlineOf, sentenceOf, wrongContext } from './verdict.ts';

const Plots = lazy<object>(() => import('./plots.tsx'));
const NonceTable = lazy<object>(() => import('./table.tsx'));

export function ResultCard() {
  if (stage.value === 'input' || stage.value === 'ready') return null;
  return (
    <>
      {report.value && stage.value === 'done' && <Verdict report={report.value} />}
      <Plots />
      <NonceTable />
    </>
  );
}

function Verdict({ report: its }: { report: Report }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), [its]);
  const { state } = its;
  const isGood = state === 'valid';
  return (
    <section class={`card verdict ${state}`} aria-labelledby="verdict-title" data-state={state}>
      <div class="verdict-head">
        <Icon state={state} />
        <div role="status">
          <h2 id="verdict-title" ref={heading} tabIndex={-1}>{headlineOf(its)}</h2>
          <p>{sentenceOf(its)}</p>
        </div>
      </div>
      {isGivenSample.value && its.seed !== null && state !== 'invalid' && (
        <div class="notice unsure">
          <p>{t('setup.sample.given')}</p>
          <button type="button" onClick={() => { redraw(); void run(); }}>{t('setup.redraw')}</button>
        </div>
      )}
      {wrongContext(its) && <p class="notice unsure"><strong>{t('hint.context')}</strong> {its.profile === 'gonka' ? t('hint.context.gonka', { mean: count(its.advisory.meanRecomputed ?? 0, { maximumFractionDigits: 4 }) }) : t('hint.context.exact')}</p>}
      {its.profile === 'gonka' && !wrongContext(its) && !its.advisory.isWithinHardwareNoise && <p class="notice unsure">{t('hint.noise', { max: probability(its.advisory.maxError ?? 0) })}</p>}
      {its.profile === 'gonka' ? <Binomial its={its} /> : <Digests its={its} />}
      {isGood && its.profile === 'gonka' && <p class="quiet">{t('verdict.limits')} <a href={linkTo('learn')}>{t('verdict.limits.more')}</a></p>}
      <Actions its={its} />
    </section>
  );
}

/** A tick, a cross or a question mark: the colour is not alone in telling. */
function Icon({ state }: { state: Report['state'] }) {
  const path = { valid: 'M13 24.500l7.500 7.500L35.500 16.500', invalid: 'M16 16l16 16M32 16L16 32', inconclusive: 'M18 19a6 6 0 1 1 8 5.600c-1.300.600-2 1.500-2 3.400M24 33.500v.100' }[state];
  return (
    <svg class="verdict-icon" viewBox="0 0 48 48" aria-hidden="true">
      <circle cx="24" cy="24" r="22" />
      <path d={path} />
    </svg>
  );
}

function Binomial({ its }: { its: Extract<Report, { profile: 'gonka' }> }) {
  const { nChecked, nInvalid, probabilityHonest } = its.verdict;
  return (
    <>
      <dl class="facts">
        <div><dt>{t('result.checked')}</dt><dd>{t('run.of', { done: nChecked, total: its.nClaimed })}</dd></div>
        <div><dt>{t('result.bad')}</dt><dd>{nInvalid}</dd></div>
        <div><dt>{t('result.p')}</dt><dd>{probability(probabilityHonest)}</dd></div>
        <div><dt>{t('result.threshold')}</dt><dd>{probability(its.fraudThreshold)}</dd></div>
        <div><dt>{t('result.radius')}</dt><dd class="mono">{its.rTarget}</dd></div>
        <div><dt>{t('result.rate')}</dt><dd>{percent(its.winRate, 2)}</dd></div>
        <div><dt>{t('result.rms')}</dt><dd>{its.advisory.rmsError === null ? '–' : probability(its.advisory.rmsError)}</dd></div>
        {its.seed !== null && <div><dt>{t('result.seed')}</dt><dd class="mono break">{its.seed}</dd></div>}
      </dl>
      <p class="quiet">{t('result.test', { n: nChecked, bad: nInvalid, rate: percent(MISMATCH, 2), p: probability(probabilityHonest), threshold: probability(its.fraudThreshold) })}</p>
    </>
  );
}

function Digests({ its }: { its: Extract<Report, { profile: 'exact' }> }) {
  const { fault } = its;
  return (
    <>
      <dl class="facts">
        <div><dt>{t('result.checked')}</dt><dd>{t('run.of', { done: its.nChecked, total: its.nClaimed })}</dd></div>
        <div><dt>{t('result.false')}</dt><dd>{its.nInvalid}</dd></div>
        <div><dt>{t('result.rate')}</dt><dd>{percent(its.winRate, 2)}</dd></div>
        {its.falseShareBound !== null && <div><dt>{t('result.bound')}</dt><dd>{percent(its.falseShareBound, 2)}</dd></div>}
        {its.seed !== null && <div><dt>{t('result.seed')}</dt><dd class="mono break">{its.seed}</dd></div>}
      </dl>
      {fault && (
        <div class="fault">
          <h3>{t('fault.title', { nonce: fault.nonce })}</h3>
          <p>{t(fault.code === 'digest' ? 'fault.digest' : 'fault.lost')}</p>
          <DigestPair claimed={fault.claimedDigest} computed={fault.computedDigest} />
        </div>
      )}
    </>
  );
}

/** Two digests one above the other, with the digits that differ marked. */
export function DigestPair({ claimed, computed }: { claimed: string; computed: string }) {
  const marked = (text: string, other: string) =>
    Array.from(text.match(/.{8}/g) ?? [], (part, at) => {
      const isSame = part === other.slice(at * 8, at * 8 + 8);
      return <span>{isSame ? part : <mark>{part}</mark>}</span>;
    });
  return (
    <dl class="digests mono">
      <div><dt>{t('table.claimed')}</dt><dd>{marked(claimed, computed)}</dd></div>
      <div><dt>{t('table.recomputed')}</dt><dd>{marked(computed, claimed)}</dd></div>
    </dl>
  );
}

function Actions({ its }: { its: Report }) {
  const said = useSignal('');
  const copy = async (text: string | null) => {
    if (text === null) {
      said.value = t('action.tooLong');
      return;
    }
    try {
      await navigator.clipboard.writeText(text);
      said.value = t('action.copied');
    } catch {
      said.value = t('action.noClipboard');
    }
  };
  const share = async () => {
    const link = await shareLink();
    // The address bar has it too, where copying is forbidden.
    if (link) history.replaceState(null, '', link);
    await copy(link);
  };
  return (
    <div class="row actions">
      <button type="button" onClick={() => void copy(`${headlineOf(its)} ${sentenceOf(its)}\n${its.profile}, ${its.blockHash}, ${its.publicKey}`)}>{t('action.copy')}</button>
      <button type="button" onClick={() => void download()}>{t('action.json')}</button>
      <button type="button" onClick={() => void share()}>{t('action.share')}</button>
      <span role="status" class="quiet">{said.value}</span>
    </div>
  );
}

async function download() {
  const url = URL.createObjectURL(await theDesk().reportJson());
  const link = Object.assign(document.createElement('a'), { href: url, download: 'sphere-pow-report.json' });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
