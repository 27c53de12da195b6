// "All work of a host": samples and files judged step by step, the bound on its way down, faults with how to repeat them.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { audit } from './axe.mjs';
import { drawnBy, fetchedAhead, firstVisit, setUp } from './page.mjs';
import { WEB } from './site.mjs';

let use;
before(async () => {
  use = await setUp();
});
after(() => use?.close());

const FOLDER = join(WEB, 'public/samples');
const file = (name) => join(FOLDER, `transcript-${name}`);
const beaconOf = (name) => drawnBy(readFileSync(file(`${name}.openings`))).beacon;
const open = (work, options) => use.open(work, { path: '#/commitment', ...options });
const choose = (page, name) => page.locator(`[data-sample="${name}"]`).click();
/** The verdict's name, and what stands with it. */
async function verdict(page) {
  const section = page.locator('[data-verdict]');
  await section.waitFor();
  return [await section.getAttribute('data-verdict'), await section.locator('.notice').innerText()];
}
const cells = (page, state) => page.locator(`.layer-map li.${state}`).evaluateAll((all) => all.map(({ dataset }) => Number(dataset.layer)));

test('nothing of it is fetched before it is used', async () => {
  await use.open(async (page, context) => {
    const { fresh, seen } = await firstVisit(context, use.site);
    assert.deepEqual(seen.filter((path) => path.includes('transcript')), []);
    await fresh.getByRole('link', { name: 'A host’s work' }).click();
    await fresh.locator('[data-sample="stale-tail"]').waitFor();
    const heavy = /transcript-.*\.(wasm|openings)$|transcript-worker/;
    assert.deepEqual(seen.filter((path) => heavy.test(path)), []);
    await choose(fresh, 'honest');
    await verdict(fresh);
    assert.equal(seen.filter((path) => heavy.test(path)).length, 3, seen.join());
  });
  assert.ok(!/\.openings/.test(fetchedAhead()));
});

test('an honest host: the bound falls step by step to what the verdict says, and each layer is shown as it is repeated', async () => {
  await open(async (page) => {
    await page.evaluate(() => {
      window.told = [];
      new MutationObserver(() => window.told.push(...[...document.querySelectorAll('.live li')].map(({ textContent }) => textContent))).observe(document.querySelector('#main'), { subtree: true, childList: true, characterData: true });
    });
    await choose(page, 'honest');
    const [name, words] = await verdict(page);
    assert.equal(name, 'honest');
    assert.match(words, /^Honest\s+All 60 drawn steps of 16 nonces are true: at most 9\.7% of the work was skipped, at 95% confidence\.$/);
    const told = await page.evaluate(() => window.told);
    const shares = told.map((text) => /at most ([\d.]+)%/.exec(text)?.[1]).filter(Boolean).map(Number);
    assert.ok(told.some((text) => /^Layer \d+ of nonces? \d+/.test(text)), `${[...new Set(told)]}`);
    assert.ok(shares.length > 2 && shares.every((share, i) => i === 0 || share <= shares[i - 1]), `${shares}`);
    const path = await page.locator('.bound .line').getAttribute('d');
    assert.ok(path.match(/V/g).length > 20, path);
    assert.match(await page.locator('.bound svg').getAttribute('aria-label'), /from 100% down to 9\.7% after 60 steps/);
    assert.deepEqual([(await cells(page, 'true')).length > 20, await cells(page, 'failed'), await page.locator('.layer-map li').count()], [true, [], 40]);
    const told0 = await page.locator('.layer-map li.true').first().innerText();
    assert.match(told0, /^Layer 0: repeated of nonces \d+/);
    await page.getByText('What it rests on').click();
    const facts = await page.locator('.result .facts').innerText();
    for (const fact of ['exact 2, nano', beaconOf('honest'), '60 / 60']) assert.ok(facts.includes(fact), facts);
  });
});

test('each cheat is found, with the nonce, the layer and the command that repeats it', async () => {
  await open(async (page) => {
    await choose(page, 'false-step');
    const [name, words] = await verdict(page);
    assert.equal(name, 'fraud');
    assert.match(words, /^Fraud\s+1 of 60 drawn steps of 16 nonces fail\./);
    assert.match(await page.locator('[data-fault="step"]').innerText(), /^Nonce 5, layer 17 \(step 21 of 60\) proves fraud\s+The layer, repeated here, gives another state/);
    assert.deepEqual(await cells(page, 'failed'), [17]);
    assert.match(await page.locator('.bound').innerText(), /it ended after 20 true ones/);
    const command = await page.locator('.command').innerText();
    assert.equal(command.trim(), `sphere-pow verify transcript-false-step.commitment.json --openings transcript-false-step.openings --beacon ${beaconOf('false-step')}`);
    for (const link of await page.locator('.faults a').all()) {
      const { status } = await page.evaluate((url) => fetch(url).then(({ status }) => ({ status })), await link.getAttribute('href'));
      assert.equal(status, 200);
    }
    await choose(page, 'stale-tail');
    await page.locator('[data-fault="step"]').nth(17).waitFor({ state: 'attached' });
    assert.match((await verdict(page))[1], /^Fraud\s+18 of 60 /);
    assert.ok((await cells(page, 'failed')).every((layer) => layer >= 23));
    assert.equal(await page.locator('[data-fault]:visible').count(), 1);
    await page.getByText('17 more').click();
    assert.equal(await page.locator('[data-fault]:visible').count(), 18);
    await choose(page, 'withheld');
    await page.locator('[data-fault="withheld"]').first().waitFor();
    assert.match((await verdict(page))[1], /^Void\s+2 of 60 .*\s+What was drawn was not opened as it must be\./);
    assert.deepEqual([await cells(page, 'failed'), await page.locator('.proves').count()], [[38, 39], 0]);
    await choose(page, 'honest');
    await page.locator('[data-verdict="honest"]').waitFor();
    assert.equal(await page.locator('[data-fault]').count(), 0);
  });
});

test('the command that is shown does repeat it', async () => {
  execFileSync('tests/command', { cwd: join(WEB, '..'), stdio: 'ignore' });
  const binary = join(process.env.CARGO_TARGET_DIR ?? join(WEB, '../target'), 'release/sphere-pow');
  await open(async (page) => {
    await choose(page, 'false-step');
    await verdict(page);
    const command = (await page.locator('.command').innerText()).trim().replace(/^sphere-pow/, binary);
    const said = await new Promise((resolve) => {
      try {
        resolve(execFileSync('bash', ['-c', command], { cwd: FOLDER, encoding: 'utf8' }));
      } catch (error) {
        resolve(error.stdout);
      }
    });
    assert.match(said, /^FRAUD: 1 of 60 drawn steps of 16 nonces fail; opening 20, nonce 5, layer 17: /);
    const detail = await page.locator('[data-fault] code').innerText();
    assert.ok(said.includes(detail), detail);
  });
});

test('files of the reader\'s: what only they say is unconfirmed, what is not meant is refused in words', async () => {
  await open(async (page) => {
    const check = page.getByRole('button', { name: 'Check', exact: true });
    assert.ok(await check.isDisabled());
    await page.getByLabel('Commitment', { exact: true }).setInputFiles(file('honest.commitment.json'));
    await page.getByLabel('Openings', { exact: true }).setInputFiles(file('honest.openings'));
    await check.click();
    const [name, words] = await verdict(page);
    assert.equal(name, 'unconfirmed');
    assert.match(words, /^Unconfirmed\s+All 60 .*\s+Only the documents say so: beacon\./);
    await page.getByLabel('Beacon').fill(beaconOf('honest'));
    await check.click();
    await page.locator('[data-verdict="honest"]').waitFor();
    await page.getByText('What you expect').click();
    for (const [label, value, why] of [
      ['Steps it was to draw', '200', /Openings: Another number of steps was opened/],
      ['Model', 'standard', /Commitment: It is of another model/],
      ['Block hash', 'other', /Commitment: .*block/i],
      ['Steps it was to draw', 'many', /could not be checked/],
      ['Model', '{', /could not be checked/],
    ]) {
      await page.getByLabel(label).fill(value);
      await check.click();
      await page.getByRole('alert').waitFor();
      assert.match(await page.getByRole('alert').innerText(), why);
      assert.equal(await page.locator('[data-verdict]').count(), 0);
      await page.getByLabel(label).fill('');
    }
    await page.getByLabel('Commitment', { exact: true }).setInputFiles(file('honest.openings'));
    await check.click();
    assert.match(await page.getByRole('alert').innerText(), /Commitment: /);
  });
});

test('a check can be stopped, and another begun', async () => {
  await open(async (page) => {
    // Openings that do not come until the reader gives up.
    await page.evaluate(() => {
      window.real = window.fetch;
      window.fetch = (url, options) => {
        if (!String(url).endsWith('.openings')) return window.real(url, options);
        return new Promise((_, reject) => options.signal.addEventListener('abort', () => reject(options.signal.reason)));
      };
    });
    await choose(page, 'honest');
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.getByRole('button', { name: 'Stop' }).waitFor({ state: 'detached' });
    assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
    assert.equal(await page.getByRole('alert').count(), 0);
    await page.evaluate(() => (window.fetch = window.real));
    await choose(page, 'withheld');
    assert.equal((await verdict(page))[0], 'void');
  });
});

test('by keyboard alone: from the header to a sample, and the focus goes to the verdict', async () => {
  await open(async (page) => {
    await page.locator('[data-sample="false-step"]').waitFor();
    await page.getByRole('link', { name: 'How it works' }).focus();
    const at = () => page.evaluate(() => document.activeElement.dataset.sample ?? document.activeElement.id);
    for (let i = 0; i < 8 && (await at()) !== 'false-step'; i++) await page.keyboard.press('Tab');
    assert.equal(await at(), 'false-step');
    await page.keyboard.press('Enter');
    await verdict(page);
    await page.waitForFunction(() => document.activeElement.id === 'whole-verdict');
    for (const id of ['command', 'transcript-false-step.commitment.json']) {
      await page.keyboard.press('Tab');
      const reached = await page.evaluate(() => `${document.activeElement.className} ${document.activeElement.textContent}`);
      assert.ok(reached.includes(id), reached);
    }
  });
});

for (const colorScheme of ['light', 'dark']) {
  test(`axe finds nothing in ${colorScheme}; every language fits a phone`, async () => {
    await open(async (page) => {
      for (const name of ['honest', 'stale-tail', 'withheld']) {
        await choose(page, name);
        await page.locator(`[data-verdict="${{ honest: 'honest', withheld: 'void' }[name] ?? 'fraud'}"]`).waitFor();
        for (const language of ['en', 'zh', 'ru']) {
          await page.getByRole('combobox').first().selectOption(language);
          await page.evaluate(() => document.querySelectorAll('details').forEach((details) => (details.open = true)));
          assert.deepEqual(await audit(page), [], `${name} ${language}`);
          assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 360, `${name} ${language} is too wide`);
        }
      }
    }, { colorScheme, viewport: { width: 360, height: 740 } });
  });
}
