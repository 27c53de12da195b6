// What the tests share: where things are, the installed package, vectors, a server, a browser.

import { execFileSync, spawn } from 'node:child_process';
import { cpSync, createReadStream, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const target = process.env.CARGO_TARGET_DIR ?? join(root, 'target');

/** Where things are. */
export const paths = {
  root,
  package: join(root, 'verifier-wasm'),
  tests: join(root, 'tests/js'),
  work: join(target, 'js'),
  tarball: join(target, 'js/sphere-pow.tgz'),
  /** A project with nothing but the tarball in it. */
  consumer: join(target, 'js/consumer'),
  installed: join(target, 'js/consumer/node_modules/sphere-pow'),
};

/** Runs npm and returns what it prints. */
export function npm(args, cwd) {
  return execFileSync('npm', [...args, '--no-fund', '--no-audit', '--loglevel=error'], { cwd, encoding: 'utf8' });
}

/** A project folder of that name in `parent` with the tarball installed. */
export function freshProject(name, files = {}, parent = join(paths.work, 'fresh')) {
  const dir = name === 'consumer' ? paths.consumer : join(parent, name);
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  const manifest = { name, private: true, type: 'module', dependencies: { 'sphere-pow': `file:${paths.tarball}` } };
  writeFileSync(join(dir, 'package.json'), JSON.stringify(manifest));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(dir, path, '..'), { recursive: true });
    writeFileSync(join(dir, path), text);
  }
  npm(['install', '--no-package-lock'], dir);
  return dir;
}

/** Packs the package and installs it. */
export function installTarball() {
  rmSync(paths.work, { recursive: true, force: true });
  mkdirSync(paths.work, { recursive: true });
  const [packed] = JSON.parse(npm(['pack', '--json', '--ignore-scripts', `--pack-destination=${paths.work}`], paths.package));
  execFileSync('mv', [join(paths.work, packed.filename), paths.tarball]);
  freshProject('consumer');
}

/** The installed package, an entry of it. */
export function load(entry = '.') {
  const { exports } = JSON.parse(readFileSync(join(paths.installed, 'package.json'), 'utf8'));
  return import(pathToFileURL(join(paths.installed, exports[entry].default)).href);
}

/** A known answer of the `gonka` profile. */
export function vector(name) {
  return JSON.parse(readFileSync(join(root, `tests/vectors/gonka_${name}.json`), 'utf8'));
}

/** Options for a verifier of a vector; its radius takes every distance. */
export function optionsOf({ params, block_hash: blockHash }) {
  return { profile: 'gonka', params, blockHash, rTarget: 2 };
}

/** Root mean square and largest difference. */
export function errors(got, want) {
  const differences = got.map((value, i) => Math.abs(value - want[i]));
  const rms = Math.sqrt(differences.reduce((sum, d) => sum + d * d, 0) / differences.length);
  return { rms, max: Math.max(...differences) };
}

/** Runs a script in a process of its own within `cwd`; resolves with its output, code and time. */
export function runNode(args, { cwd = paths.consumer, timeout = 120_000, env = {}, input } = {}) {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const child = spawn(process.execPath, args, { cwd, env: { ...process.env, ...env }, stdio: 'pipe' });
    const out = { stdout: '', stderr: '' };
    child.stdout.on('data', (data) => (out.stdout += data));
    child.stderr.on('data', (data) => (out.stderr += data));
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`still running after ${timeout} ms: ${args.join(' ').slice(0, 200)}\n${out.stdout}\n${out.stderr}`));
    }, timeout);
    child.on('error', reject);
    child.on('exit', (code) => {
      clearTimeout(timer);
      resolve({ ...out, code, ms: performance.now() - began });
    });
    child.stdin.end(input);
  });
}

const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.mjs': 'text/javascript', '.json': 'application/json', '.wasm': 'application/wasm', '.css': 'text/css' };

/** Serves `dir`; `headers(path)` gives more headers. Only for this machine. */
export async function serve(dir, headers = () => ({})) {
  const server = createServer((request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url ?? '/', 'http://localhost').pathname));
    const file = join(dir, path.endsWith('/') ? `${path}index.html` : path);
    if (!existsSync(file) || !statSync(file).isFile()) {
      response.writeHead(404, { 'content-type': 'text/html' }).end('<!doctype html>not found');
      return;
    }
    const type = TYPES[extname(file)] ?? 'application/octet-stream';
    response.writeHead(200, { 'content-type': type, ...headers(path) });
    createReadStream(file).pipe(response);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://localhost:${server.address().port}`;
  return { url, close: () => new Promise((resolve) => server.close(resolve).closeAllConnections()) };
}

/** A folder to serve, with the package's files under sphere-pow/ and an empty page of each of these names. */
export function siteOf(name, pages = ['index']) {
  const site = join(paths.work, name);
  rmSync(site, { recursive: true, force: true });
  mkdirSync(site, { recursive: true });
  cpSync(join(paths.installed, 'dist'), join(site, 'sphere-pow'), { recursive: true });
  const html = '<!doctype html><html lang="en"><head><link rel="icon" href="data:,"><title>t</title></head><body></body></html>';
  for (const page of pages) writeFileSync(join(site, `${page}.html`), html);
  return site;
}

/** A page that keeps what its console and network complain of. */
async function opened(page, url) {
  const complaints = [];
  const requests = [];
  page.on('console', (message) => {
    if (['error', 'warning', 'warn'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('requestfailed', (request) => complaints.push(`${request.url()} failed`));
  page.on('request', (request) => requests.push(request.url()));
  await page.goto(url);
  return { page, complaints, requests };
}

/** Firefox by WebDriver BiDi; SPHERE_POW_FIREFOX names another binary. */
export async function firefox() {
  const { default: puppeteer } = await import('puppeteer-core');
  const executablePath = process.env.SPHERE_POW_FIREFOX ?? '/usr/bin/firefox-esr';
  const driven = await puppeteer.launch({ browser: 'firefox', executablePath, headless: true });
  return { open: async (url) => opened(await driven.newPage(), url), close: () => driven.close() };
}

/** Chromium with a profile of its own; SPHERE_POW_CHROMIUM names another binary. */
export async function browser(flags = []) {
  const { chromium } = await import('playwright-core');
  const profile = mkdtempSync(join(tmpdir(), 'sphere-pow-chromium-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.SPHERE_POW_CHROMIUM ?? '/usr/bin/chromium',
    headless: true,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      ...flags,
    ],
  });
  return {
    context,
    open: async (url) => opened(await context.newPage(), url),
    async close() {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}
