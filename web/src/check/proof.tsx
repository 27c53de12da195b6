// What was opened: its shape by name, which proof of it, and what it says of itself; what it leaves out is asked for here.

import { useId } from 'preact/hooks';
import { t } from '../i18n.ts';
import type { Opened } from '../engine/types.ts';
import { sampleName } from './inputs.tsx';
import { choose, chosen, fetchBlockHash, give, given, head, missing, stage, type Given, type SampleName } from './session.ts';

const PRESETS = { gonka: ['mainnet', 'testnet', 'default', 'dev-test'], exact: ['nano', 'standard', 'large'] } as const;
/** Radii of the network, from which on proofs were mined with them. */
const RADII = [['1.4013564660458173', 'radius.launch'], ['1.398077', 'radius.december']] as const;

export function ProofCard({ opened, source }: { opened: Opened; source: string }) {
  const proof = head.value!;
  const isOpen = missing.value.length > 0;
  return (
    <section class="card" aria-labelledby="proof-title">
      <h2 id="proof-title">{t('proof.title')}</h2>
      <dl class="facts">
        <Fact name={t('proof.source')}>{sourceName(source)}</Fact>
        <Fact name={t('proof.shape')}><span lang="en">{opened.shapeName}</span></Fact>
        <Fact name={t('proof.profile')}><code>{proof.profile}</code></Fact>
        <Fact name={t('proof.claims')}>{t('proof.nonces', { n: proof.count })}</Fact>
        {proof.blockHeight !== null && <Fact name={t('proof.height')}>{String(proof.blockHeight)}</Fact>}
        {proof.participant && <Fact name={t('proof.participant')}><code class="break">{proof.participant}</code></Fact>}
      </dl>
      {opened.proofs.length > 1 && <Choice opened={opened} />}
      {isOpen && <p class="notice unsure" role="status">{t('proof.missing')}</p>}
      <fieldset class="context" disabled={stage.value === 'running'}>
        <legend class="hidden">{t('proof.context')}</legend>
        <BlockHash />
        <PublicKey />
        <ParamsField />
        {proof.profile === 'gonka' && <Radius />}
      </fieldset>
    </section>
  );
}

function Fact({ name, children }: { name: string; children: preact.ComponentChildren }) {
  return <div><dt>{name}</dt><dd>{children}</dd></div>;
}

function sourceName(source: string): string {
  if (source === 'link') return t('source.link');
  if (!source.startsWith('sample:')) return source;
  return t('source.sample', { name: sampleName(source.slice('sample:'.length) as SampleName) });
}

/** A document of a whole stage has a proof for each host. */
function Choice({ opened }: { opened: Opened }) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{t('proof.which', { n: opened.proofs.length })}</label>
      <select id={id} value={chosen.value} disabled={stage.value === 'running'} onChange={(e) => void choose(Number(e.currentTarget.value))}>
        {opened.proofs.map((proof, i) => (
          <option value={i} disabled={proof.count === 0}>{`${i + 1}. ${proof.participant ?? proof.publicKey ?? ''} (${t('proof.nonces', { n: proof.count })})`}</option>
        ))}
      </select>
    </div>
  );
}

/** Where a value is from, and whether it is wanting. */
function origin(name: keyof Given, isProofs: boolean): string {
  if (missing.value.includes(name)) return t('origin.missing');
  return isProofs ? t('origin.proof') : t('origin.you');
}

function TextField({ name, label, help, own, children }: { name: 'blockHash' | 'publicKey'; label: string; help: string; own: string | null; children?: preact.ComponentChildren }) {
  const id = useId();
  const value = given.value[name];
  const isMissing = missing.value.includes(name);
  return (
    <div class={`field ${isMissing ? 'wanting' : ''}`}>
      <label for={id}>{label} <span class="origin">{origin(name, own !== null && value === own)}</span></label>
      <input id={id} class="mono" value={value} spellcheck={false} autocomplete="off" aria-invalid={isMissing} aria-describedby={`${id}-help`} readOnly={own !== null} onChange={(e) => give({ [name]: e.currentTarget.value })} onInput={(e) => e.currentTarget.value.length >= 44 && give({ [name]: e.currentTarget.value })} />
      <p class="help" id={`${id}-help`}>{help}</p>
      {children}
    </div>
  );
}

function BlockHash() {
  const { blockHash, blockHeight } = head.value!;
  return (
    <TextField name="blockHash" label={t('context.blockHash')} help={t('context.blockHash.help')} own={blockHash}>
      {blockHash === null && blockHeight !== null && (
        <div><button type="button" onClick={() => void fetchBlockHash()}>{t('context.blockHash.fetch', { height: String(blockHeight) })}</button></div>
      )}
    </TextField>
  );
}

function PublicKey() {
  return <TextField name="publicKey" label={t('context.publicKey')} help={t('context.publicKey.help')} own={head.value!.publicKey} />;
}

function ParamsField() {
  const id = useId();
  const { profile, params, preset } = head.value!;
  const value = given.value.params;
  const isCustom = value.trimStart().startsWith('{') || value === '';
  return (
    <div class={`field ${missing.value.includes('params') ? 'wanting' : ''}`}>
      <label for={id}>{t('context.params')} <span class="origin">{origin('params', value === 'proof')}</span></label>
      <select id={id} value={isCustom ? 'custom' : value} disabled={profile === 'exact'} onChange={(e) => give({ params: e.currentTarget.value === 'custom' ? '{}' : e.currentTarget.value })}>
        {params !== null && <option value="proof">{t('context.params.proof')}{preset ? ` (${preset})` : ''}</option>}
        {params === null && PRESETS[profile].map((name) => <option value={name}>{name}</option>)}
        {params === null && <option value="custom">{t('context.params.custom')}</option>}
      </select>
      {isCustom && <textarea rows={4} aria-label={t('context.params.custom')} value={value} spellcheck={false} onChange={(e) => give({ params: e.currentTarget.value.trim() || '{}' })} />}
      {params !== null && <p class="help break mono">{Object.entries(params).map(([name, v]) => `${name} ${v}`).join(' · ')}</p>}
    </div>
  );
}

function Radius() {
  const id = useId();
  const { rTarget } = head.value!;
  const value = given.value.rTarget;
  const isNamed = value === 'auto' || RADII.some(([radius]) => radius === value);
  return (
    <div class={`field ${missing.value.includes('rTarget') ? 'wanting' : ''}`}>
      <label for={id}>{t('context.radius')} <span class="origin">{value === 'auto' && rTarget === null ? t('origin.default') : origin('rTarget', value === 'auto')}</span></label>
      <select id={id} value={isNamed ? value : 'custom'} onChange={(e) => give({ rTarget: e.currentTarget.value === 'custom' ? '1.4' : e.currentTarget.value })}>
        <option value="auto">{rTarget === null ? t('radius.auto.launch') : t('radius.auto.proof', { radius: String(rTarget) })}</option>
        {RADII.map(([radius, key]) => <option value={radius}>{t(key, { radius })}</option>)}
        <option value="custom">{t('radius.custom')}</option>
      </select>
      {!isNamed && <input class="mono" aria-label={t('radius.custom')} inputMode="decimal" value={value} onChange={(e) => give({ rTarget: e.currentTarget.value })} />}
    </div>
  );
}
