// What came of it: the verdict first, then failed steps with how to repeat them, the bound, and what it all rests on.

import { useLayoutEffect, useRef } from 'preact/hooks';
import type { TranscriptFault, TranscriptReport } from 'sphere-pow/transcript';
import { language, percent, t } from '../i18n.ts';
import { ends, shown } from '../shown.ts';
import { Bound, LayerMap } from './plots.tsx';
import { files, source } from './session.ts';

const NOTICE = { honest: 'good', unconfirmed: 'open', void: 'unsure', fraud: 'bad' } as const;
/** Faults shown in the fold of further ones. */
const SHOWN = 50;

export function Verdict({ report }: { report: TranscriptReport }) {
  const heading = useRef<HTMLHeadingElement>(null);
  // The eye is still on the button, the ear too.
  useLayoutEffect(() => heading.current?.focus(), [report]);
  const { verdict, nDrawn, nonces, skippedBound, faults, unconfirmed } = report;
  const values = { drawn: nDrawn, nonces: new Intl.NumberFormat(language.value).format(BigInt(nonces)), faults: faults.length };
  return (
    <section class="card result" aria-labelledby="whole-verdict" data-verdict={verdict}>
      <div class={`notice ${NOTICE[verdict]}`}>
        <h2 id="whole-verdict" tabIndex={-1} ref={heading}>{t(`whole.${verdict}`)}</h2>
        <p>{skippedBound === null ? t('whole.false', values) : t('whole.true', { ...values, share: percent(skippedBound) })}</p>
        {(verdict === 'fraud' || verdict === 'void') && <p>{t(`whole.${verdict}.why`)}</p>}
        {unconfirmed.length > 0 && <p>{t('whole.unconfirmed.why', { names: unconfirmed.map((name) => t(`whole.part.${name}`)).join(', ') })}</p>}
      </div>
      {faults.length > 0 && <Faults report={report} />}
      <Bound />
      <LayerMap />
      <Facts report={report} />
    </section>
  );
}

function Faults({ report: { faults, nDrawn, beacon } }: { report: TranscriptReport }) {
  // Those that prove something come first.
  const [first, ...others] = [...faults.filter(({ provesFraud }) => provesFraud), ...faults.filter(({ provesFraud }) => !provesFraud)];
  return (
    <div class="faults">
      <h3>{t('whole.faults')}</h3>
      <ul><Fault fault={first!} drawn={nDrawn} /></ul>
      {others.length > 0 && (
        <details>
          <summary>{t('whole.fault.more', { count: others.length })}</summary>
          <ul>{others.slice(0, SHOWN).map((fault) => <Fault fault={fault} drawn={nDrawn} />)}</ul>
          {others.length > SHOWN && <p class="quiet">{t('whole.fault.more', { count: others.length - SHOWN })}</p>}
        </details>
      )}
      <Repeat beacon={beacon} />
    </div>
  );
}

function Fault({ fault: { code, provesFraud, detail, index, nonce, layer }, drawn }: { fault: TranscriptFault; drawn: number }) {
  return (
    <li data-fault={code}>
      <strong>{t('whole.fault', { nonce, layer })}</strong> <span class="quiet">({t('whole.fault.place', { index: index + 1, drawn })})</span>
      {provesFraud && <> <span class="proves">{t('whole.fault.proves')}</span></>}
      <br />
      {t(`whole.code.${code}`)}
      <br />
      <code class="break" lang="en">{shown(detail, 400)}</code>
    </li>
  );
}

/** How others see the same. */
function Repeat({ beacon }: { beacon: string }) {
  const { value: name } = source;
  const isSample = name !== null && name !== 'files';
  const commitment = isSample ? `transcript-${name}.commitment.json` : (files.value.commitment?.name ?? 'FILE.commitment');
  const openings = isSample ? `transcript-${name}.openings` : (files.value.openings?.name ?? 'FILE.openings');
  return (
    <>
      <p>{t('whole.repeat')}</p>
      <pre class="command" tabIndex={0}><code>{`sphere-pow verify ${quoted(commitment)} --openings ${quoted(openings)} --beacon ${quoted(beacon)}`}</code></pre>
      {isSample && (
        <p class="quiet small row">
          {[commitment, openings].map((file) => <a href={`samples/${file}`} download={file}>{file}</a>)}
        </p>
      )}
    </>
  );
}

/** A word for a shell. */
function quoted(word: string): string {
  const seen = shown(word, 300);
  return /^[\w./-]+$/.test(seen) ? seen : `'${seen.replaceAll("'", String.raw`'\''`)}'`;
}

function Facts({ report }: { report: TranscriptReport }) {
  const { profile, profileVersion, preset, params, blockHash, publicKey, commitment, beacon, nonces, nChecked, nDrawn } = report;
  const sizes = Object.entries(params).map(([name, value]) => `${name} ${value}`).join(', ');
  const facts: [string, string, string?][] = [
    [t('whole.model'), `${profile} ${profileVersion}, ${preset ?? t('whole.fact.own')}`, sizes],
    [t('whole.blockHash'), blockHash],
    [t('whole.publicKey'), publicKey],
    [t('whole.fact.commitment'), commitment],
    [t('whole.beacon'), beacon],
    [t('whole.fact.nonces'), nonces],
    [t('whole.fact.checked'), `${nChecked} / ${nDrawn}`],
  ];
  return (
    <details class="more">
      <summary>{t('whole.facts')}</summary>
      <dl class="facts">
        {facts.map(([name, value, more]) => (
          <div>
            <dt>{name}</dt>
            <dd title={value}>{value.length > 64 ? ends(value) : shown(value)}{more && <span class="quiet small"> ({more})</span>}</dd>
          </div>
        ))}
      </dl>
      <p class="quiet small break" lang="en">{shown(report.summary, 600)}</p>
    </details>
  );
}
