// The shell: header, the page that the fragment names, footer.

import { CheckPage } from './check/page.tsx';
import { stage } from './check/session.ts';
import { LANGUAGES, LANGUAGE_NAMES, choose, language, t, type Language } from './i18n.ts';
import { lazy } from './lazy.tsx';
import { PROOF, linkTo, route, type Page } from './router.ts';
import { THEMES, theme, type Theme } from './theme.ts';

const PAGES: readonly Page[] = ['check', 'commitment', 'network', 'training', 'learn'];
const TranscriptPage = lazy<object>(import.meta.glob('./transcript/index.tsx')['./transcript/index.tsx']);
const NetworkPage = lazy<object>(import.meta.glob('./network/index.tsx')['./network/index.tsx']);
const TrainingPage = lazy<object>(import.meta.glob('./training/index.tsx')['./training/index.tsx']);
const LearnPage = lazy<object>(import.meta.glob('./teach/index.tsx')['./teach/index.tsx']);

const PAGE: Record<Page, () => preact.JSX.Element> = {
  check: () => <CheckPage />,
  commitment: () => <TranscriptPage />,
  network: () => <NetworkPage />,
  training: () => <TrainingPage />,
  learn: () => <LearnPage />,
};

export function App() {
  const { page } = route.value;
  return (
    <>
      <a class="skip" href="#main" onClick={skip}>{t('app.skip')}</a>
      <Header page={page} />
      <main id="main" tabIndex={-1}>{PAGE[page]()}</main>
      <footer class="site-footer">
        <p>{t('app.local')}</p>
      </footer>
    </>
  );
}

/** The fragment is the router's, so the link moves the focus itself. */
function skip(event: Event) {
  event.preventDefault();
  document.getElementById('main')?.focus();
}

function Header({ page }: { page: Page }) {
  return (
    <header class="site-header">
      <a class="brand" href={linkTo('check')}>
        <Mark />
        <span>sphere-pow</span>
      </a>
      <nav aria-label={t('app.pages')}>
        {PAGES.map((name) => (
          <a href={name === 'check' && stage.value !== 'input' ? PROOF : linkTo(name)} aria-current={name === page ? 'page' : undefined}>{t(`app.${name}`)}</a>
        ))}
      </nav>
      <div class="choices">
        <select aria-label={t('app.language')} value={language.value} onChange={(e) => choose(e.currentTarget.value as Language)}>
          {LANGUAGES.map((name) => <option value={name} lang={name}>{LANGUAGE_NAMES[name]}</option>)}
        </select>
        <select aria-label={t('app.theme')} value={theme.value} onChange={(e) => (theme.value = e.currentTarget.value as Theme)}>
          {THEMES.map((name) => <option value={name}>{t(`app.theme.${name}`)}</option>)}
        </select>
      </div>
    </header>
  );
}

/** A sphere with its cap of winning points. */
function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
      <circle cx="16" cy="16" r="13" />
      <path d="M8 5.800a13 13 0 0 1 16 0c-2.400 2.600-13.600 2.600-16 0z" />
      <circle class="point" cx="16" cy="16" r="2" />
    </svg>
  );
}
