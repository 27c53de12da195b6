// Writes sw.js: a service worker that keeps the page, so that it checks proofs without a network. Engines that a visit may
// never use are kept once they were.

import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'vite';

const WORKER = fileURLToPath(new URL('sw.js', import.meta.url));

/** The one engine that nearly every browser can check with, by name and hash; the others are kept once they are used. */
const ENGINE = /\/verifier-[\w-]{8}\.wasm$/;

/** Code that is of no use without another engine. */
const WITH_ENGINE = /\/((network|chain|train|training)-[\w-]+\.(js|css)|(learn|transcript|webgpu)-worker-[\w-]+\.js)$/;

/** Beside other engines, what needs them, and the larger samples. */
const isKeptLater = (name: string) => (name.endsWith('.wasm') && !ENGINE.test(name)) || WITH_ENGINE.test(name) || /\.openings?$|\/train-/.test(name);

/** Files below a folder, relative to it. */
function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1).replaceAll('\\', '/'))
    .sort();
}

export function offline(): Plugin {
  let publicDir = '';
  return {
    name: 'offline',
    apply: 'build',
    enforce: 'post',
    configResolved(config) {
      ({ publicDir } = config);
    },
    generateBundle: {
      // After index.html is made.
      order: 'post',
      handler(_, bundle) {
        const hash = createHash('sha256');
        const built = Object.values(bundle).sort((a, b) => a.fileName.localeCompare(b.fileName));
        for (const file of built) hash.update(file.fileName).update(file.type === 'chunk' ? file.code : file.source);
        const copied = publicDir ? filesIn(publicDir) : [];
        for (const name of copied) hash.update(name).update(readFileSync(join(publicDir, name)));
        const names = [...built.map((file) => file.fileName), ...copied];
        const later = names.filter(isKeptLater);
        const files = ['./', ...names].filter((name) => name !== 'index.html' && !later.includes(name));
        const source = readFileSync(WORKER, 'utf8')
          .replace("'VERSION'", JSON.stringify(hash.digest('hex').slice(0, 16)))
          .replace("['FILES']", JSON.stringify(files))
          .replace("['LATER']", JSON.stringify(later));
        this.emitFile({ type: 'asset', fileName: 'sw.js', source });
      },
    },
  };
}
