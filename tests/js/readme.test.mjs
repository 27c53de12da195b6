// Every fenced block of every document is run here, or named with what runs it.

import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { freshProject, paths } from './support.mjs';

const target = process.env.CARGO_TARGET_DIR ?? join(paths.root, 'target');
const git = (...args) => execFileSync('git', args, { cwd: paths.root, encoding: 'utf8' }).trim().split('\n');
const read = (name) => readFileSync(join(paths.root, name), 'utf8');

/** Fenced blocks of all documents. */
const blocks = git('ls-files', '*.md', '--cached', '--others', '--exclude-standard').flatMap((file) =>
  [...read(file).matchAll(/^```([^\n]*)\n(.*?)^```$/gms)].map(([, language, code], i) => ({ file, language, code, name: `${file}, block ${i + 1}` })),
);
const inLanguage = (language) => blocks.filter((block) => block.language === language);

/** Commands that other tests run: how they begin, and where: a file, and words in it. */
const ELSEWHERE = [
  ['npm test', '.ci/run', 'npm test'],
  ['cargo test', 'tests/run', 'cargo test --release --workspace'],
  ['node tests/js/run.mjs', 'tests/run', 'node tests/js/run.mjs'],
  ['(cd ../.. && npm ci', 'web/tests/element.test.mjs', "['run', '--silent', 'build']"],
  ['npm ci && npm run build', 'tests/run', 'npm run --silent build'],
  ['npm install sphere-pow', 'tests/js/support.mjs', "npm(['install'"],
];
/** Commands that nothing runs, and why. */
const NOWHERE = {
  'cargo bench': 'takes minutes; clippy builds it',
  'cargo install': 'would build once more what `before` has built',
  'npm run dev': 'does not end; the tests of the page use what it serves',
  podman: 'needs base images from outside',
  'install -D': "changes this machine; the unit's command line is run below",
  systemctl: 'likewise',
  journalctl: 'likewise',
  'sphere-pow serve': 'does not end; each line is started below',
};
const isRunElsewhere = (line, file) => {
  const found = ELSEWHERE.find(([start]) => line.startsWith(start));
  if (found) assert.ok(read(found[1]).includes(found[2]), `${file}: ${line}: ${found[1]} runs it no more`);
  return found !== undefined || Object.keys(NOWHERE).some((start) => line.startsWith(start));
};

let bin;
before(() => {
  execFileSync('tests/command', { cwd: paths.root, stdio: 'inherit' });
  bin = mkdtempSync(join(tmpdir(), 'sphere-pow-bin-'));
  symlinkSync(join(target, 'release/sphere-pow'), join(bin, 'sphere-pow'));
});
after(() => rmSync(bin, { recursive: true }));

/** Runs a script with the command `sphere-pow` in its path; the exit code, and what it prints. */
function shell(script, cwd) {
  const env = { ...process.env, PATH: `${bin}:${process.env.PATH}` };
  // With a socket as its input, bash takes itself for a remote shell and reads the user's start-up file.
  const stdio = /** @type {const} */ (['ignore', 'pipe', 'pipe']);
  const { status, stdout, stderr } = spawnSync('bash', ['-euo', 'pipefail', '-c', script], { cwd, env, encoding: 'utf8', stdio });
  return { status, stdout, said: `${stdout}\n${stderr}` };
}

/** Commands of a block: lines, without what the shell takes for a remark. */
const commands = (code) => code.split('\n').map((line) => line.replace(/\s+#.*$/, '').trim()).filter((line) => line && !line.startsWith('#'));

/** What the blocks with output run. */
const shownCommands = () => inLanguage('console').flatMap(({ code }) => [...code.matchAll(/^\$ (.*)$/gm)].map(([, command]) => command));

/** A command of this repository, by the name it has when installed. */
const installed = (line) => line.replace(/^cargo run --(?:release|profile try) -- /, 'sphere-pow ');

test('every block is in a language that something runs', () => {
  assert.ok(blocks.length >= 25, `${blocks.length} blocks`);
  for (const { name, language } of blocks) {
    assert.ok(['sh', 'console', 'js', 'tsx', 'html', 'rust', 'text'].includes(language), `${name}: ${JSON.stringify(language)}`);
  }
  for (const { file } of inLanguage('rust')) {
    const crate = read(join(dirname(file), 'src/lib.rs'));
    assert.match(crate, /^#!\[doc = include_str!\("\.\.\/README\.md"\)\]$/m, `${file} is a crate's documentation`);
  }
});

test('of the programs of the workspace, `cargo run` runs the command', () => {
  const { packages } = JSON.parse(execFileSync('cargo', ['metadata', '--no-deps', '--format-version=1'], { cwd: paths.root, encoding: 'utf8' }));
  assert.deepEqual(packages.flatMap(({ default_run: name }) => name ?? []), ['sphere-pow']);
  const profiles = new Set(blocks.flatMap(({ code }) => [...code.matchAll(/cargo run --profile (\w+)/g)].map(([, name]) => name)));
  assert.ok(profiles.size > 0);
  for (const name of profiles) assert.ok(read('Cargo.toml').includes(`\n[profile.${name}]\n`), name);
});

for (const { name, file, code } of inLanguage('sh')) {
  test(`commands of ${name}`, { timeout: 300_000 }, () => {
    const work = mkdtempSync(join(tmpdir(), 'sphere-pow-readme-'));
    const lines = commands(code);
    assert.ok(lines.length > 0);
    const isOfTree = (line) => /^(python3|node|tests)\b/.test(line);
    const here = lines.filter((line) => !isRunElsewhere(line, file) && !shownCommands().includes(line)).map((line) => (isOfTree(line) ? `(cd ${paths.root} && ${line})` : installed(line)));
    execFileSync('git', ['init', '-q'], { cwd: work });
    if (here.some((line) => line.startsWith('npx '))) cpSync(join(paths.consumer), work, { recursive: true });
    const { status, said } = shell(here.join('\n'), work);
    assert.equal(status, 0, `${here.join('\n')}\n${said}`);
    rmSync(work, { recursive: true });
  });
}

for (const { name, code } of inLanguage('console')) {
  test(`what ${name} shows is what is printed`, { timeout: 300_000 }, () => {
    for (const part of code.split(/^\$ /m).slice(1)) {
      const [command, ...lines] = part.trimEnd().split('\n');
      const { stdout, said } = shell(`${installed(command)} || true`, paths.root);
      const shown = lines.join('\n').split('…').map((text) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
      assert.match(stdout.trimEnd(), new RegExp(`^${shown.join('.*')}$`), said);
    }
  });
}

for (const { name, code } of inLanguage('js')) {
  test(`the code of ${name} runs as it stands`, { timeout: 120_000 }, () => {
    const script = join(paths.consumer, 'snippet.mjs');
    writeFileSync(script, code);
    const served = join(paths.consumer, 'sphere-pow');
    if (code.includes("'./sphere-pow/")) cpSync(join(paths.installed, 'dist'), served, { recursive: true });
    const { status, stdout, stderr } = spawnSync(process.execPath, [script], { cwd: paths.consumer, encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    // What a remark promises of a line of output.
    for (const [, promise] of code.matchAll(/console\.log\(.*\); \/\/ ([^{].*?)(?: …)?$/gm)) {
      if (!promise.endsWith('.md\'s')) assert.ok(stdout.includes(promise), `${promise}\n${stdout}`);
    }
    assert.ok(stdout.trim().length > 0);
    rmSync(served, { recursive: true, force: true });
  });
}

test('code in TypeScript holds, with React', { timeout: 120_000 }, () => {
  const parts = inLanguage('tsx');
  assert.ok(parts.length > 0);
  const files = Object.fromEntries(parts.map(({ code }, i) => [`part${i}.tsx`, code]));
  const react = `declare module 'react' {
    export function useEffect(effect: () => void | (() => void), dependencies?: readonly unknown[]): void;
    export function useState<S>(initial: S): [S, (next: S | ((before: S) => S)) => void];
  }`;
  const dir = freshProject('readme-tsx', { ...files, 'react.d.ts': react });
  const flags = ['--noEmit', '--strict', '--jsx', 'preserve', '--module', 'nodenext', '--target', 'es2022', '--lib', 'es2023,dom', '--types', ''];
  const names = ['react.d.ts', ...Object.keys(files)].map((name) => join(dir, name));
  const { status, stdout } = spawnSync(process.execPath, [join(paths.tests, 'node_modules/typescript/bin/tsc'), ...flags, ...names], { encoding: 'utf8' });
  assert.equal(status, 0, stdout);
});

test('HTML names elements and attributes that there are', () => {
  const element = read('web/src/element/index.ts');
  for (const { name, code } of inLanguage('html')) {
    assert.match(code, /<sphere-pow-proof /, name);
    for (const [, attributes] of code.matchAll(/<sphere-pow-proof ([^>]*)>/g)) {
      for (const [, attribute] of attributes.matchAll(/([a-z-]+)="/g)) assert.ok(element.includes(`'${attribute}'`), `${name}: ${attribute}`);
    }
  }
});

test("the unit's command line mines what its example says", { timeout: 60_000 }, () => {
  const unit = read('prover/packaging/sphere-pow@.service');
  const state = mkdtempSync(join(tmpdir(), 'sphere-pow-state-'));
  const [, line] = /^ExecStart=\/usr\/local\/bin\/(.*)$/m.exec(unit);
  const command = line.replaceAll('%S/sphere-pow-%i', state);
  const env = read('prover/packaging/example.env').replace(/^OPTIONS=(.*)$/m, 'OPTIONS="$1"');
  const { status, said } = shell(`${env}\n${command} --count 64 --backend cpu`, state);
  assert.equal(status, 0, said);
  const [, hash] = /^BLOCK_HASH=(.*)$/m.exec(env);
  assert.match(readFileSync(join(state, `${hash}.jsonl`), 'utf8'), /"digests":\["/);
  rmSync(state, { recursive: true });

  const dir = mkdtempSync(join(tmpdir(), 'sphere-pow-unit-'));
  writeFileSync(join(dir, 'sphere-pow@first.service'), unit.replaceAll('/usr/local/bin/sphere-pow', join(bin, 'sphere-pow')));
  const verified = spawnSync('systemd-analyze', ['verify', join(dir, 'sphere-pow@first.service')], { encoding: 'utf8' });
  assert.deepEqual([verified.status, verified.stderr], [0, '']);
  rmSync(dir, { recursive: true });
});

test('the service starts as documents and its unit say', { timeout: 60_000 }, async () => {
  const unit = read('prover/packaging/sphere-pow-serve.service');
  const [, ofUnit] = /^ExecStart=\/usr\/local\/bin\/(.*)$/m.exec(unit);
  const shown = inLanguage('sh').flatMap(({ code }) => commands(code)).filter((line) => line.startsWith('sphere-pow serve'));
  assert.ok(shown.length > 0);
  for (const line of [ofUnit, ...shown]) {
    const dir = mkdtempSync(join(tmpdir(), 'sphere-pow-serve-'));
    // Ports and folders of this machine's own, and the CPU: the example asks for a GPU when a stage begins.
    const own = (text) => text.replaceAll(/[\d.]+:\d{4}/g, '127.0.0.1:0').replaceAll(/\/var\/lib\/sphere-pow|%S\/sphere-pow/g, join(dir, 'state'));
    writeFileSync(join(dir, 'serve.toml'), own(read('prover/packaging/serve.toml')));
    const command = own(line).replace('/etc/sphere-pow/serve.toml', join(dir, 'serve.toml')).split(' ').slice(1);
    const service = spawn(join(bin, 'sphere-pow'), [...command, '--json'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [begun] = await once(service.stdout, 'data');
    const { listen, inferenceListen, adminListen } = JSON.parse(begun);
    assert.equal((await (await fetch(`http://${listen}/api/v1/state`)).json()).state, 'STOPPED', line);
    assert.equal((await fetch(`http://${inferenceListen}/health`)).status, 503);
    assert.match(await (await fetch(`http://${adminListen}/metrics`)).text(), /^sphere_pow_state\{state="STOPPED"\} 1$/m);
    service.kill();
    assert.deepEqual(await once(service, 'exit'), [0, null]);
    rmSync(dir, { recursive: true });
  }
  const dir = mkdtempSync(join(tmpdir(), 'sphere-pow-unit-'));
  writeFileSync(join(dir, 'sphere-pow-serve.service'), unit.replaceAll('/usr/local/bin/sphere-pow', join(bin, 'sphere-pow')));
  const verified = spawnSync('systemd-analyze', ['verify', join(dir, 'sphere-pow-serve.service')], { encoding: 'utf8' });
  assert.deepEqual([verified.status, verified.stderr], [0, '']);
  rmSync(dir, { recursive: true });
});
