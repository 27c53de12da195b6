#!/usr/bin/env node
// sphere-pow verify FILE: checks proofs from the shell, with the exit codes of the native command.

import { readFile } from 'node:fs/promises';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { SpherePowError, constants, readDocument, readModel, verifyDocument } from './index.js';

/** Exit codes that are no verdict's: bad input, which a refused document is, too, and trouble of the machine. */
const [BAD_INPUT, MACHINE] = [2, 3];
/** Failures that are the machine's or ours. */
const MACHINES = ['E_MEMORY', 'E_WASM_LOAD', 'E_INTERNAL', 'E_ABORTED'];
/** What says what a document leaves out, by core's name for that. */
const MISSING = /** @type {Record<string, string>} */ ({
  'missing-params': '--params',
  'missing-block': '--block-hash',
  'missing-key': '--public-key',
  'no-participant': '--participant',
});

const OPTIONS = /** @type {const} */ ({
  params: { type: 'string' },
  'block-hash': { type: 'string' },
  'public-key': { type: 'string' },
  participant: { type: 'string' },
  'r-target': { type: 'string' },
  'fraud-threshold': { type: 'string' },
  'block-height': { type: 'string' },
  sample: { type: 'string' },
  seed: { type: 'string' },
  workers: { type: 'string' },
  json: { type: 'boolean' },
  version: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
});

/** @param {import('./types.js').Constants} numbers */
function help({ sample, presets, exitCodes }) {
  const codes = Object.entries(exitCodes).sort(([, a], [, b]) => a - b);
  return `sphere-pow verify FILE [options]     check every submission of a document; - reads standard input

What you expect; without it the network's or, not confirmed, the document's counts:
  --params NAME|FILE     ${Object.values(presets).flat().join(', ')}, or a file of sizes
  --block-hash HASH      the block, as the miner had it
  --public-key KEY       the host
  --participant ADDRESS  of a stage file, this account only
  --r-target R           gonka: the radius to win
  --fraud-threshold P    gonka: less probable than this is fraud
  --block-height H       gonka: by which the network's radius is known

  --sample N|all         nonces to recompute of each submission (${sample})
  --seed TEXT            which ones; random when left out
  --workers N            each needs the model's memory (1)
  --json                 the whole report as JSON
  --version, --help

Exit status: ${codes.map(([name, code]) => `${code} ${name}`).join(', ')}; ${BAD_INPUT} bad input, ${MACHINE} machine trouble.
`;
}

/** @param {string} message */
function bad(message) {
  return new SpherePowError('E_FORMAT', message);
}

/** @param {string} file */
async function read(file) {
  try {
    if (file !== '-') return await readFile(file);
    const parts = [];
    for await (const part of process.stdin) parts.push(part);
    return Buffer.concat(parts);
  } catch (error) {
    throw bad(`${file} cannot be read: ${error instanceof Error ? error.message : error}`);
  }
}

/** @param {string} text @param {string} name */
function number(text, name) {
  if (text.trim() === '' || !Number.isFinite(Number(text))) throw bad(`--${name} is ${JSON.stringify(text)}, expected a number`);
  return Number(text);
}

function parsed() {
  try {
    return parseArgs({ allowPositionals: true, options: OPTIONS });
  } catch (error) {
    throw bad(error instanceof Error ? error.message : String(error));
  }
}

/**
 * A preset's name, or the sizes in a file.
 * @param {string} named
 * @param {Uint8Array} document Whose profile the file is of.
 */
async function paramsOf(named, document) {
  const { presets } = await constants();
  const names = Object.values(presets).flat();
  if (names.includes(named)) return named;
  const file = await read(named).catch(() => {
    throw bad(`--params is ${JSON.stringify(named)}, which is neither ${names.join(', ')} nor a file that can be read`);
  });
  const parts = await readDocument(document);
  const [batch] = parts.batches();
  parts.free();
  const { params, notes } = await readModel(/** @type {any} */ (batch?.profile ?? 'gonka'), file);
  for (const note of notes) process.stderr.write(`--params ${named}: ${note}\n`);
  return params;
}

/** @param {ReturnType<typeof parsed>['values']} values @param {Uint8Array} document */
async function optionsOf(values, document) {
  /** @type {Record<string, any>} */
  const options = { concurrency: values.workers === undefined ? 1 : number(values.workers, 'workers') };
  // Under Node's permissions without --allow-worker this thread computes.
  if (/** @type {any} */ (process).permission?.has('worker') === false) options.worker = false;
  const { params, sample } = values;
  if (params !== undefined) options.params = await paramsOf(params, document);
  const texts = /** @type {const} */ ({ blockHash: 'block-hash', publicKey: 'public-key', participant: 'participant', seed: 'seed' });
  for (const [name, option] of Object.entries(texts)) if (values[option] !== undefined) options[name] = values[option];
  const numbers = /** @type {const} */ ({ rTarget: 'r-target', fraudThreshold: 'fraud-threshold', blockHeight: 'block-height' });
  for (const [name, option] of Object.entries(numbers)) {
    const text = values[option];
    if (text !== undefined) options[name] = number(text, option);
  }
  if (sample !== undefined) options.sample = sample === 'all' ? sample : number(sample, 'sample');
  return options;
}

async function main() {
  const { values, positionals } = parsed();
  if (values.version) {
    console.log(__VERSION__);
    return 0;
  }
  const [command, file, ...rest] = positionals;
  if (values.help || positionals.length === 0) {
    console.log(help(await constants()));
    return values.help ? 0 : BAD_INPUT;
  }
  if (command !== 'verify' || !file || rest.length > 0) throw bad('expected: sphere-pow verify FILE');

  const document = await read(file);
  const options = await optionsOf(values, document);
  const isTerminal = process.stderr.isTTY;
  const report = await verifyDocument(document, {
    ...options,
    onProgress: ({ phase, fraction, eta, submission, submissions }) => {
      if (!isTerminal) return;
      const left = eta === null ? '' : `, ${eta.toFixed(0)} s left`;
      process.stderr.write(`\r${submission + 1} of ${submissions}: ${phase} ${(fraction * 100).toFixed(0)} %${left}      `);
    },
  });
  if (isTerminal) process.stderr.write('\r\u001b[K');
  console.log(values.json ? JSON.stringify(report, null, 2) : words(report).join('\n'));
  return (await constants()).exitCodes[report.verdict];
}

/** @param {import('./types.js').Report} report */
function words({ verdict, submissions, unjudged, torn }) {
  const several = submissions.length + unjudged.length > 1;
  const lines = several ? [`${verdict.toUpperCase()}: ${submissions.length} judged, ${unjudged.length} not`] : [];
  for (const { place, participant, summary, hints, sampleSeed, sampleSource } of submissions) {
    const of = participant ? `${place}, ${participant}` : place;
    lines.push(several ? `${of}: ${summary}` : summary);
    if (sampleSeed !== null) lines.push(`  sample seed ${JSON.stringify(sampleSeed)} (${sampleSource})`);
    for (const hint of hints) lines.push(`  hint: ${hint}`);
  }
  for (const { place, participant, code, message } of unjudged) {
    const option = MISSING[code];
    lines.push(`${several ? '' : 'REFUSED: '}${participant ? `${place}, ${participant}` : place}: ${code}: ${message}${option ? `: pass ${option}` : ''}`);
  }
  if (torn) lines.push(`line ${torn.line} is cut off after ${torn.bytes} bytes and left out`);
  return lines;
}

/** Names of our options in the messages of those who know only the properties. @param {string} message */
function named(message) {
  return message.replace(/\b(r_target|fraud_threshold|block_height)(?= is no option)/g, (name) => `--${name.replaceAll('_', '-')}`);
}

// A reader that goes away changes no verdict; a result that could not be written is machine trouble.
process.stdout.on('error', (error) => {
  if (/** @type {any} */ (error).code !== 'EPIPE') process.on('exit', () => void (process.exitCode = MACHINE));
});
process.stderr.on('error', () => {});
try {
  process.exitCode = await main();
} catch (error) {
  const { code, reason, place } = error instanceof SpherePowError ? error : { code: 'E_INTERNAL', reason: null, place: null };
  const message = named(error instanceof Error ? error.message : String(error));
  process.stderr.write(`sphere-pow: ${code}: ${reason ? `${reason}: ` : ''}${message}\n`);
  if (process.argv.includes('--json')) console.log(JSON.stringify({ error: { code, reason, place, message } }));
  process.exitCode = MACHINES.includes(code) ? MACHINE : BAD_INPUT;
}
