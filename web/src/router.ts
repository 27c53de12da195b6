// Pages by fragment: `#/check`, `#/learn`; what follows a `?` is the page's. Any static host serves them.

import { signal } from '@preact/signals';

export type Page = 'check' | 'learn';

export interface Route {
  page: Page;
  /** The text after `?`, as it stands. */
  query: string;
}

function read(): Route {
  const [path = '', ...rest] = location.hash.replace(/^#\/?/, '').split('?');
  return { page: path === 'learn' ? 'learn' : 'check', query: rest.join('?') };
}

export const route = signal<Route>(read());

addEventListener('hashchange', () => {
  route.value = read();
});

export function linkTo(page: Page): string {
  return `#/${page}`;
}
