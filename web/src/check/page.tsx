// The page that checks a proof: inputs, then what is expected of it and what it costs, the run, the verdict.

import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { t } from '../i18n.ts';
import { linkTo, route } from '../router.ts';
import { Fold } from './fold.tsx';
import { Hero } from './hero.tsx';
import { Inputs } from './inputs.tsx';
import { ProofCard } from './proof.tsx';
import { ResultCard } from './result.tsx';
import { RunCard } from './run.tsx';
import { openLink, reopen, reset, startOver } from './opening.ts';
import { opened, problem, stage } from './session.ts';
import { Setup } from './setup.tsx';
import { Trouble } from './trouble.tsx';
import './check.css';
import './hero.css';
import './verdict.css';

export function CheckPage() {
  const { query, isProof } = route.value;
  useEffect(() => {
    const link = new URLSearchParams(query).get('p');
    if (link) void openLink(link);
    else if (!isProof && stage.value !== 'input') reset();
    else if (isProof && stage.value === 'input') {
      void reopen().then((isOpen) => {
        if (!isOpen) history.replaceState(null, '', linkTo('check'));
      });
    }
  }, [query, isProof]);
  return stage.value === 'input' ? <Landing /> : <Check />;
}

function Landing() {
  return (
    <>
      <Hero />
      {problem.value && <Trouble problem={problem.value} isFocused />}
      <Inputs />
    </>
  );
}

function Check() {
  const heading = useRef<HTMLHeadingElement>(null);
  // What had the focus is gone with the inputs.
  useLayoutEffect(() => heading.current?.focus(), []);
  const isDone = stage.value === 'done';
  return (
    <div class="stack">
      <div class="row spread">
        <h1 class="small" tabIndex={-1} ref={heading}>{t('check.title')}</h1>
        <button type="button" onClick={again}>{t('check.another')}</button>
      </div>
      {problem.value && <Trouble problem={problem.value} />}
      {/* The verdict comes first once it is there. */}
      {isDone && <ResultCard key="result" />}
      {opened.value && (isDone ? <Fold key="proof-fold" name="proof" title={t('proof.title')}><ProofCard opened={opened.value} isBare /></Fold> : <ProofCard key="proof" opened={opened.value} />)}
      {stage.value !== 'running' && (isDone ? <Fold key="setup-fold" name="setup" title={t('setup.other')}><Setup isBare /></Fold> : <Setup key="setup" />)}
      <RunCard key="run" />
      {!isDone && <ResultCard key="result" />}
    </div>
  );
}

function again() {
  startOver();
  document.getElementById('main')?.focus();
}
