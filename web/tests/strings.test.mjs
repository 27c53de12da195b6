// The texts: the same values in every language, and one for each of SPEC's reasons.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runnerImport } from 'vite';
import { WEB } from './site.mjs';

const texts = async (file) => (await runnerImport(join(WEB, file), { configFile: false })).module.STRINGS;

test('every text has three languages, with the same values put in', async () => {
  for (const file of ['src/strings.ts', 'src/element/strings.ts']) {
    const all = Object.entries(await texts(file));
    assert.ok(all.length > 30);
    for (const [key, languages] of all) {
      assert.equal(languages.length, 3, key);
      const values = languages.map((text) => [...new Set(text.match(/\{\w+\}/g))].sort().join());
      assert.deepEqual(values, [values[0], values[0], values[0]], key);
      assert.ok(languages.every((text) => text !== ''), key);
    }
  }
});

test('every reason that SPEC gives a document has words in every language', async () => {
  const strings = await texts('src/strings.ts');
  const spec = readFileSync(join(WEB, '../SPEC.md'), 'utf8');
  const table = spec.slice(spec.indexOf('## 0.6 Errors'), spec.indexOf('## 0.7 '));
  const rows = table.match(/^\| `.*$/gm) ?? [];
  const codes = rows.flatMap((row) => [...row.split('|')[1].matchAll(/`([\w-]+)`/g)].map(([, code]) => code));
  assert.ok(codes.length >= 40, `${codes.length} codes`);
  // Those of a single claim are said with the claim.
  const unsaid = codes.filter((code) => !['digest', 'not-won'].includes(code) && !Object.hasOwn(strings, `reason.${code}`));
  assert.deepEqual(unsaid, []);
});
