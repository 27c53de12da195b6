// The entry: the shell, on the page that the fragment names.

import { render } from 'preact';
import { App } from './app.tsx';
import { followLanguage } from './i18n.ts';
import { keepOffline } from './offline.ts';
import { followTheme } from './theme.ts';

followTheme();
followLanguage();
render(<App />, document.getElementById('app')!);
keepOffline();
