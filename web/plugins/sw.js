// The build puts the names of its files and a hash of their contents here (plugins/offline.ts).
const VERSION = 'VERSION';
const FILES = ['FILES'];
const LATER = ['LATER'];

const PREFIX = `sphere-pow ${self.registration.scope} `;
const NAME = PREFIX + VERSION;

self.addEventListener('install', (event) => {
  event.waitUntil(keep());
});

/** All or nothing. A newer build waits until the pages of the older one are closed, as these may still need its files. What
 * the browser's own cache has may be older. */
async function keep() {
  const cache = await caches.open(NAME);
  await cache.addAll(FILES.map((file) => new Request(new URL(file, self.registration.scope), { cache: 'no-cache' })));
}

self.addEventListener('activate', (event) => {
  event.waitUntil(takeOver());
});

async function takeOver() {
  const old = (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== NAME);
  await Promise.all(old.map((name) => caches.delete(name)));
  await self.clients.claim();
}

self.addEventListener('fetch', (event) => {
  const { request } = event;
  if (request.method !== 'GET' || !request.url.startsWith(self.registration.scope)) return;
  event.respondWith(answer(request).then(isolated));
});

/**
 * The answer for a page that is isolated from other origins, so that its workers may share memory. A static host seldom
 * sends these headers itself; from the second visit on the page has them.
 */
function isolated(response) {
  if (response.type === 'opaqueredirect' || response.type === 'error') return response;
  const headers = new Headers(response.headers);
  headers.set('cross-origin-opener-policy', 'same-origin');
  headers.set('cross-origin-embedder-policy', 'require-corp');
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}

/**
 * The page itself from the network first, so that a new build is seen at the next visit; its files, whose names hold their
 * hash, from what is kept.
 */
async function answer(request) {
  const cache = await caches.open(NAME);
  const find = () => cache.match(request.url.replace(/index\.html(?=$|[?#])/, ''), { ignoreSearch: true });
  if (request.mode !== 'navigate') return (await find()) ?? fetched(request, cache);
  try {
    return await fetch(request);
  } catch (error) {
    const kept = await find();
    if (kept) return kept;
    throw error;
  }
}

/** From the network; engines are kept once they were asked for. */
async function fetched(request, cache) {
  const response = await fetch(request);
  const isLater = LATER.some((file) => new URL(file, self.registration.scope).href === request.url);
  if (isLater && response.ok) await cache.put(request, response.clone()).catch(() => undefined);
  return response;
}
