// The page that checks a proof, as a reader uses it: every verdict, stop and go on, keys, languages, a phone, a GPU.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { audit } from './axe.mjs';
import { another, json, opened, sample, setSample, setUp, start, trouble, type, unfold, verdict } from './page.mjs';

const honest = sample('gonka-honest');
let use;
const open = (...options) => use.open(...options);
before(async () => {
  use = await setUp();
});
after(() => use?.close());

test('each sample comes to its verdict by one press, and focus to the verdict', async () => {
  const wanted = {
    'gonka-honest': ['honest', 'Honest: all 64 nonces, 0 bad'],
    'gonka-forged': ['fraud', 'Fraud: all 64 nonces, 16 bad'],
    'gonka-wrong-hash': ['fraud', 'No claim agrees: all 64 nonces, 62 bad'],
    'exact-honest': ['honest', 'Honest: all 64 nonces, 0 bad'],
    'exact-forged': ['fraud', 'Fraud: all 64 nonces, 8 bad'],
    'exact-wrong-hash': ['fraud', 'No claim agrees: all 64 nonces, 64 bad'],
  };
  await open(async (page) => {
    for (const [name, what] of Object.entries(wanted)) {
      await page.locator(`[data-sample="${name}"]`).click();
      assert.deepEqual(await verdict(page), what, name);
      await page.waitForFunction(() => document.activeElement?.id === 'verdict-title');
      const blame = await page.getByText('before blaming anyone').count();
      assert.equal(blame, name.endsWith('wrong-hash') ? 1 : 0, name);
      await page.locator('canvas').first().waitFor();
      assert.equal(await page.locator('canvas').count(), name.startsWith('gonka') ? 2 : 1);
      await another(page);
    }
  });
});

test('the numbers on the page are those of the proof and of the rule', async () => {
  await open(async (page) => {
    await page.locator('[data-sample="gonka-forged"]').click();
    await verdict(page);
    // 1 - sum over k < 16 of the binomial distribution of 64 at 5e-4.
    assert.match(await page.locator('.verdict').innerText(), /64 of 64[\s\S]*16[\s\S]*7\.3 · 10⁻³⁹/);
    assert.match(await (await unfold(page, 'proof')).innerText(), /proof batch of an ML node[\s\S]*64 nonces/);
    await page.getByLabel('Show', { exact: true }).selectOption('bad');
    await page.getByText('16 shown').waitFor();
    await page.getByRole('button', { name: /^Recomputed/ }).click();
    const column = () => page.locator('.grid-row:not(.head) .cell.recomputed').allInnerTexts();
    const sorted = (values) => values.toSorted((a, b) => a - b);
    await page.waitForFunction(() => document.querySelector('[aria-sort="ascending"] button')?.textContent.startsWith('Recomputed'));
    const up = (await column()).map(Number);
    assert.deepEqual(up, sorted(up));
    assert.ok(up.every((distance) => distance > honest.r_target));
    await page.locator('.grid-row:not(.head)').first().click();
    await page.locator('.walk-step').first().waitFor();
    assert.match(await page.locator('.detail').innerText(), new RegExp(`Recomputed\\s+${String(up[0]).slice(0, 7)}`));
    // What had the focus goes with the nonce; the table takes it.
    await page.getByRole('button', { name: 'Close' }).click();
    assert.equal(await page.evaluate(() => document.activeElement.getAttribute('role')), 'grid');
  });
});

test('a run stops, keeps what it has, goes on, and comes to the same as one that was not stopped', async () => {
  const n = 600;
  const claims = { ...honest, nonces: Array.from({ length: n }, (_, i) => i), dist: Array.from({ length: n }, () => 1.4) };
  await open(async (page) => {
    await type(page, claims);
    await page.getByRole('button', { name: 'All', exact: true }).click();
    await start(page);
    await page.waitForFunction(() => Number(document.querySelector('[data-done]')?.dataset.done) >= 1);
    await page.getByRole('button', { name: 'Stop' }).click();
    const said = await page.getByText(/^Stopped at/).innerText();
    assert.equal(await page.evaluate(() => document.activeElement.innerText), 'Go on');
    const kept = Number(/Stopped at (\d+)/.exec(said)[1]);
    assert.ok(kept >= 1 && kept < n, said);
    await page.getByLabel('Show', { exact: true }).selectOption('checked');
    await page.getByText(`${kept} shown`).waitFor();
    await page.getByRole('button', { name: 'Go on' }).click();
    const first = await page.waitForFunction(() => document.querySelector('[data-done]')?.dataset.done);
    assert.ok(Number(await first.jsonValue()) >= kept);
    const stopped = await verdict(page);
    const numbers = () => page.locator('.verdict .facts').innerText();
    const facts = await numbers();
    await unfold(page, 'setup');
    await page.getByRole('button', { name: 'Recompute again' }).click();
    await page.locator('[data-done]').waitFor();
    assert.deepEqual(await verdict(page), stopped);
    assert.equal(await numbers(), facts);
    assert.match(facts, /600 of 600/);
  });
});

test('keys alone: press a sample, read the verdict, open a nonce', async () => {
  await open(async (page) => {
    const tabTo = async (what) => {
      for (let i = 0; i < 60; i++) {
        await page.keyboard.press('Tab');
        if (await page.evaluate(what)) return;
      }
      assert.fail(`no ${what} by Tab`);
    };
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement.className), 'skip');
    await page.keyboard.press('Enter');
    await tabTo("document.activeElement.dataset.sample === 'exact-forged'");
    await page.keyboard.press('Enter');
    await verdict(page);
    await page.locator('[role=grid]').waitFor();
    await tabTo("document.activeElement.getAttribute('role') === 'grid'");
    for (const key of ['ArrowDown', 'ArrowDown', 'End', 'Home', 'ArrowDown']) await page.keyboard.press(key);
    assert.equal(await page.evaluate(() => document.activeElement.getAttribute('aria-activedescendant')), 'row-1');
    await page.keyboard.press('Enter');
    await page.locator('.detail .walk-step').first().waitFor();
    assert.match(await page.locator('.detail h3').first().innerText(), /^Nonce /);
  });
});

for (const colorScheme of ['light', 'dark']) {
  test(`axe has nothing to say in ${colorScheme}: inputs, before, trouble, verdict, table and walk`, async () => {
    await open(async (page) => {
      assert.deepEqual(await audit(page), []);
      await type(page, '{');
      await page.getByRole('alert').waitFor();
      assert.deepEqual(await audit(page), []);
      // With a radius of its own, which stays unconfirmed.
      const documents = [sample('gonka-forged'), sample('exact-wrong-hash'), { ...honest, r_target: 1.45 }];
      for (const document of documents) {
        await type(page, document);
        await page.locator('button.primary.large:enabled').waitFor();
        assert.deepEqual(await audit(page), []);
        await start(page);
        await verdict(page);
        for (const name of ['proof', 'setup']) await unfold(page, name);
        await page.locator('.grid-row:not(.head)').first().click();
        await page.locator('.walk-step').first().waitFor();
        assert.deepEqual(await audit(page), []);
        await another(page);
      }
      // Else it meets buttons on their way from one colour to another.
    }, { colorScheme, reducedMotion: 'reduce' });
  });
}

test('Chinese and Russian, by the browser and by choice; no text is left in another language', async () => {
  for (const [locale, title] of [['zh-CN', '亲自验证工作量证明'], ['ru-RU', 'Проверьте доказательство работы сами']]) {
    await open(async (page) => {
      assert.equal(await page.locator('h1').innerText(), title);
      assert.equal(await page.evaluate(() => document.documentElement.lang.slice(0, 2)), locale.slice(0, 2));
      await page.locator('[data-sample="gonka-honest"]').click();
      await verdict(page);
      for (const name of ['proof', 'setup']) await unfold(page, name);
      const words = await page.locator('main').innerText();
      assert.doesNotMatch(words, /\b(the|nonces|Recomputed|Claimed|Honest|batch|node|from)\b/);
      await page.locator('.choices select').first().selectOption('en');
      assert.match(await page.locator('#verdict-title').innerText(), /^Honest: /);
      // What is wrong with a document is said in the reader's language too.
      await page.locator('.choices select').first().selectOption(locale.slice(0, 2));
      await page.goBack();
      await page.locator('textarea').fill('{');
      await page.locator('.drop button').first().click();
      assert.match(await page.locator('[role=alert] p').nth(1).innerText(), { zh: /JSON。/, ru: /некорректный JSON/ }[locale.slice(0, 2)]);
    }, { locale });
  }
});

test('a phone scrolls in one direction only, in every language, from the inputs to a nonce', async () => {
  for (const locale of ['en', 'zh', 'ru']) {
    await open(async (page) => {
      const fits = async (what) => {
        const [width, inner] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
        assert.ok(width <= inner, `${locale}, ${what}: ${width} px of ${inner}`);
      };
      await page.locator('[data-sample]').first().waitFor();
      await fits('inputs');
      await page.locator('[data-sample="gonka-forged"]').click();
      await verdict(page);
      await page.locator('canvas').first().waitFor();
      const height = await page.evaluate(() => document.documentElement.scrollHeight);
      assert.ok(locale !== 'en' || height <= 2 * 740, `a verdict of ${height} px is more than two screens`);
      await unfold(page, 'table');
      await page.locator('.grid-row:not(.head)').first().click();
      await page.locator('.walk-step').first().waitFor();
      await fits('verdict and walk');
    }, { locale, viewport: { width: 360, height: 740 } });
  }
});

test('first paint needs no wasm, and all before the first verification stays under 400 kB gzipped', async () => {
  const { gzipSync } = await import('node:zlib');
  await open(async (page, context) => {
    const seen = [];
    const fresh = await context.newPage();
    fresh.on('response', async (response) => seen.push([response.url(), await response.body().catch(() => Buffer.alloc(0))]));
    // Without the service worker, which fetches ahead what a later visit needs.
    await fresh.addInitScript(() => Object.defineProperty(Navigator.prototype, 'serviceWorker', { value: undefined }));
    await fresh.goto(`${use.site.origin}/sub/`);
    await fresh.locator('[data-sample]').first().waitFor();
    assert.deepEqual(seen.filter(([url]) => url.endsWith('.wasm')), []);
    await type(fresh, honest);
    await fresh.locator('[data-estimate]:not([data-estimate=""])').waitFor();
    const bytes = seen.reduce((sum, [, body]) => sum + gzipSync(body, { level: 9 }).length, 0);
    assert.ok(seen.some(([url]) => url.endsWith('.wasm')) && bytes < 400_000, `${bytes} bytes`);
  });
});

test('100,000 claims: few rows exist, sorting and filtering work, and no task holds up the page for 50 ms', async () => {
  const n = 100_000;
  const many = { ...honest, nonces: Array.from({ length: n }, (_, i) => i * 7), dist: Array.from({ length: n }, (_, i) => 1.39 + (i % 1000) * 1e-5) };
  await open(async (page) => {
    await page.locator('input[type=file]').setInputFiles({ name: 'many.json', mimeType: 'application/json', buffer: Buffer.from(JSON.stringify(many)) });
    await opened(page);
    await setSample(page, 24);
    await page.locator('[data-estimate]:not([data-estimate=""])').waitFor();
    await page.evaluate(() => {
      window.long = [];
      new PerformanceObserver((list) => window.long.push(...list.getEntries().map(({ duration }) => duration))).observe({ type: 'longtask' });
    });
    // Others share the machine: one run of three without such a task shows that the page has none of its own.
    let long;
    for (let round = 0; round < 3 && long?.length !== 0; round++) {
      if (round > 0) await unfold(page, 'setup');
      await page.evaluate(() => window.long.splice(0));
      await page.locator('button.primary.large').click();
      await page.locator('.grid-row').nth(5).waitFor();
      await page.waitForFunction(() => !document.querySelector('[data-state]') || document.querySelector('[aria-busy]'));
      await verdict(page);
      long = (await page.evaluate(() => window.long)).filter((ms) => ms > 50);
    }
    await page.getByText('100,000 shown').waitFor();
    assert.ok((await page.locator('.grid-row').count()) < 60);
    await page.getByRole('button', { name: /^Claimed/ }).click();
    await page.locator('[role=grid]').focus();
    await page.keyboard.press('End');
    await page.waitForFunction(() => document.querySelector('.grid-row.active .cell.claimed')?.textContent.startsWith('1.3999'));
    await page.getByLabel('Nonce starts with').fill('69999');
    await page.getByText(/^\d+ shown$/).waitFor();
    assert.deepEqual(long, [], 'tasks over 50 ms in each of three runs');
  });
});

test('the GPU path: a software adapter, asked for, computes the verdict', async () => {
  const gpu = await setUp(['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader']);
  try {
    await gpu.open(async (page) => {
      page.setDefaultTimeout(120_000);
      await type(page, sample('exact-forged'));
      await page.getByLabel('Computed by').selectOption('webgpu');
      await start(page);
      await page.locator('[data-engine="webgpu"]').waitFor();
      assert.deepEqual(await verdict(page), ['fraud', 'Fraud: all 64 nonces, 8 bad']);
    });
  } finally {
    await gpu.close();
  }
});

test('where there is no WebGPU, asking for it runs on the CPU and says why', async () => {
  await open(async (page) => {
    await type(page, sample('exact-honest'));
    await page.getByLabel('Computed by').selectOption('webgpu');
    await start(page);
    assert.deepEqual((await verdict(page))[0], 'honest');
    assert.match(await page.locator('.basis').innerText(), /CPU/);
  });
});
