// "Training": a run by its file, segments repeated to the bit, verdicts of cheats and of what only an opening says.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { audit } from './axe.mjs';
import { fetchedAhead, firstVisit, setUp } from './page.mjs';
import { WEB } from './site.mjs';

let use;
let work;
const binary = join(process.env.CARGO_TARGET_DIR ?? join(WEB, '../target'), 'release/sphere-pow');
before(async () => {
  execFileSync('tests/command', { cwd: join(WEB, '..'), stdio: 'ignore' });
  work = mkdtempSync(join(tmpdir(), 'training-'));
  use = await setUp();
});
after(async () => {
  rmSync(work, { recursive: true });
  await use?.close();
});

const sample = (name) => join(WEB, 'public/samples', `train-tiny${name}`);
const run = JSON.parse(readFileSync(sample('.json'), 'utf8'));
const open = (body, options) => use.open(body, { path: '#/training', ...options });
const shot = (page, name) => process.env.SCREENSHOTS && page.screenshot({ path: join(process.env.SCREENSHOTS, `training-${name}.png`), fullPage: true });
const train = (...args) => execFileSync(binary, ['train', ...args], { cwd: work, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
/** The newest verdict, once there are `n`: its name and its words. */
async function verdict(page, n = 1) {
  await page.waitForFunction((n) => document.querySelectorAll('[data-verdict]').length === n, n);
  const newest = page.locator('[data-verdict]').first();
  return [await newest.getAttribute('data-verdict'), await newest.locator('.notice').innerText()];
}
const pick = (page, label, files) => page.getByLabel(label).setInputFiles(files);
const repeat = (page) => page.getByRole('button', { name: 'Repeat', exact: true }).click();

for (const [name, viewport] of [['a desk', undefined], ['a phone', { width: 390, height: 844 }]]) {
  test(`the sample in one press: the run, its loss and lanes, the segment honest; other data fraud, on ${name}`, async () => {
    await open(async (page) => {
      await page.locator('[data-sample="honest"]').click();
      const [first, words] = await verdict(page);
      assert.equal(first, 'honest', words);
      assert.match(words, /Round 1, lane 1, segment 1\./);
      await page.getByRole('heading', { name: 'The run: 2 rounds done' }).waitFor();
      const curve = page.getByRole('img', { name: /On what is held out: / });
      assert.match(await curve.getAttribute('aria-label'), new RegExp(`${run.heldOut.toFixed(4)} before the first round, ${run.rounds[1].heldOut.toFixed(4)} after 2`));
      const rows = await page.getByRole('region', { name: 'Rounds and lanes' }).locator('tbody tr').evaluateAll((all) => all.map((row) => [...row.children].map(({ textContent }) => textContent.trim())));
      assert.deepEqual(rows.map(([round, held]) => [round, held]), run.rounds.map(({ round, heldOut }) => [String(round), heldOut.toFixed(4)]));
      assert.match(rows[1][4], new RegExp(`^${run.rounds[1].lanes[1].loss.toFixed(4)} Segment 1: Honest✓1$`));
      await page.locator('[data-sample="other-data"]').click();
      const [second, why] = await verdict(page, 2);
      assert.equal(second, 'fraud', why);
      assert.match(why, /Round 0, lane 1, segment 1\. Its 2 steps give another state/);
      assert.equal(await page.locator('[data-verdict]').count(), 2);
      await audit(page);
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true);
      await shot(page, viewport ? 'phone' : 'desk');
    }, viewport ? { viewport } : {});
  });
}

test('the command that is shown gives the same verdict', async () => {
  await open(async (page) => {
    for (const [name, want] of [['honest', 0], ['other-data', 1]]) {
      await page.locator(`[data-sample="${name}"]`).click();
      await verdict(page, want + 1);
      await page.locator('[data-verdict] summary').first().click();
      const command = (await page.locator('.command').first().innerText()).replace(/^sphere-pow/, binary);
      let code = 0;
      try {
        execFileSync('bash', ['-c', command], { cwd: join(WEB, 'public/samples'), stdio: 'ignore' });
      } catch ({ status }) {
        code = status;
      }
      assert.equal(code, want, command);
    }
  });
});

test('own files: by the opening alone unconfirmed, by the run’s file honest; a start; reports beside', async () => {
  train(sample('.txt'), '--params', 'train-tiny', '--dir', 'run');
  for (const round of ['0', '1']) train('open', round, '0', '0', '--params', 'train-tiny', '--text', sample('.txt'), '--dir', 'run', '--out', `o${round}`);
  const report = execFileSync('bash', ['-c', `${binary} train check o1 --params train-tiny --text ${sample('.txt')} --json || true`], { cwd: work });
  writeFileSync(join(work, 'report.json'), report);
  await open(async (page) => {
    assert.equal(await page.getByRole('button', { name: 'Repeat', exact: true }).isDisabled(), true);
    await pick(page, 'Text that it learns', sample('.txt'));
    await pick(page, 'Opened segments', [join(work, 'o0'), join(work, 'o1')]);
    await page.getByLabel('Model and schedule').selectOption('train-tiny');
    await repeat(page);
    const [name, words] = await verdict(page, 2);
    assert.equal(name, 'unconfirmed');
    assert.match(words, /Only the opening says so: root, seed, start\./);
    assert.match(await page.locator('[data-verdict]').nth(1).innerText(), /Only the opening says so: root, seed\./);

    await pick(page, 'Run (run.json)', join(work, 'run/run.json'));
    await page.getByRole('heading', { name: 'The run: 2 rounds done' }).waitFor();
    assert.equal(await page.locator('[data-verdict]').count(), 0);
    await repeat(page);
    assert.match((await verdict(page, 2))[1], /Only the opening says so: start\./);
    await page.getByText('More', { exact: true }).click();
    await pick(page, 'Start of the round', join(work, 'run/round-0001/start.bin'));
    await pick(page, 'Opened segments', join(work, 'o1'));
    await repeat(page);
    assert.equal((await verdict(page, 3))[0], 'honest');
    await pick(page, 'Reports of checks', join(work, 'report.json'));
    const [reported, said] = await verdict(page, 4);
    assert.deepEqual([reported, await page.locator('[data-own="false"]').count()], ['unconfirmed', 1]);
    assert.match(said, /not repeated here/);
    await audit(page);
  });
});

test('a segment of train-nano is repeated to the bit, and one stops', { timeout: 600_000 }, async () => {
  train(sample('.txt'), '--dir', 'nano', '--until', '1');
  train('open', '0', '2', '1', '--text', sample('.txt'), '--dir', 'nano', '--out', 'nano.opening');
  await open(async (page) => {
    await pick(page, 'Run (run.json)', join(work, 'nano/run.json'));
    await pick(page, 'Text that it learns', sample('.txt'));
    await pick(page, 'Opened segments', join(work, 'nano.opening'));
    await repeat(page);
    const [name, words] = await verdict(page);
    assert.equal(name, 'honest', words);
    assert.match(words, /Its 4 steps, repeated, give the state/);
    await shot(page, 'nano');
    await repeat(page);
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.getByRole('progressbar').waitFor({ state: 'detached' });
    assert.equal(await page.locator('[data-verdict]').count(), 1);
    assert.equal(await page.getByRole('alert').count(), 0);
    await repeat(page);
    await verdict(page, 2);
  });
});

test('files that are none are refused by name', async () => {
  const files = { 'no.json': '{', 'list.json': '[]', 'rounds.json': JSON.stringify({ ...run, rounds: [{ ...run.rounds[0], loss: '3' }] }), 'hash.json': JSON.stringify({ ...run, root: 'ab' }), other: 'an opening' };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(work, name), text);
  await open(async (page) => {
    const alert = (words) => page.getByRole('alert').filter({ hasText: words }).waitFor();
    await pick(page, 'Run (run.json)', join(work, 'no.json'));
    await alert('no.json');
    await pick(page, 'Run (run.json)', join(work, 'list.json'));
    await alert('run is missing');
    await pick(page, 'Run (run.json)', join(work, 'rounds.json'));
    await alert('rounds[0].loss');
    await pick(page, 'Run (run.json)', join(work, 'hash.json'));
    await alert('root is missing');
    await page.getByText('More', { exact: true }).click();
    await pick(page, 'Reports of checks', sample('.json'));
    await alert('not the report of a check');
    await pick(page, 'Text that it learns', sample('.txt'));
    await pick(page, 'Opened segments', join(work, 'other'));
    await repeat(page);
    await alert('first bytes');
    await pick(page, 'Opened segments', sample('-honest.opening'));
    // Of another model.
    await repeat(page);
    await alert('is of run');
    // And the sample is none the worse.
    await page.locator('[data-sample="honest"]').click();
    assert.equal((await verdict(page))[0], 'honest');
    assert.equal(await page.getByRole('alert').count(), 0);
  });
});

test('nothing of it is fetched before it is asked for', async () => {
  await use.open(async (page, context) => {
    const { fresh, seen } = await firstVisit(context, use.site);
    assert.deepEqual(seen.filter((path) => path.includes('train')), []);
    await fresh.getByRole('link', { name: 'Training' }).click();
    await fresh.locator('[data-sample="other-data"]').waitFor();
    const heavy = /train-.*\.(wasm|opening)$|train-worker/;
    assert.deepEqual(seen.filter((path) => heavy.test(path)), []);
    await fresh.locator('[data-sample="honest"]').click();
    await verdict(fresh);
    assert.equal(seen.filter((path) => heavy.test(path)).length, 3, seen.join());
  });
  const ahead = fetchedAhead();
  assert.ok(!/train(ing)?-[\w-]+\.(js|css|wasm)"|train-tiny/.test(ahead), ahead);
});
