// What is being repeated, and what came of what was: the verdict, what it rests on, how others repeat it.

import { duration, percent, t } from '../i18n.ts';
import { ends, shown } from '../shown.ts';
import { SAMPLE, checks, files, params, running, stop, type Check } from './session.ts';

const NOTICE = { honest: 'good', unconfirmed: 'open', unopened: 'unsure', fraud: 'bad' } as const;
/** Checks shown. */
const SHOWN = 50;

/** The button goes, so the focus goes elsewhere. */
function onStop() {
  stop();
  document.getElementById('main')?.focus();
}

export function Running() {
  const { value: now } = running;
  if (!now) return null;
  const { name, fraction, eta } = now;
  return (
    <section class="card" aria-labelledby="training-running" aria-busy="true">
      <div class="row spread">
        <h2 id="training-running">{t('training.running')}</h2>
        <button type="button" onClick={onStop}>{t('whole.stop')}</button>
      </div>
      <progress max={1} value={fraction} aria-label={t('training.running')} aria-valuetext={percent(fraction, 0)} />
      <p class="quiet break">{shown(name, 100)}{eta !== null && ` · ${t('whole.eta', { time: duration(eta) })}`}</p>
    </section>
  );
}

export function Checks() {
  const { value: all } = checks;
  return (
    <div role="status">
      {all.length > 0 && (
        <section class="card" aria-labelledby="training-checks">
          <h2 id="training-checks">{t('training.checks')}</h2>
          <ul class="checks">{all.slice(0, SHOWN).map((check) => <One key={check.id} check={check} />)}</ul>
          {all.length > SHOWN && <p class="quiet">{t('training.more.checks', { count: all.length - SHOWN })}</p>}
        </section>
      )}
    </div>
  );
}

function One({ check: { name, report, isOwn } }: { check: Check }) {
  const { verdict, round, lane, segment, steps, byTheOpening, root, seed } = report;
  const names = byTheOpening.map((part) => t(`training.part.${part}`)).join(', ');
  return (
    <li data-verdict={verdict} data-own={isOwn}>
      <div class={`notice ${NOTICE[verdict]}`}>
        <h3>{t(`training.verdict.${verdict}`)}</h3>
        <p>{t('training.place', { round, lane, segment })} {t(`training.verdict.${verdict}.why`, { steps })}</p>
        {byTheOpening.length > 0 && <p>{t('training.byTheOpening', { names })}</p>}
        {!isOwn && <p>{t('training.reported')}</p>}
      </div>
      <p class="quiet small break">
        {shown(name, 100)} · {t('training.part.root')} <code title={root}>{ends(root)}</code> · {t('training.part.seed')} <code title={seed}>{ends(seed)}</code>
      </p>
      {isOwn && <Repeat name={name} root={byTheOpening.includes('root') ? null : root} seed={byTheOpening.includes('seed') ? null : seed} />}
    </li>
  );
}

/** How others see the same. */
function Repeat({ name, root, seed }: { name: string; root: string | null; seed: string | null }) {
  const isSample = Object.values<string>(SAMPLE.openings).includes(name);
  const text = isSample ? SAMPLE.text : (files.value.text?.name ?? 'TEXT');
  const start = files.value.start && !isSample ? ` --start ${quoted(files.value.start.name)}` : '';
  const known = `${root === null ? '' : ` --root ${root}`}${seed === null ? '' : ` --seed ${seed}`}${start}`;
  return (
    <details>
      <summary>{t('training.repeat')}</summary>
      <pre class="command" tabIndex={0}><code>{`sphere-pow train check ${quoted(name)} --params ${params.value} --text ${quoted(text)}${known}`}</code></pre>
      {isSample && (
        <p class="quiet small row">
          {[name, text, SAMPLE.run].map((file) => <a href={`samples/${file}`} download={file}>{file}</a>)}
        </p>
      )}
    </details>
  );
}

/** A word for a shell. */
function quoted(word: string): string {
  const seen = shown(word, 300);
  return /^[\w./-]+$/.test(seen) ? seen : `'${seen.replaceAll("'", String.raw`'\''`)}'`;
}
