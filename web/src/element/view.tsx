// What the element shows: status, progress, verdict, and the nonces behind it.

import type { Progress, Report as Whole, ReportVerdict, Result, SubmissionReport, Unjudged } from 'sphere-pow/slim';
import { ends, shown } from '../shown.ts';
import { MissingContext, NoProof, TimedOut, TooLarge, Unreachable } from './check.ts';
import { say, type Key, type Language } from './strings.ts';

export type Status =
  | { name: 'idle' }
  | { name: 'running'; progress: Progress | null }
  | { name: 'done'; report: Whole; seconds: number }
  | { name: 'failed'; error: Error }
  | { name: 'cancelled' };

interface ViewProps {
  language: Language;
  status: Status;
  onCheck: () => void;
  onCancel: () => void;
}

/** Rows of the lists of nonces and proofs: enough to see what is wrong, few enough to be a part of a page. */
const ROWS = 100;

export function View({ language, status, onCheck, onCancel }: ViewProps) {
  const t = (key: Key, values?: Record<string, string>) => say(language, key, values);
  const isRunning = status.name === 'running';
  const tone = status.name === 'done' ? status.report.verdict : status.name === 'failed' ? 'refused' : 'none';
  return (
    <section class={`box ${tone}`} part="box" lang={language} aria-label={t('title')} aria-busy={isRunning}>
      <header>
        <Icon tone={tone} />
        <div class="words">
          <p class="title" part="title">{t('title')}</p>
          <div role="status" part="status"><Words status={status} language={language} /></div>
        </div>
        <button type="button" part="button" onClick={isRunning ? onCancel : onCheck}>
          {t(isRunning ? 'cancel' : status.name === 'idle' ? 'check' : 'again')}
        </button>
      </header>
      {isRunning && <Bar progress={status.progress} language={language} />}
      {status.name === 'done' && <Reports report={status.report} language={language} />}
      {status.name === 'done' && <Rate status={status} language={language} />}
    </section>
  );
}

/** A mark whose shape alone tells the verdicts apart. */
function Icon({ tone }: { tone: ReportVerdict | 'none' }) {
  const tick = <path d="M7 12.500l3.500 3.500 6.500-7.500" />;
  const shapes = {
    honest: tick,
    unconfirmed: tick,
    fraud: <path d="M8 8l8 8m0-8l-8 8" />,
    inconclusive: <path d="M9.500 9.500a2.500 2.500 0 1 1 3.500 2.300c-.7.3-1 .8-1 1.700m0 3v.2" />,
    incomplete: <path d="M12 6v12a6 6 0 0 0 0-12" />,
    refused: <path d="M12 7v6.500m0 3v.5" />,
    none: <path d="M8 12h8" />,
  };
  return (
    <svg class="icon" part="icon" viewBox="0 0 24 24" aria-hidden="true">
      <circle cx="12" cy="12" r="10" />
      {shapes[tone]}
    </svg>
  );
}

function Words({ status, language }: { status: Status; language: Language }) {
  const t = (key: Key, values?: Record<string, string>) => say(language, key, values);
  switch (status.name) {
    case 'idle':
    case 'cancelled':
      return <p class="quiet">{t(status.name)}</p>;
    case 'running':
      return <p class="quiet">{t(status.progress ? status.progress.phase : 'loading')}</p>;
    case 'failed':
      return <p><strong>{t('failed')}</strong>: {failureText(status.error, t)}</p>;
    case 'done': {
      const { verdict, submissions, unjudged } = status.report;
      const [only] = submissions;
      const isOne = submissions.length === 1 && unjudged.length === 0;
      return (
        <>
          <p><strong class="state">{only && isOne ? wordOf(only, language) : t(verdict)}</strong></p>
          {only && isOne ? <Finding report={only} language={language} /> : <p>{tally(status.report, language)}</p>}
        </>
      );
    }
  }
}

/** Where nothing agrees, that is the word: others than the host may be to blame. */
function wordOf({ verdict, evidence }: SubmissionReport, language: Language): string {
  return say(language, evidence.nothingAgrees ? 'nothingAgrees' : verdict);
}

/** How many proofs ended how. */
function tally({ submissions, unjudged }: Whole, language: Language): string {
  const number = numbers(language);
  const counted = (['fraud', 'unconfirmed', 'inconclusive', 'honest'] as const).map((verdict) => [say(language, verdict), submissions.filter((one) => one.verdict === verdict).length] as const);
  const all = [...counted, [say(language, 'unjudged'), unjudged.length] as const].filter(([, n]) => n > 0);
  return `${say(language, 'proofs', { all: number.format(submissions.length + unjudged.length) })} ${all.map(([word, n]) => `${word}: ${number.format(n)}`).join(', ')}`;
}

function Finding({ report, language }: { report: SubmissionReport; language: Language }) {
  return <p>{verdictText(report, language)} <span class="quiet">{hintOf(report, language)}</span></p>;
}

function failureText(error: Error, t: (key: Key, values?: Record<string, string>) => string): string {
  if (error instanceof MissingContext) return t('missing', { names: error.attributes.join(', ') });
  if (error instanceof NoProof) return t('empty');
  if (error instanceof TooLarge) return t('tooLarge', { bytes: String(error.limit) });
  if (error instanceof TimedOut) return t('timedOut', { seconds: String(error.seconds) });
  if (error instanceof Unreachable) return t('unreachable', { status: error.status });
  return shown(error.message, 300);
}

function verdictText(report: SubmissionReport, language: Language): string {
  const number = numbers(language);
  const { nChecked, nBad, nClaimed, verdict } = report;
  const values = { checked: number.format(nChecked), bad: number.format(nBad), claimed: number.format(nClaimed) };
  if (report.evidence.nothingAgrees) return say(language, 'wrongContext', values);
  const key: Key =
    verdict === 'fraud' ? 'fraudText'
    : verdict === 'inconclusive' ? 'inconclusiveText'
    : nChecked < nClaimed ? 'sampledText'
    : nBad > 0 ? 'honestFewText'
    : 'honestText';
  return say(language, key, values);
}

/** What only the document says, a likely cause, or the first false claim. */
function hintOf(report: SubmissionReport, language: Language): string | null {
  const open = report.verdict === 'unconfirmed' ? say(language, 'unconfirmedText', { names: report.unconfirmed.map((name) => say(language, `part-${name}`)).join(', ') }) : null;
  if (open) return open;
  if (report.profile === 'exact') {
    const { fault, nothingAgrees } = report.evidence;
    return fault && !nothingAgrees ? say(language, fault.code === 'digest' ? 'faultDigest' : 'faultNotWon', { nonce: fault.nonce }) : null;
  }
  const { nothingAgrees, advisory } = report.evidence;
  return nothingAgrees || advisory.isWithinHardwareNoise ? null : say(language, 'otherClaims');
}

const numbers = (language: Language) => new Intl.NumberFormat(language);

function Bar({ progress, language }: { progress: Progress | null; language: Language }) {
  const percent = new Intl.NumberFormat(language, { style: 'percent' });
  const seconds = new Intl.NumberFormat(language, { style: 'unit', unit: 'second', maximumFractionDigits: 0 });
  const number = numbers(language);
  const values = progress && { done: number.format(progress.done), total: number.format(progress.total) };
  return (
    <div class="progress">
      <progress part="progress" aria-label={say(language, 'progress')} max={1} value={progress ? progress.fraction : undefined} />
      <p class="quiet" aria-hidden="true">
        {values && progress && `${percent.format(progress.fraction)} · ${say(language, 'running', values)}`}
        {progress?.eta != null && ` · ${say(language, 'left', { time: seconds.format(Math.ceil(progress.eta)) })}`}
      </p>
    </div>
  );
}

/** How fast nonces were recomputed, on what. */
function Rate({ status: { report, seconds }, language }: { status: Status & { name: 'done' }; language: Language }) {
  const checked = report.submissions.reduce((sum, { nChecked }) => sum + nChecked, 0);
  const device = report.submissions[0]?.engine.device;
  if (checked === 0 || seconds === 0) return null;
  const number = new Intl.NumberFormat(language, { maximumSignificantDigits: 3 });
  return <p class="quiet" part="rate">{say(language, 'rate', { n: number.format(checked / seconds), device: shown(device ?? '', 80) })}</p>;
}

/** One report as it is; of several, each to be opened, the false ones first. */
function Reports({ report: { submissions, unjudged }, language }: { report: Whole; language: Language }) {
  const [only] = submissions;
  if (only && submissions.length === 1 && unjudged.length === 0) return <Report report={only} language={language} />;
  const order = ['fraud', 'unconfirmed', 'inconclusive', 'honest'];
  const sorted = [...submissions].sort((a, b) => order.indexOf(a.verdict) - order.indexOf(b.verdict));
  const number = numbers(language);
  return (
    <div class="reports">
      {submissions.length > ROWS && <p class="quiet">{say(language, 'firstProofs', { shown: number.format(ROWS), total: number.format(submissions.length) })}</p>}
      {sorted.slice(0, ROWS).map((report) => (
        <details class={report.verdict} part="report">
          <summary><strong class="tone">{wordOf(report, language)}</strong> <bdi><code>{shown(report.participant ?? ends(report.publicKey))}</code></bdi></summary>
          <Finding report={report} language={language} />
          <Report report={report} language={language} />
        </details>
      ))}
      <Unjudgeds parts={unjudged} language={language} />
    </div>
  );
}

/** What could not be judged, and why. */
function Unjudgeds({ parts, language }: { parts: readonly Unjudged[]; language: Language }) {
  if (parts.length === 0) return null;
  return (
    <ul part="unjudged">
      {parts.slice(0, ROWS).map(({ place, participant, message }) => (
        <li>{say(language, 'unjudged')}: <code>{shown(place, 120)}</code> {participant && <bdi>({shown(participant)})</bdi>} <span lang="en">{shown(message, 300)}</span></li>
      ))}
    </ul>
  );
}

function Report({ report, language }: { report: SubmissionReport; language: Language }) {
  const number = numbers(language);
  const facts: [Key, string][] = [
    ['profile', report.profile],
    ['model', `${report.preset ?? say(language, 'ownSizes')} (${say(language, `from-${report.sources.params}`)})`],
    ...(report.profile === 'gonka' ? [['radius', `${report.rule.rTarget} (${say(language, `from-${report.sources.rule}`)})`] as [Key, string]] : []),
    ['claimed', number.format(report.nClaimed)],
    ['checked', number.format(report.nChecked)],
    ['bad', number.format(report.nBad)],
    ...(report.profile === 'gonka' ? [['probability', shortNumber(report.evidence.probabilityHonest)] as [Key, string]] : []),
    ['publicKey', `${shown(report.publicKey, 260)} (${say(language, `from-${report.sources.publicKey}`)})`],
    ['blockHash', `${shown(report.blockHash, 260)} (${say(language, `from-${report.sources.blockHash}`)})`],
  ];
  return (
    <>
      <dl part="facts">
        {facts.map(([key, value]) => (
          <div class={value.length > 40 ? 'wide' : ''}>
            <dt>{say(language, key)}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <Nonces results={report.results} language={language} />
    </>
  );
}

function Nonces({ results, language }: { results: readonly Result[]; language: Language }) {
  const t = (key: Key, values?: Record<string, string>) => say(language, key, values);
  const sorted = [...results].sort((a, b) => Number(a.valid) - Number(b.valid) || a.index - b.index);
  const number = numbers(language);
  const columns: Key[] = ['nonce', 'claim', 'recomputed', 'holds'];
  return (
    <details part="nonces">
      <summary>{t('nonces')}</summary>
      {results.length > ROWS && <p class="quiet">{t('first', { shown: number.format(ROWS), total: number.format(results.length) })}</p>}
      <div class="scroll" tabIndex={0} role="group" aria-label={t('nonces')}>
        <table>
          <thead><tr>{columns.map((key) => <th scope="col">{t(key)}</th>)}</tr></thead>
          <tbody>{sorted.slice(0, ROWS).map((result) => <Row key={result.index} result={result} language={language} />)}</tbody>
        </table>
      </div>
    </details>
  );
}

function Row({ result, language }: { result: Result; language: Language }) {
  const [claimed, recomputed] =
    'claimedDigest' in result
      ? [`${result.claimedDigest.slice(0, 12)}…`, `${result.digest.slice(0, 12)}…`]
      : [result.claimed.toFixed(6), result.recomputed?.toFixed(6) ?? 'NaN'];
  return (
    <tr class={result.valid ? '' : 'bad'}>
      <td>{result.nonce}</td>
      <td>{claimed}</td>
      <td>{recomputed}</td>
      <td>{say(language, result.valid ? 'yes' : 'no')}</td>
    </tr>
  );
}

function shortNumber(value: number): string {
  return value === 0 || value >= 1e-3 ? `${Number(value.toPrecision(3))}` : value.toExponential(1);
}
