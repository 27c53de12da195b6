import { defineConfig, type Plugin } from 'vite';
import { offline } from './plugins/offline.ts';
import { spec } from './plugins/spec.ts';

/**
 * What the built page may do. `connect-src` names schemes and not hosts, since a person may name any node to read a
 * proof from; a host that wants less writes its own list here.
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self' https: http://localhost:* http://127.0.0.1:*",
  "manifest-src 'self'",
  "form-action 'none'",
  "base-uri 'none'",
].join('; ');

/** The policy goes into the page by <meta>, so that any static host will do. Not in development: Vite inlines styles there. */
const policy: Plugin = {
  name: 'policy',
  apply: 'build',
  transformIndexHtml: () => [
    { tag: 'meta', attrs: { 'http-equiv': 'Content-Security-Policy', content: POLICY }, injectTo: 'head-prepend' },
  ],
};

export default defineConfig({
  base: './',
  plugins: [policy, spec(), offline()],
  worker: { format: 'es' },
  build: {
    target: 'es2022',
    cssTarget: ['chrome123', 'safari17.5', 'firefox120'],
    // No data: URLs, which the policy forbids for scripts and wasm.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
