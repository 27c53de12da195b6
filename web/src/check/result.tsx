// The verdict in one line with what it rests on, statistics below it, where the nonces lie, and ways to keep it.

import { useSignal } from '@preact/signals';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { digestAt } from '../engine/columns.ts';
import { theDesk } from '../engine/client.ts';
import type { Judged, Report } from '../engine/types.ts';
import { count, percent, probability, t } from '../i18n.ts';
import { lazy } from '../lazy.tsx';
import { linkTo } from '../router.ts';
import { ends, shown } from '../shown.ts';
import { Fold, isWide } from './fold.tsx';
import { Origin, UnjudgedList } from './proof.tsx';
import { choose, shareLink } from './opening.ts';
import { redraw, run, setSample } from './running.ts';
import { chosen, columns, constants, engineUsed, isNodesHash, judged, judgedOf, opened, report, stage } from './session.ts';
import { engineName } from './run.tsx';
import { countsOf, sentenceOf, tallyOf, textOf, wordOf } from './verdict.ts';

const Plots = lazy<object>(() => import('./plots.tsx'));
const NonceTable = lazy<object>(() => import('./table.tsx'));

export function ResultCard() {
  if (stage.value === 'input' || stage.value === 'ready') return null;
  return (
    <>
      {report.value && stage.value === 'done' && <Verdict report={report.value} />}
      {columns.value && <Plots />}
      {columns.value && <Fold name="table" title={t('table.title')} isOpen={isWide.value}><NonceTable /></Fold>}
    </>
  );
}

function Verdict({ report: whole }: { report: Report }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useLayoutEffect(() => heading.current?.focus(), [whole]);
  const its = judged.value;
  const isOne = whole.submissions.length === 1 && whole.unjudged.length === 0 && opened.value!.submissions.length === 1;
  const isNothing = its !== null && its.verdict === 'fraud' && its.evidence.nothingAgrees;
  return (
    <section class={`card verdict ${whole.verdict}`} aria-labelledby="verdict-title" data-state={whole.verdict} data-nothing={isNothing ? '' : undefined}>
      <div class="verdict-head">
        <Icon verdict={whole.verdict} />
        <div role="status">
          {isOne && its ? (
            <>
              <h2 id="verdict-title" ref={heading} tabIndex={-1}>{wordOf(its)}: {countsOf(its)}</h2>
              <p>{sentenceOf(its)}</p>
            </>
          ) : (
            <>
              <h2 id="verdict-title" ref={heading} tabIndex={-1}>{t(`verdict.${whole.verdict}`)}: {tallyOf(whole)}</h2>
              <p>{t('verdict.several', { n: whole.submissions.length, k: opened.value!.submissions.length })}</p>
            </>
          )}
        </div>
      </div>
      {!isOne && <Submissions />}
      {!isOne && <UnjudgedList opened={whole} />}
      {!isOne && its && <p class="one"><strong>{t('proof.of', { i: chosen.value + 1, k: opened.value!.submissions.length })}. {wordOf(its)}: {countsOf(its)}.</strong> {sentenceOf(its)}</p>}
      {its && <Found its={its} />}
      <Actions report={whole} />
      {its && (
        <Fold name="statistics" title={t('result.statistics')} isCard={false} isOpen={isWide.value}>
          {its.profile === 'gonka' ? <Binomial its={its} /> : <Digests its={its} />}
        </Fold>
      )}
    </section>
  );
}

/** Every submission with its verdict; one is shown below. */
function Submissions() {
  const all = opened.value!.submissions;
  return (
    <ol class="submissions">
      {all.map(({ participant, publicKey, place }, i) => {
        const its = judgedOf(i);
        return (
          <li>
            <button type="button" class="plain" aria-pressed={i === chosen.value} onClick={() => void choose(i)}>
              <span class={`dot ${its?.verdict ?? 'unchecked'}`} aria-hidden="true" />
              <span><strong>{its ? wordOf(its) : t('verdict.unchecked')}</strong> · <bdi>{shown(participant ?? ends(publicKey), 40)}</bdi> · {shown(place, 40)}{its && <> · {countsOf(its)}</>}</span>
            </button>
          </li>
        );
      })}
    </ol>
  );
}

/** What it rests on, and what to make of it. */
function Found({ its }: { its: Judged }) {
  const isSmall = its.verdict === 'inconclusive' && its.nChecked < its.nClaimed;
  return (
    <>
      {its.unconfirmed.length > 0 && its.verdict !== 'fraud' && (
        <p class="notice open">{t('verdict.unconfirmed.why', { names: its.unconfirmed.map((name) => t(`part.${name}`)).join(', ') })}</p>
      )}
      {isSmall && (
        <div class="notice unsure">
          <p>{t('verdict.more')}</p>
          <button type="button" onClick={() => { setSample(Math.max(constants.value!.sample, its.nChecked * 2)); redraw(); void run(); }}>{t('verdict.more.do')}</button>
        </div>
      )}
      {its.evidence.nothingAgrees && its.profile === 'gonka' && <p class="notice unsure">{t('hint.context.gonka', { mean: count(its.evidence.advisory.meanRecomputed ?? 0, { maximumFractionDigits: 4 }) })}</p>}
      {its.profile === 'gonka' && its.verdict !== 'fraud' && !its.evidence.advisory.isWithinHardwareNoise && <p class="notice unsure">{t('hint.noise', { max: probability(its.evidence.advisory.maxError ?? 0) })}</p>}
      {its.hints.length > 0 && <p class="notice unsure break"><strong>{t('hint.spelling')}</strong> <span lang="en">{its.hints.map((hint) => shown(hint, 600)).join('; ')}</span></p>}
      <Basis its={its} />
      {its.profile === 'gonka' && its.verdict !== 'fraud' && <p class="quiet small">{t('verdict.limits')} <a href={linkTo('learn')}>{t('verdict.limits.more')}</a></p>}
    </>
  );
}

function Basis({ its }: { its: Judged }) {
  const { sources, preset, profile } = its;
  const blockSource = sources.blockHash === 'verifier' && isNodesHash.value ? 'node' : sources.blockHash;
  return (
    <dl class="basis" aria-label={t('result.basis')}>
      <div><dt>{t('context.blockHash')}</dt><dd><code title={shown(its.blockHash, 260)}>{ends(its.blockHash)}</code> <Origin name={blockSource} /></dd></div>
      <div><dt>{t('context.publicKey')}</dt><dd><code title={shown(its.publicKey, 260)}>{ends(its.publicKey)}</code> <Origin name={sources.publicKey} /></dd></div>
      <div><dt>{t('context.params')}</dt><dd>{profile}: {preset ?? t('result.ownSizes')} <Origin name={sources.params} /></dd></div>
      {its.profile === 'gonka' && <div><dt>{t('context.radius')}</dt><dd><span class="mono" title={String(its.rule.rTarget)}>{count(its.rule.rTarget, { maximumFractionDigits: 6 })}</span> <Origin name={sources.rule} /></dd></div>}
      <div><dt>{t('result.sample')}</dt><dd>{t('run.of', { done: its.nChecked, total: its.nClaimed })} <Origin name={its.sampleSource} /></dd></div>
      <div><dt>{t('setup.engine')}</dt><dd>{engineUsed.value ? engineName(engineUsed.value) : shown(`${its.engine.engine} ${its.engine.device}`)}</dd></div>
    </dl>
  );
}

/** Shapes that tell the verdicts apart without their colours. */
function Icon({ verdict }: { verdict: Report['verdict'] }) {
  const tick = 'M13 24.500l7.500 7.500L35.500 16.500';
  const path = {
    honest: tick,
    unconfirmed: tick,
    fraud: 'M16 16l16 16M32 16L16 32',
    inconclusive: 'M18 19a6 6 0 1 1 8 5.600c-1.300.600-2 1.500-2 3.400M24 33.500v.100',
    incomplete: 'M24 12v24M24 12a12 12 0 0 1 0 24',
    refused: 'M14 24h20',
  }[verdict];
  return (
    <svg class="verdict-icon" viewBox="0 0 48 48" aria-hidden="true">
      <circle cx="24" cy="24" r="22" />
      <path d={path} />
    </svg>
  );
}

type Of<P> = Extract<Judged, { profile: P }>;

function Binomial({ its }: { its: Of<'gonka'> }) {
  const { nChecked: n, nBad: bad } = its;
  const { probabilityHonest, advisory } = its.evidence;
  const p = probability(probabilityHonest);
  const threshold = probability(its.rule.fraudThreshold);
  return (
    <>
      <dl class="facts">
        <div><dt>{t('result.checked')}</dt><dd>{t('run.of', { done: n, total: its.nClaimed })}</dd></div>
        <div><dt>{t('result.bad')}</dt><dd>{bad}</dd></div>
        <div><dt>{t('result.p')}</dt><dd>{p}</dd></div>
        <div><dt>{t('result.threshold')}</dt><dd>{threshold}</dd></div>
        <div><dt>{t('context.radius')}</dt><dd class="mono">{its.rule.rTarget}</dd></div>
        <div><dt>{t('result.rate')}</dt><dd>{percent(its.winRate, 2)}</dd></div>
        <div><dt>{t('result.rms')}</dt><dd>{advisory.rmsError === null ? '–' : probability(advisory.rmsError)}</dd></div>
        {its.sampleSeed !== null && <div><dt>{t('result.seed')}</dt><dd class="mono break" data-seed>{its.sampleSeed}</dd></div>}
      </dl>
      <p class="quiet">{t('result.test', { n, bad, rate: percent(constants.value!.probabilityMismatch, 2), p, threshold })}</p>
    </>
  );
}

function Digests({ its }: { its: Of<'exact'> }) {
  const { fault, falseShareBound } = its.evidence;
  return (
    <>
      <dl class="facts">
        <div><dt>{t('result.checked')}</dt><dd>{t('run.of', { done: its.nChecked, total: its.nClaimed })}</dd></div>
        <div><dt>{t('result.false')}</dt><dd>{its.nBad}</dd></div>
        <div><dt>{t('result.rate')}</dt><dd>{percent(its.winRate, 2)}</dd></div>
        {falseShareBound !== null && <div><dt>{t('result.bound')}</dt><dd>{percent(falseShareBound, 2)}</dd></div>}
        {its.sampleSeed !== null && <div><dt>{t('result.seed')}</dt><dd class="mono break" data-seed>{its.sampleSeed}</dd></div>}
      </dl>
      {fault && columns.value && (
        <div class="fault">
          <h3>{t('fault.title', { nonce: fault.nonce })}</h3>
          <p>{t(fault.code === 'digest' ? 'fault.digest' : 'fault.lost')}</p>
          <DigestPair claimed={digestAt(columns.value.claimedDigests, fault.index)} computed={digestAt(columns.value.digests, fault.index)} />
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

function Actions({ report: its }: { report: Report }) {
  const told = useSignal('');
  const copy = async (text: string | null) => {
    if (text === null) {
      told.value = t('action.tooLong');
      return;
    }
    try {
      await navigator.clipboard.writeText(text);
      told.value = t('action.copied');
    } catch {
      told.value = t('action.noClipboard');
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
      <button type="button" onClick={() => void copy(textOf(its))}>{t('action.copy')}</button>
      <button type="button" onClick={() => void download()}>{t('action.json')}</button>
      <button type="button" onClick={() => void share()}>{t('action.share')}</button>
      <span role="status" class="quiet">{told.value}</span>
    </div>
  );
}

async function download() {
  const url = URL.createObjectURL(await theDesk().reportJson());
  const link = Object.assign(document.createElement('a'), { href: url, download: 'sphere-pow-report.json' });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
