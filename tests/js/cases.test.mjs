// The table of cases: documents as people have them, and what is said of each, by the package and by its command.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import Ajv from 'ajv/dist/2020.js';
import { load, paths, runNode } from './support.mjs';

const { constants, readModel, verifyDocument, SpherePowError } = await load();
const folder = join(paths.root, 'tests/cases');
const table = JSON.parse(readFileSync(join(folder, 'table.json'), 'utf8'));
const schema = JSON.parse(readFileSync(join(paths.root, 'tests/vectors/report.schema.json'), 'utf8'));
const ajv = new Ajv({ strict: true, strictTypes: false, allErrors: true });
const isReport = ajv.compile(schema);
const { exitCodes, reportSchema } = await constants();
const cli = join(paths.installed, 'dist/cli.js');

/** Options of the command by property. */
const FLAGS = { params: '--params', blockHash: '--block-hash', publicKey: '--public-key', participant: '--participant', rTarget: '--r-target', fraudThreshold: '--fraud-threshold', blockHeight: '--block-height', sample: '--sample', seed: '--seed' };

/** Model sizes that a case names by file. */
async function givenOf({ paramsFile, ...given } = {}, profile = 'gonka') {
  if (!paramsFile) return given;
  return { ...given, params: (await readModel(profile, readFileSync(join(folder, paramsFile)))).params };
}

/** Asserts that a value is a report as the schema has it. */
function assertSchema(report) {
  assert.ok(isReport(report), ajv.errorsText(isReport.errors));
  assert.equal(report.schema, reportSchema);
}

for (const { file, given, profile, exit, verdict, summary = [], unjudged = [], hints, torn, error, name = file } of table.cases) {
  test(`${name}: ${verdict ?? error}`, async () => {
    const document = readFileSync(join(folder, file));
    if (error) {
      const refused = await givenOf(given, profile).then((read) => verifyDocument(document, read)).then((report) => assert.fail(JSON.stringify(report).slice(0, 300)), (e) => e);
      assert.ok(refused instanceof SpherePowError, refused.stack);
      assert.equal(refused.reason, error, refused.message);
    } else {
      const report = JSON.parse(JSON.stringify(await verifyDocument(document, await givenOf(given, profile))));
      assertSchema(report);
      assert.equal(report.verdict, verdict, JSON.stringify(report).slice(0, 1000));
      assert.deepEqual(report.submissions.map((s) => s.summary.slice(0, summary[0]?.length)).length, summary.length, JSON.stringify(report.submissions.map((s) => s.summary)));
      for (const [i, words] of summary.entries()) assert.ok(report.submissions[i].summary.startsWith(words), report.submissions[i].summary);
      assert.deepEqual(report.unjudged.map(({ code }) => code), unjudged);
      assert.equal(exitCodes[report.verdict], exit);
      if (hints !== undefined) assert.deepEqual(report.submissions.map((s) => s.hints.length), hints);
      assert.equal(report.torn !== null, torn ?? false);
    }
  });
}

test('the command says the same: exit codes and first lines', { timeout: 600_000 }, async () => {
  for (const { file, given: { paramsFile, ...given } = {}, exit, verdict, summary = [], unjudged = [] } of table.cases) {
    const flags = Object.entries({ ...given, ...(paramsFile ? { params: join(folder, paramsFile) } : {}) });
    const args = flags.flatMap(([name, value]) => [FLAGS[name] ?? assert.fail(name), String(value)]);
    const { code, stdout, stderr } = await runNode([cli, 'verify', join(folder, file), ...args]);
    const where = `${file}: ${stdout}${stderr}`;
    assert.equal(code, exit, where);
    const [line] = (stdout || stderr).split('\n');
    if (summary.length === 1 && unjudged.length === 0) assert.ok(line.startsWith(summary[0]), where);
    else if (verdict) assert.ok(line.startsWith(verdict.toUpperCase()), where);
    else assert.match(line, /^sphere-pow: E_[A-Z0-9_]+: /, where);
  }
});

test('the schema refuses what is no report', async () => {
  const report = await verifyDocument(readFileSync(join(folder, 'a_plain.json')), { params: 'dev-test' });
  assertSchema(JSON.parse(JSON.stringify(report)));
  const [submission] = report.submissions;
  const wrong = [
    { ...report, schema: 2 },
    { ...report, verdict: 'valid' },
    { ...report, extra: 1 },
    { ...report, submissions: [{ ...submission, verdict: 'honest', unconfirmed: ['rule'] }] },
    { ...report, submissions: [{ ...submission, verdict: 'unconfirmed', unconfirmed: [] }] },
    { ...report, submissions: [{ ...submission, summary: 'Valid' }] },
    { ...report, submissions: [{ ...submission, sources: { ...submission.sources, rule: 'link' } }] },
    { ...report, submissions: [{ ...submission, sampleSeed: 'x' }] },
    { ...report, submissions: [{ ...submission, results: [{ ...submission.results[0], nonce: 7 }] }] },
    { ...report, submissions: [{ ...submission, profile: 'exact' }] },
  ];
  for (const value of wrong) assert.equal(isReport(JSON.parse(JSON.stringify(value))), false, JSON.stringify(value).slice(0, 80));
});

test('several submissions come one by one with their number, weights made once a model, and go on from results', async () => {
  const document = readFileSync(join(folder, 'd_two_participants.json'));
  const given = (table.cases.find(({ file }) => file === 'd_two_participants.json') ?? assert.fail()).given;
  const seen = [];
  const phases = [];
  const running = verifyDocument(document, { ...given, onProgress: (p) => phases.push(p) });
  for await (const result of running) seen.push(result);
  const report = await running;
  assert.deepEqual(seen.map(({ submission, index }) => [submission, index]).toSorted(), report.submissions.flatMap(({ results }, at) => results.map(({ index }) => [at, index])).toSorted());
  assert.deepEqual([phases.at(-1).fraction, phases.at(-1).submissions], [1, 2]);
  const weights = phases.filter(({ phase }) => phase === 'weights').map(({ submission }) => submission);
  // So may the first, when an earlier test's pool is still in memory.
  assert.ok(!weights.includes(1), 'the second finds them made');
  const again = verifyDocument(document, { ...given, known: seen.slice(1) });
  const rest = [];
  for await (const { submission, index } of again) rest.push([submission, index]);
  assert.deepEqual(rest, [[seen[0].submission, seen[0].index]]);
  assert.deepEqual((await again).submissions.map(({ verdict, nBad }) => [verdict, nBad]), report.submissions.map(({ verdict, nBad }) => [verdict, nBad]));
});

test('what the wasm counts is what native code counts', async () => {
  const { createVerifier } = await load();
  const { cases } = JSON.parse(readFileSync(join(paths.root, 'tests/vectors/costs.json'), 'utf8'));
  assert.ok(cases.some(({ work_per_nonce }) => work_per_nonce > 2 ** 32));
  for (const { profile, params, work_per_nonce, weights } of cases) {
    const verifier = await createVerifier({ profile, params, blockHash: 'AB' });
    const { workPerNonce, weightBytes } = verifier.model;
    assert.deepEqual([workPerNonce, weightBytes], [work_per_nonce, weights], JSON.stringify(params));
    await verifier.close();
  }
});

test('the documents of SPEC Part 0 are refused with their code and place, and read with their batches', async () => {
  const { readDocument } = await load();
  const vectors = (name) => JSON.parse(readFileSync(join(paths.root, `tests/vectors/document_${name}.json`), 'utf8')).cases;
  const bytes = ({ text, hex }) => (hex === undefined ? text : Uint8Array.from(Buffer.from(hex, 'hex')));
  for (const entry of vectors('reject')) {
    const refused = await readDocument(bytes(entry)).then(() => assert.fail(entry.name), (e) => e);
    // What is nothing but of the document itself has its name as place.
    assert.deepEqual([refused.reason, refused.place], [entry.code, entry.place], entry.name);
  }
  for (const entry of vectors('mutated')) {
    const code = await readDocument(bytes(entry)).then(({ free }) => (free(), null), (e) => e.reason);
    assert.equal(code, entry.code, entry.name);
  }
  for (const entry of vectors('accept')) {
    const document = await readDocument(bytes(entry));
    assert.equal(document.shape, entry.shape, entry.name);
    document.free();
  }
});
