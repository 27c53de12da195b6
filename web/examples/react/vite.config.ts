import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';

/** What the element needs of a policy, and no more. */
const POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; style-src 'self'";

const policy: Plugin = {
  name: 'policy',
  apply: 'build',
  transformIndexHtml: () => [{ tag: 'meta', attrs: { 'http-equiv': 'Content-Security-Policy', content: POLICY }, injectTo: 'head-prepend' }],
};

export default defineConfig({
  base: './',
  plugins: [react(), policy],
  // The element finds its wasm and worker beside itself: in development, too, it must stay one file where it is.
  optimizeDeps: { exclude: ['sphere-pow-proof'] },
  build: { assetsInlineLimit: 0, modulePreload: { polyfill: false } },
});
