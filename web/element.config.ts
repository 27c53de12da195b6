// Builds <sphere-pow-proof> as a package of its own: one module and the files that it loads, in dist/element.

import { defineConfig } from 'vite';

export default defineConfig({
  base: './',
  publicDir: 'src/element/package',
  build: {
    outDir: 'dist/element',
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: false,
    rolldownOptions: {
      input: 'src/element/index.ts',
      preserveEntrySignatures: 'exports-only',
      output: {
        entryFileNames: 'sphere-pow-proof.js',
        assetFileNames: '[name][extname]',
        codeSplitting: false,
      },
    },
  },
});
