#!/usr/bin/env node
// sphere-pow verify FILE: checks a proof from the shell. Exit 0 valid, 1 not, 2 bad input, 3 machine trouble.

import { readFile } from 'node:fs/promises';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { SpherePowError, createVerifier, parseProofs } from './index.js';

const HELP = `sphere-pow verify FILE [options]     check a proof or batch of either profile; - reads standard input

  --params NAME|FILE     mainnet, testnet, default, devtest, or a JSON file; where the proof does not say
  --block-hash HASH      where the proof does not say
  --public-key KEY       where the proof does not say
  --r-target R           the radius to win; else the proof's, else that at launch
  --sample N|all         nonces to recompute (200)
  --seed TEXT            which ones; random when left out
  --workers N            each needs the model's memory (1)
  --json                 the whole report as JSON
  --version, --help

Exit status: 0 valid or inconclusive, 1 invalid, 2 bad input, 3 machine trouble.
`;

/** Bad input rather than machine trouble. */
const CALLERS_FAULT = ['E_FORMAT', 'E_RANGE', 'E_PROFILE_UNKNOWN', 'E_BLOCK_HASH', 'E_V2_DATA'];

/** @param {string} message */
function bad(message) {
  return new SpherePowError('E_FORMAT', message);
}

/** @param {string} file */
async function read(file) {
  try {
    if (file !== '-') return await readFile(file);
    let text = '';
    for await (const part of process.stdin.setEncoding('utf8')) text += part;
    return text;
  } catch (error) {
    throw bad(`${file} cannot be read: ${error instanceof Error ? error.message : error}`);
  }
}

/** @param {string} text @param {string} name */
function number(text, name) {
  if (text.trim() === '' || !Number.isFinite(Number(text))) throw bad(`--${name} is ${text}, expected a number`);
  return Number(text);
}

async function main() {
  let parsed;
  try {
    parsed = parseArgs({
      allowPositionals: true,
      options: {
        params: { type: 'string' },
        'block-hash': { type: 'string' },
        'public-key': { type: 'string' },
        'r-target': { type: 'string' },
        sample: { type: 'string' },
        seed: { type: 'string' },
        workers: { type: 'string' },
        json: { type: 'boolean' },
        version: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw bad(error instanceof Error ? error.message : String(error));
  }
  const { values, positionals } = parsed;
  if (values.version) {
    console.log(__VERSION__);
    return 0;
  }
  const [command, file, ...rest] = positionals;
  if (values.help || positionals.length === 0) {
    console.log(HELP);
    return values.help ? 0 : 2;
  }
  if (command !== 'verify' || !file || rest.length > 0) throw bad('expected: sphere-pow verify FILE');

  const { proofs } = await parseProofs(await read(file));
  const [proof] = proofs.filter(({ nonces }) => nonces.length > 0);
  if (!proof || proofs.length > 1) throw bad(`${file} has ${proofs.length} proofs, expected 1`);
  const { profile } = proof;
  const named = values.params;
  const params = named === undefined ? proof.params : named.endsWith('.json') ? JSON.parse(String(await read(named))) : named;
  if (!params) throw bad('the proof does not say the model: pass --params');
  const blockHash = values['block-hash'] ?? proof.blockHash;
  if (!blockHash) throw bad('the proof does not say the block hash: pass --block-hash');
  const radius = values['r-target'];
  const verifier = await createVerifier({
    profile: /** @type {any} */ (profile),
    params,
    blockHash,
    ...(radius === undefined ? {} : { rTarget: number(radius, 'r-target') }),
    concurrency: values.workers === undefined ? 1 : number(values.workers, 'workers'),
  });
  const isTerminal = process.stderr.isTTY;
  try {
    const report = await verifier.verifyBatch(proof, {
      ...(values.sample === undefined ? {} : { sample: values.sample === 'all' ? 'all' : number(values.sample, 'sample') }),
      ...(values.seed === undefined ? {} : { seed: values.seed }),
      ...(values['public-key'] === undefined ? {} : { publicKey: values['public-key'] }),
      onProgress: ({ phase, fraction, eta }) => {
        if (!isTerminal) return;
        const left = eta === null ? '' : `, ${eta.toFixed(0)} s left`;
        process.stderr.write(`\r${phase} ${(fraction * 100).toFixed(0)} %${left}      `);
      },
    });
    if (isTerminal) process.stderr.write('\r\u001b[K');
    console.log(values.json ? JSON.stringify(report, null, 2) : words(report));
    return report.state === 'invalid' ? 1 : 0;
  } finally {
    await verifier.close();
  }
}

/** @param {import('./types.js').BatchReport} report */
function words(report) {
  return (report.profile === 'exact' ? exactWords(report) : gonkaWords(report)).join('\n');
}

/** @param {import('./types.js').ExactBatchReport} report */
function exactWords({ state, nInvalid, nChecked, nClaimed, preset, falseShareBound, seed, fault }) {
  const bound = falseShareBound && `with 95 % confidence fewer than ${(falseShareBound * 100).toPrecision(2)} % of the claims are false`;
  return [
    state,
    `${nInvalid} false of ${nChecked} recomputed (${nClaimed} claimed${seed ? `, sample seed ${seed}` : ''}), ${preset ?? 'own'} parameters`,
    ...(bound ? [bound] : []),
    ...(fault ? [fault.detail] : []),
  ];
}

/** @param {import('./types.js').GonkaBatchReport} report */
function gonkaWords({ state, verdict, nClaimed, rTarget, rTargetSource, winRate, advisory, hint, seed }) {
  const lines = [
    state,
    `${verdict.nInvalid} bad of ${verdict.nChecked} recomputed (${nClaimed} claimed${seed ? `, sample seed ${seed}` : ''})`,
    `probability that an honest host shows as many: ${verdict.probabilityHonest.toPrecision(3)}`,
    `r_target ${rTarget} (${rTargetSource}): ${(winRate * 100).toFixed(2)} % of random nonces win`,
    `claimed against recomputed (advisory): rms ${advisory.rmsError?.toExponential(1)}, largest ${advisory.maxError?.toExponential(1)}`,
  ];
  return [...lines, ...(hint ? [hint] : [])];
}

try {
  process.exitCode = await main();
} catch (error) {
  const code = error instanceof SpherePowError ? error.code : 'E_INTERNAL';
  process.stderr.write(`sphere-pow: ${code}: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = CALLERS_FAULT.includes(code) ? 2 : 3;
}
