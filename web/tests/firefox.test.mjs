// The page in Firefox: samples to their verdicts, a document of one's own, how it works.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import puppeteer from 'puppeteer-core';
import { serve, watch } from './site.mjs';
import { sampleText } from './page.mjs';

let firefox;
let site;
before(async () => {
  const executablePath = process.env.FIREFOX ?? '/usr/bin/firefox-esr';
  [site, firefox] = await Promise.all([
    serve({ '/sub/': 'dist' }),
    puppeteer.launch({ browser: 'firefox', executablePath, headless: true, extraPrefsFirefox: { 'intl.locale.requested': 'en-US' } }),
  ]);
});
after(async () => {
  await firefox?.close();
  await site?.close();
});

async function open(path, use) {
  const page = await firefox.newPage();
  await page.setViewport({ width: 1100, height: 1000 });
  // Others share the machine.
  page.setDefaultTimeout(120_000);
  const faults = watch(page, site.origin);
  await page.goto(`${site.origin}${path}`);
  await use(page);
  await page.close();
  assert.deepEqual(faults, []);
}

/** State and headline, read at one moment: the section may be drawn anew between two questions. */
async function verdict(page) {
  const found = await page.waitForFunction(() => {
    const [section, title] = ['[data-state]', '#verdict-title'].map((name) => document.querySelector(name));
    return section && title && [section.dataset.state, title.textContent];
  });
  return found.jsonValue();
}

test('samples come to their verdicts, with plots and focus', async () => {
  await open('/sub/', async (page) => {
    for (const [name, what] of [['gonka-forged', ['fraud', 'Fraud: all 64 nonces, 16 bad']], ['exact-honest', ['honest', 'Honest: all 64 nonces, 0 bad']]]) {
      await page.locator(`[data-sample="${name}"]`).click();
      assert.deepEqual(await verdict(page), what, name);
      await page.waitForFunction(() => document.activeElement?.id === 'verdict-title');
      await page.waitForSelector('canvas');
      // As the browser's own button.
      await page.evaluate(() => history.back());
      await page.waitForSelector('[data-sample]');
    }
  });
});

test('a document of one\'s own', async () => {
  await open('/sub/', async (page) => {
    await page.locator('textarea').fill(sampleText('exact-forged'));
    await page.locator('::-p-text(Read this)').click();
    await page.waitForSelector('#proof-title');
    await page.locator('::-p-text(Recompute)').click();
    assert.equal((await verdict(page))[0], 'fraud');
  });
});

test('how it works: a nonce\'s making is traced', async () => {
  await open('/sub/#/learn', async (page) => {
    await page.locator('::-p-text(Show it)').click();
    await page.waitForSelector('[data-step="distance"]');
    assert.ok((await page.$$('.walk-steps > li')).length >= 4);
  });
});
