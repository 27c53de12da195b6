// "Training": a run's loss, rounds and lanes, and segments of it repeated in this browser, to the bit.

import { t } from '../i18n.ts';
import { shown } from '../shown.ts';
import { Checks, Running } from './checks.tsx';
import { Files } from './files.tsx';
import { Run } from './run.tsx';
import { SAMPLES, checkSample, journal, problem } from './session.ts';
import '../styles/data.css';
import './training.css';

export default function TrainingPage() {
  return (
    <div class="training">
      <h1>{t('training.title')}</h1>
      <p class="lead">{t('training.lead')}</p>
      <Samples />
      <Files />
      {problem.value && <p class="notice bad break" role="alert"><span lang="en">{shown(problem.value, 400)}</span></p>}
      <Running />
      <Checks />
      {journal.value && <Run journal={journal.value} />}
    </div>
  );
}

function Samples() {
  return (
    <section class="card" aria-labelledby="training-samples">
      <h2 id="training-samples">{t('training.samples')}</h2>
      <p class="quiet">{t('training.samples.help')}</p>
      <ul class="samples">
        {SAMPLES.map((name) => (
          <li>
            <button type="button" class={name === 'honest' ? 'primary' : ''} data-sample={name} aria-describedby={`training-${name}`} onClick={() => void checkSample(name)}>
              {t(`training.sample.${name}`)}
            </button>
            <span class="quiet small" id={`training-${name}`}>{t(`training.sample.${name}.what`)}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
