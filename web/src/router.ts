// Pages by fragment: `#/check`, `#/commitment`, `#/network`, `#/training`, `#/learn`; what follows a `?` is the page's. Any static host serves them.

import { signal } from '@preact/signals';

const PAGES = ['check', 'commitment', 'network', 'training', 'learn'] as const;
export type Page = (typeof PAGES)[number];

export interface Route {
  page: Page;
  /** A proof is open: `#/check/proof`, or a link that holds one. */
  isProof: boolean;
  /** The text after `?`, as it stands. */
  query: string;
}

/** An open proof. */
export const PROOF = '#/check/proof';

function read(): Route {
  const [path = '', ...rest] = location.hash.replace(/^#\/?/, '').split('?');
  const [page, part] = path.split('/');
  const query = rest.join('?');
  return { page: PAGES.find((name) => name === page) ?? 'check', isProof: part === 'proof' || new URLSearchParams(query).has('p'), query };
}

export const route = signal<Route>(read());

const follow = () => {
  route.value = read();
};
addEventListener('hashchange', follow);

export function linkTo(page: Page): string {
  return `#/${page}`;
}

/** An entry of its own in the history for an open proof, so that the browser's Back leads to the inputs. */
export function enterProof(): void {
  if (route.value.isProof || route.value.page !== 'check') return;
  history.pushState(null, '', PROOF);
  follow();
}

/** Away from an open proof, by an entry of its own too. */
export function leaveProof(): void {
  if (!route.value.isProof) return;
  history.pushState(null, '', linkTo('check'));
  follow();
}
