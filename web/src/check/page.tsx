// The page that checks a proof: inputs, then what it is held against and costs, the run, the verdict.

import { useEffect } from 'preact/hooks';
import { t } from '../i18n.ts';
import { route } from '../router.ts';
import { Inputs } from './inputs.tsx';
import { ProofCard } from './proof.tsx';
import { ResultCard } from './result.tsx';
import { RunCard } from './run.tsx';
import { isReading, openLink, opened, problem, reset, source, stage } from './session.ts';
import { Setup } from './setup.tsx';
import { Trouble } from './trouble.tsx';
import './check.css';

export function CheckPage() {
  const { query } = route.value;
  useEffect(() => {
    const link = new URLSearchParams(query).get('p');
    if (link) void openLink(link);
  }, [query]);
  return stage.value === 'input' ? <Landing /> : <Check />;
}

function Landing() {
  return (
    <>
      <div class="lead">
        <h1>{t('check.headline')}</h1>
        <p>{t('check.lead')}</p>
      </div>
      {problem.value && <Trouble problem={problem.value} />}
      <p class="hidden" role="status">{isReading.value ? t('check.reading') : ''}</p>
      <Inputs />
    </>
  );
}

function Check() {
  return (
    <div class="stack">
      <div class="row spread">
        <h1 class="small" tabIndex={-1}>{t('check.title')}</h1>
        <button type="button" onClick={startOver}>{t('check.another')}</button>
      </div>
      {problem.value && <Trouble problem={problem.value} />}
      {/* The verdict comes first once it is there. */}
      {stage.value === 'done' && <ResultCard key="result" />}
      {opened.value && <ProofCard key="proof" opened={opened.value} source={source.value} />}
      {stage.value !== 'running' && <Setup key="setup" />}
      <RunCard key="run" />
      {stage.value !== 'done' && <ResultCard key="result" />}
    </div>
  );
}

function startOver() {
  reset();
  if (location.hash.includes('?')) location.hash = '#/check';
  document.getElementById('main')?.focus();
}
