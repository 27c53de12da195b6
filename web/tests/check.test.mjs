// The page that checks a proof, as a reader uses it: every way in, every verdict, stop and go on, links, trouble, keys.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { audit } from './axe.mjs';
import { NODE, another, json, link, opened, sample, sampleText, setSample, setUp, stageOf, start, trouble, type, unfold, verdict } from './page.mjs';

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
      assert.equal(await page.evaluate(() => document.activeElement.id), 'verdict-title');
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

test('pasted, typed, dropped and chosen documents open; the shape is named', async () => {
  await open(async (page) => {
    const again = () => another(page);
    await type(page, sampleText('exact-honest'));
    await opened(page);
    assert.equal(await page.evaluate(() => document.activeElement.localName), 'h1');
    assert.match(await page.locator('main').innerText(), /proof of the exact profile/);
    await again();

    const paste = (text) => page.evaluate((text) => {
      const data = new DataTransfer();
      data.setData('text', text);
      (document.activeElement ?? document.body).dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }));
    }, text);
    await page.getByLabel('Proof as JSON').focus();
    await paste(sampleText('gonka-honest'));
    await opened(page);
    await again();
    await paste(sampleText('gonka-honest'));
    await opened(page);
    await again();

    await page.evaluate((text) => {
      const data = new DataTransfer();
      data.items.add(new File([text], 'dropped.json'));
      document.body.dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }));
    }, sampleText('gonka-honest'));
    await opened(page);
    assert.match(await page.locator('main').innerText(), /dropped\.json/);
    await again();

    await page.locator('input[type=file]').setInputFiles({ name: 'mine.jsonl', mimeType: 'application/json', buffer: Buffer.from(sampleText('exact-honest')) });
    await opened(page);
    assert.match(await page.locator('main').innerText(), /mine\.jsonl/);
  });
});

test('a height is read from the node, and the hash that the chain leaves out asked of it', async () => {
  const { block_hash: hash, public_key: key, block_height: height, nonces, dist } = honest;
  const stage = stageOf({ participant: 'gonka1host', key, height, nonces, dist });
  const hosts = {
    [`${NODE}/chain-api/productscience/inference/inference/poc_batches_for_stage/1298640`]: json(stage),
    [`${NODE}/chain-rpc/block?height=1298640`]: json({ result: { block_id: { hash } } }),
  };
  await open(async (page) => {
    await page.getByLabel('Height, transaction hash or address').fill('1298640');
    await page.getByRole('button', { name: 'Fetch' }).click();
    await opened(page);
    assert.equal(await page.getByRole('button', { name: 'Recompute', exact: true }).isDisabled(), true);
    await page.getByRole('button', { name: /Ask the node for block/ }).click();
    await page.waitForFunction((hash) => [...document.querySelectorAll('input')].some((input) => input.value === hash), hash);
    await page.getByLabel('Model', { exact: false }).first().selectOption('dev-test');
    await start(page);
    assert.deepEqual((await verdict(page))[0], 'honest');
    assert.match(await page.locator('.basis').innerText(), /Block hash\s+.*from the node you asked[\s\S]*Model\s+gonka: dev-test\s+from you/);
  }, { hosts });
});

test('what a node or a file may say instead of a proof is explained', async () => {
  const at = (height) => `${NODE}/chain-api/productscience/inference/inference/poc_batches_for_stage/${height}`;
  const v2 = { participant: 'gonka1host', poc_stage_start_block_height: '5000000', root_hash: 'AAAA', count: 7 };
  const hosts = {
    [at(1)]: json('no', 403),
    [at(2)]: json('no', 404),
    [at(3)]: null,
    [at(4)]: json('busy', 503),
    [at(5)]: json({ poc_batch: [] }),
    [at(6)]: json('<html>'),
  };
  await open(async (page) => {
    const ask = async (text) => {
      await page.getByLabel('Height, transaction hash or address').fill(text);
      await page.getByRole('button', { name: 'Fetch' }).click();
      await page.getByRole('alert').waitFor();
      await page.waitForFunction(() => !document.querySelector('button[type=submit]').disabled);
      return trouble(page);
    };
    assert.match(await ask('1'), /refuses to answer/);
    assert.match(await ask('2'), /pruned/);
    assert.match(await ask('3'), /CORS/);
    assert.match(await ask('4'), /busy/);
    assert.match(await ask('5'), /without nonces|cannot? read/);
    assert.match(await ask('6'), /not a proof/);
    assert.match(await ask('http://example.com/x'), /Only https/);
    assert.match(await ask('what'), /no height/);
    const read = async (text) => {
      await type(page, text);
      await page.waitForFunction(() => !document.querySelector('[aria-busy=true]'));
      await page.waitForTimeout(100);
      return trouble(page);
    };
    assert.match(await read(JSON.stringify(v2)), /epoch 158/);
    for (const text of ['{', '[]', '{"nonces": [1], "dist": []}', JSON.stringify({ ...honest, dist: honest.dist.map(() => 9) }), JSON.stringify({ ...honest, nonces: honest.nonces.map(() => -1) })]) {
      assert.match(await read(text), /not a proof|value in it/, text.slice(0, 30));
    }
    await page.locator('[data-sample="gonka-honest"]').click();
    await verdict(page);
  }, { hosts });
});

test('a node that does not answer is left at once', async () => {
  const hosts = { [`${NODE}/**`]: () => undefined };
  await open(async (page) => {
    await page.getByLabel('Height, transaction hash or address').fill('1298640');
    await page.getByRole('button', { name: 'Fetch' }).click();
    await page.getByRole('button', { name: 'Cancel' }).first().click();
    await page.locator('[data-sample="exact-honest"]:enabled').click();
    assert.equal((await verdict(page))[0], 'honest');
    assert.equal(await page.getByRole('alert').count(), 0);
  }, { hosts });
});

test('an open proof has an entry in the history: Back leads to the inputs, Forward to the proof', async () => {
  await open(async (page) => {
    await page.locator('[data-sample="exact-honest"]').click();
    await verdict(page);
    await page.goBack();
    await page.locator('[data-sample]').first().waitFor();
    await page.goForward();
    await opened(page);
    await page.getByRole('link', { name: 'How it works' }).click();
    await page.locator('#teach-walk').waitFor();
    await page.getByRole('link', { name: 'Check a proof' }).click();
    await opened(page);
    await page.reload();
    await page.locator('[data-sample]').first().waitFor();
    assert.equal(await page.evaluate(() => location.hash), '#/check');
  });
});

test('names of a megabyte and marks of direction neither stretch the page nor reorder it', async () => {
  const { block_hash: _, public_key: key, block_height: height, nonces, dist } = honest;
  const names = ['x'.repeat(1e6), '\u202Eevil\u2066', 'שלום', '\u200b'.repeat(5e5)];
  const hosts = names.map((participant, i) => ({ participant, key, height: height + i, nonces: nonces.slice(0, 2), dist: dist.slice(0, 2) }));
  await open(async (page) => {
    for (const host of hosts) {
      await page.locator('input[type=file]').setInputFiles({ name: `\u202Egnp.${'y'.repeat(200)}`, mimeType: 'application/json', buffer: Buffer.from(JSON.stringify(stageOf(host))) });
      await opened(page);
      const { width, height: tall, inner, text } = await page.evaluate(() => ({ width: document.documentElement.scrollWidth, height: document.documentElement.scrollHeight, inner: innerWidth, text: document.querySelector('main').textContent }));
      assert.ok(width <= inner && tall < 6000, `${width} × ${tall} px`);
      assert.doesNotMatch(text, /[\u202a-\u202e\u200b]|x{200}/);
      await another(page);
    }
  }, { viewport: { width: 360, height: 740 } });
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

test('a link holds the document, survives a reload and opens elsewhere; a damaged one is refused', async () => {
  let made;
  await open(async (page) => {
    await page.locator('[data-sample="gonka-forged"]').click();
    await verdict(page);
    await page.getByRole('button', { name: 'Copy a link' }).click();
    await page.waitForFunction(() => location.hash.includes('p='));
    made = await page.evaluate(() => location.hash);
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Download the report' }).click();
    const report = JSON.parse(readFileSync(await (await download).path(), 'utf8'));
    const [one] = report.submissions;
    assert.deepEqual([report.verdict, one.results.length, one.profile, one.blockHash], ['fraud', 64, 'gonka', honest.block_hash]);
    await page.reload();
    await opened(page);
    await start(page);
    assert.deepEqual(await verdict(page), ['fraud', 'Fraud: all 64 nonces, 16 bad']);
  });
  for (const bad of [made.slice(0, -40), made.replace('2.', '9.'), '#/check?p=1.AAAA', '#/check?p=', `#/check?p=2.${'A'.repeat(2e5)}`, link({ said: {} }), link({ document: '{}', said: { sample: 1 } })]) {
    await open(async (page) => {
      if (bad.endsWith('p=')) await page.locator('[data-sample]').first().waitFor();
      else assert.match(await trouble(page), /share link cannot be read/, bad.slice(0, 40));
    }, { path: bad });
  }
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
      assert.match(await page.locator('[role=alert] p').nth(1).innerText(), { zh: /JSON。/, ru: /не целый JSON/ }[locale.slice(0, 2)]);
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
