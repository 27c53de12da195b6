// What the element shows: status, progress, verdict, and the nonces behind it.

import type { BatchReport, NonceResult, Progress, State } from 'sphere-pow/slim';
import { MissingContext, NoProof, Unreachable, type Verdict } from './check.ts';
import { say, type Key, type Language } from './strings.ts';

export type Status =
  | { name: 'idle' }
  | { name: 'running'; progress: Progress | null }
  | { name: 'done'; verdict: Verdict }
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
  const tone = status.name === 'done' ? status.verdict.state : status.name === 'failed' ? 'inconclusive' : 'none';
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
      {status.name === 'done' && <Reports reports={status.verdict.reports} language={language} />}
    </section>
  );
}

/** A mark whose shape alone tells the states apart. */
function Icon({ tone }: { tone: State | 'none' }) {
  const shapes = {
    valid: <path d="M7 12.500l3.500 3.500 6.500-7.500" />,
    invalid: <path d="M8 8l8 8m0-8l-8 8" />,
    inconclusive: <path d="M12 7v6.500m0 3v.5" />,
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
      const { state, reports } = status.verdict;
      return (
        <>
          <p><strong class="state">{t(state)}</strong></p>
          {reports.length > 1 ? <p>{t('proofs', tally(reports, language))}</p> : reports.map((report) => <Finding report={report} language={language} />)}
        </>
      );
    }
  }
}

/** How many proofs ended how. */
function tally(reports: BatchReport[], language: Language) {
  const ended = (state: State) => numbers(language).format(reports.filter((report) => report.state === state).length);
  return { all: numbers(language).format(reports.length), valid: ended('valid'), invalid: ended('invalid'), inconclusive: ended('inconclusive') };
}

function Finding({ report, language }: { report: BatchReport; language: Language }) {
  return <p>{verdictText(report, language)} <span class="quiet">{hintOf(report, language)}</span></p>;
}

function failureText(error: Error, t: (key: Key, values?: Record<string, string>) => string): string {
  if (error instanceof MissingContext) return t('missing', { names: error.attributes.join(', ') });
  if (error instanceof NoProof) return t('empty');
  if (error instanceof Unreachable) return t('unreachable', { status: error.status });
  return error.message;
}

function verdictText(report: BatchReport, language: Language): string {
  const number = numbers(language);
  const [checked, bad, claimed] = countsOf(report).map((n) => number.format(n)) as [string, string, string];
  const key: Key =
    report.state === 'valid' ? (bad === '0' ? 'validText' : 'validFewText')
    : report.state === 'invalid' ? 'invalidText'
    : bad === '0' && report.profile === 'exact' ? 'sampledText'
    : 'inconclusiveText';
  return say(language, key, { checked, bad, claimed });
}

/** A likely cause, or the first false claim. */
function hintOf(report: BatchReport, language: Language): string | null {
  if (report.profile === 'exact') {
    const { fault } = report;
    return fault && say(language, fault.code === 'digest' ? 'faultDigest' : 'faultNotWon', { nonce: fault.nonce });
  }
  const { looksLikeWrongContext, isWithinHardwareNoise } = report.advisory;
  return looksLikeWrongContext ? say(language, 'wrongContext') : isWithinHardwareNoise ? null : say(language, 'otherClaims');
}

/** Nonces checked, bad ones of these, nonces claimed. */
function countsOf(report: BatchReport): [number, number, number] {
  const { nChecked, nInvalid } = report.profile === 'gonka' ? report.verdict : report;
  return [nChecked, nInvalid, report.nClaimed];
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

/** One report as it is; of several, each to be opened, the false ones first. */
function Reports({ reports, language }: { reports: BatchReport[]; language: Language }) {
  if (reports.length === 1) return reports.map((report) => <Report report={report} language={language} />);
  const order: State[] = ['invalid', 'inconclusive', 'valid'];
  const sorted = [...reports].sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state));
  const number = numbers(language);
  return (
    <div class="reports">
      {reports.length > ROWS && <p class="quiet">{say(language, 'firstProofs', { shown: number.format(ROWS), total: number.format(reports.length) })}</p>}
      {sorted.slice(0, ROWS).map((report) => (
        <details class={report.state} part="report">
          <summary><strong class="tone">{say(language, report.state)}</strong> <code>{report.publicKey}</code></summary>
          <Finding report={report} language={language} />
          <Report report={report} language={language} />
        </details>
      ))}
    </div>
  );
}

function Report({ report, language }: { report: BatchReport; language: Language }) {
  const number = numbers(language);
  const [checked, bad, claimed] = countsOf(report).map((n) => number.format(n)) as [string, string, string];
  const facts: [Key, string][] = [
    ['profile', report.profile],
    ['claimed', claimed],
    ['checked', checked],
    ['bad', bad],
    ...(report.profile === 'gonka' ? [['probability', shortNumber(report.verdict.probabilityHonest)] as [Key, string]] : []),
    ['publicKey', report.publicKey],
    ['blockHash', report.blockHash],
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

function Nonces({ results, language }: { results: readonly NonceResult[]; language: Language }) {
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

function Row({ result, language }: { result: NonceResult; language: Language }) {
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
