// Builds what is missing, then the page, and serves it: node serve.mjs [port]

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const web = fileURLToPath(new URL('.', import.meta.url));
const verifier = fileURLToPath(new URL('../verifier-wasm/', import.meta.url));
const run = (command, args, cwd) => execFileSync(command, args, { cwd, stdio: 'inherit' });

if (!existsSync(`${verifier}dist/index.js`)) run(process.execPath, ['build.mjs'], verifier);
if (!existsSync(`${web}node_modules/vite`)) run('npm', ['ci', '--no-fund', '--no-audit'], web);
run('npm', ['run', '--silent', 'build'], web);
const { preview } = await import('vite');
const server = await preview({ root: web, preview: { port: Number(process.argv[2] ?? 4173) } });
server.printUrls();
