// Makes the sample of "Training" in public/samples with the native command: a run of train-tiny, a segment of it opened, and one
// of a host that drew its batches itself.
//
// node training_samples.mjs [path of the sphere-pow binary]

import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const binary = process.argv[2] ?? fileURLToPath(new URL('../target/release/sphere-pow', import.meta.url));
const out = fileURLToPath(new URL('public/samples/', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'training-'));
const text = join(out, 'train-tiny.txt');
const of = ['--params', 'train-tiny', '--json'];
const train = (...args) => execFileSync(binary, ['train', ...args, ...of], { encoding: 'utf8', cwd: scratch, stdio: ['ignore', 'pipe', 'ignore'] });

// Words after words by a rule with exceptions: few symbols, as the model has.
const words = 'the proof of work is a weight and each host that trains a lane opens what a later block draws so that another may repeat it'.split(' ');
let [state, at, lines] = [7, 0, []];
for (let line = 0; line < 40; line++) {
  const own = Array.from({ length: 8 }, () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    const drawn = state >>> 16;
    at = (drawn % 5 === 0 ? drawn : at + 1) % words.length;
    return words[at];
  });
  lines.push(own.join(' '));
}
writeFileSync(text, `${lines.join('\n')}\n`);

train(text, '--dir', 'true', '--beacon', 'sphere-pow sample beacon');
// What its host did, without how long that took.
const run = JSON.parse(readFileSync(join(scratch, 'true/run.json'), 'utf8'));
const rounds = run.rounds.map((round) => ({ ...round, seconds: 0 }));
writeFileSync(join(out, 'train-tiny.json'), `${JSON.stringify({ ...run, rounds })}\n`);
train('open', '1', '1', '1', '--text', text, '--dir', 'true', '--out', 'honest');
train(text, '--dir', 'false', '--beacon', 'of its own', '--until', '1');
train('open', '0', '1', '1', '--text', text, '--dir', 'false', '--out', 'other-data');
for (const name of ['honest', 'other-data']) copyFileSync(join(scratch, name), join(out, `train-tiny-${name}.opening`));
rmSync(scratch, { recursive: true });
