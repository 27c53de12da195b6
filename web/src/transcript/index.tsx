// "All work of a host": a commitment and what was opened of it, checked step by step.

import { useRef } from 'preact/hooks';
import { t } from '../i18n.ts';
import { Verdict } from './verdict.tsx';
import { Running } from './running.tsx';
import { SAMPLES, checkFiles, checkSample, expected, files, forgetSample, isRunning, problem, progress, report, type Expected, type Problem } from './session.ts';
import { reasonOf } from '../check/trouble.tsx';
import { shown } from '../shown.ts';
import type { Key } from '../strings.ts';
import '../styles/data.css';
import './transcript.css';

export default function TranscriptPage() {
  return (
    <div class="whole">
      <h1>{t('whole.title')}</h1>
      <p class="lead">{t('whole.lead')}</p>
      <Samples />
      <Files />
      {problem.value && <Trouble problem={problem.value} />}
      {(isRunning.value || (progress.value && !report.value)) && <Running />}
      {report.value && <Verdict report={report.value} />}
    </div>
  );
}

function Samples() {
  return (
    <section class="card" aria-labelledby="whole-samples">
      <h2 id="whole-samples">{t('whole.samples')}</h2>
      <p class="quiet">{t('whole.samples.help')}</p>
      <ul class="samples">
        {SAMPLES.map((name) => (
          <li>
            <button type="button" class={name === 'honest' ? 'primary' : ''} data-sample={name} aria-describedby={`whole-${name}`} onClick={() => void checkSample(name)}>
              {t(`whole.sample.${name}`)}
            </button>
            <span class="quiet small" id={`whole-${name}`}>{t(`whole.sample.${name}.what`)}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Files() {
  const { commitment, openings } = files.value;
  const submit = (event: Event) => {
    event.preventDefault();
    void checkFiles();
  };
  return (
    <section class="card" aria-labelledby="whole-files">
      <h2 id="whole-files">{t('whole.files')}</h2>
      <p class="quiet">{t('whole.files.help')}</p>
      <form onSubmit={submit}>
        <div class="fields">
          <FileField name="commitment" />
          <FileField name="openings" />
          <Field name="beacon" label="whole.beacon" help="whole.beacon.help" isWide />
        </div>
        <details class="more">
          <summary>{t('whole.expected')}</summary>
          <div class="fields">
            <Field name="samples" label="whole.stepsWanted" isNumber />
            <Field name="params" label="whole.model" />
            <Field name="blockHash" label="whole.blockHash" isWide />
            <Field name="publicKey" label="whole.publicKey" isWide />
          </div>
        </details>
        <button type="submit" class={commitment && openings ? 'primary' : ''} disabled={!commitment || !openings}>{t('whole.check')}</button>
      </form>
    </section>
  );
}

function FileField({ name }: { name: 'commitment' | 'openings' }) {
  const input = useRef<HTMLInputElement>(null);
  const pick = () => {
    forgetSample();
    files.value = { ...files.value, [name]: input.current!.files?.[0] ?? null };
  };
  return (
    <div class="field">
      <label for={`whole-${name}`}>{t(`whole.${name}`)}</label>
      <input ref={input} id={`whole-${name}`} type="file" onChange={pick} />
    </div>
  );
}

interface FieldProps {
  name: keyof Expected;
  label: Key;
  help?: Key;
  isNumber?: boolean;
  isWide?: boolean;
}

function Field({ name, label, help, isNumber = false, isWide = false }: FieldProps) {
  const id = `whole-expected-${name}`;
  return (
    <div class={`field ${isWide ? 'wide' : ''}`}>
      <label for={id}>{t(label)}</label>
      <input
        id={id}
        inputMode={isNumber ? 'numeric' : 'text'}
        value={expected.value[name]}
        autocomplete="off"
        spellcheck={false}
        aria-describedby={help && `${id}-help`}
        onInput={(event) => (expected.value = { ...expected.value, [name]: event.currentTarget.value.trim() })}
      />
      {help && <p class="help" id={`${id}-help`}>{t(help)}</p>}
    </div>
  );
}

function Trouble({ problem: { reason, place, detail } }: { problem: Problem }) {
  const why = reason === null ? null : reasonOf(reason);
  const where = place === 'commitment' || place === 'openings' ? `${t(`whole.${place}`)}: ` : '';
  return (
    <div class="notice bad" role="alert">
      <p><strong>{t('whole.trouble')}</strong></p>
      {why && <p>{where}{why}</p>}
      <p class="quiet break" lang="en">{shown(detail, 400)}</p>
    </div>
  );
}
