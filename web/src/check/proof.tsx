// What was opened: its shape by name, which submission of it, and what it says of itself; what it leaves out is asked for
// here, and what it says can be confirmed or contradicted.

import { useId } from 'preact/hooks';
import { t } from '../i18n.ts';
import type { Opened } from '../engine/types.ts';
import { isolated, shown } from '../shown.ts';
import type { Key } from '../strings.ts';
import { lazy } from '../lazy.tsx';
import { Draft } from './draft.tsx';
import { Fold } from './fold.tsx';
import { sampleName } from './inputs.tsx';
import { cancelAsking, choose, expect, fetchBlockHash } from './opening.ts';
import { setAlone } from './running.ts';
import {
  askedHeight, canBeAlone, chosen, constants, expected, given, givenProblem, head, isAlone, isAsking, isNodesHash, judgedOf, missing, said, source,
  stage, type Expected, type SampleName,
} from './session.ts';
import { Trouble, reasonOf } from './trouble.tsx';

const Chain = lazy<{ height: string; participant: string }>(() => import('./chain.tsx'));

interface ProofProps {
  opened: Opened;
  /** Stands in a card already. */
  isBare?: boolean;
}

export function ProofCard({ opened, isBare = false }: ProofProps) {
  if (isBare) return <Body opened={opened} />;
  return (
    <section class="card" aria-labelledby="proof-title">
      <h2 id="proof-title">{t('proof.title')}</h2>
      <Body opened={opened} />
    </section>
  );
}

function Body({ opened }: { opened: Opened }) {
  const { submissions, unjudged, torn, batches } = opened;
  const one = head.value;
  const own = said.value;
  const height = one?.blockHeight ?? askedHeight.value ?? own?.blockHeight ?? null;
  const participant = one?.participant ?? own?.participant ?? null;
  const nClaimed = one ? submissions.reduce((sum, { nClaimed }) => sum + nClaimed, 0) : batches.reduce((sum, { nClaimed }) => sum + nClaimed, 0);
  return (
    <>
      <dl class="facts">
        <Fact name={t('proof.source')}><bdi>{sourceName(source.value)}</bdi></Fact>
        <Fact name={t('proof.shape')}>{t(`shape.${opened.shape}`)}</Fact>
        {own && <Fact name={t('proof.profile')}><code>{own.profile}</code></Fact>}
        <Fact name={t('proof.claims')}>{t('proof.nonces', { n: nClaimed })}</Fact>
        {height !== null && <Fact name={t('proof.height')}>{String(height)} {askedHeight.value !== null && <Origin name="verifier" />}</Fact>}
        {participant && submissions.length < 2 && <Fact name={t('proof.participant')}><bdi><code class="break">{shown(participant)}</code></bdi></Fact>}
      </dl>
      {torn && <p class="notice unsure">{t('proof.torn', { line: torn.line, bytes: torn.bytes })}</p>}
      {submissions.length > 1 && <Choice opened={opened} />}
      {missing.value.length > 0 && <p class="notice unsure" role="status">{t('proof.missing')}</p>}
      <UnjudgedList opened={opened} />
      {unjudged.length > 0 && submissions.length === 0 && missing.value.length === 0 && <p class="notice bad" role="alert">{t('proof.nothing')}</p>}
      {own && (
        <fieldset class="context" disabled={stage.value === 'running'}>
          <legend class="hidden">{t('proof.context')}</legend>
          <TextField name="blockHash" own={own.blockHash}>
            {own.blockHash === null && height !== null && <AskNode height={height} />}
          </TextField>
          <TextField name="publicKey" own={own.publicKey} />
          <ParamsField />
          {own.profile === 'gonka' && <Radius />}
        </fieldset>
      )}
      {own && (
        <Fold name="chain" title={t('chain.title')} isCard={false}>
          <Chain height={height === null ? '' : String(height)} participant={participant ?? ''} />
        </Fold>
      )}
      {given.value === null && <p class="notice bad" role="alert">{t('proof.unreadable')}</p>}
      {givenProblem.value && <Trouble problem={givenProblem.value} />}
    </>
  );
}

function Fact({ name, children }: { name: string; children: preact.ComponentChildren }) {
  return <div><dt>{name}</dt><dd>{children}</dd></div>;
}

function sourceName(text: string): string {
  if (text === 'link') return t('source.link');
  if (!text.startsWith('sample:')) return shown(text);
  return t('source.sample', { name: sampleName(text.slice('sample:'.length) as SampleName) });
}

/** Parts listed: a stage may have hundreds. */
const MOST_LISTED = 50;

/** What cannot be judged, by place and reason. */
export function UnjudgedList({ opened: { unjudged } }: { opened: Pick<Opened, 'unjudged'> }) {
  const id = useId();
  const others = unjudged.filter(({ code }) => !code.startsWith('missing-'));
  if (others.length === 0) return null;
  return (
    <div class="notice unsure unjudged">
      <p id={id}><strong>{t('unjudged.title', { n: others.length })}</strong></p>
      <ul aria-labelledby={id}>
        {others.slice(0, MOST_LISTED).map(({ place, participant, code, message }) => (
          <li>
            <code class="break">{shown(place, 120)}</code>{participant && <> (<bdi>{shown(participant)}</bdi>)</>}: {reasonOf(code) ?? <span lang="en" class="break">{shown(message, 300)}</span>}
          </li>
        ))}
      </ul>
      {others.length > MOST_LISTED && <p class="quiet">{t('unjudged.more', { n: others.length - MOST_LISTED })}</p>}
    </div>
  );
}

/** A document may hold submissions of several hosts or blocks. */
function Choice({ opened: { submissions } }: { opened: Opened }) {
  const id = useId();
  const name = (i: number) => {
    const { participant, publicKey, nClaimed } = submissions[i]!;
    const verdict = judgedOf(i)?.verdict;
    return `${t('proof.of', { i: i + 1, k: submissions.length })}: ${isolated(participant ?? publicKey, 40)} (${t('proof.nonces', { n: nClaimed })})${verdict ? `: ${t(`verdict.${verdict}`)}` : ''}`;
  };
  return (
    <div class="field">
      <label for={id}>{t('proof.which', { n: submissions.length })}</label>
      <select id={id} value={chosen.value} disabled={stage.value === 'running'} onChange={(e) => void choose(Number(e.currentTarget.value))}>
        {submissions.map((_, i) => <option value={i}>{name(i)}</option>)}
      </select>
      {canBeAlone.value && (
        <label class="tick"><input type="checkbox" checked={isAlone.value} disabled={stage.value === 'running'} onChange={(e) => setAlone(e.currentTarget.checked)} /> {t('proof.alone')}</label>
      )}
    </div>
  );
}

/** Who said a value: the reader, the network, or only the document. */
export function Origin({ name }: { name: 'verifier' | 'network' | 'document' | 'random' | 'whole' | 'node' | 'missing' }) {
  return <span class={`origin ${name}`}>{t(`origin.${name}`)}</span>;
}

function originOf(name: 'blockHash' | 'publicKey' | 'params' | 'rule') {
  if (missing.value.includes(name as keyof Expected)) return 'missing' as const;
  const origin = head.value?.sources[name];
  if (origin === undefined) return null;
  return name === 'blockHash' && origin === 'verifier' && isNodesHash.value ? ('node' as const) : origin;
}

function Label({ id, text, name }: { id: string; text: string; name: Parameters<typeof originOf>[0] }) {
  const origin = originOf(name);
  return <label for={id}>{text} {origin && <Origin name={origin} />}</label>;
}

/** Long enough for a hash or a key, or erased: before that, the reader is still typing. */
const isWhole = (text: string) => text.length >= 44 || text === '';

function TextField({ name, own, children }: { name: 'blockHash' | 'publicKey'; own: string | null; children?: preact.ComponentChildren }) {
  const id = `expected-${name}`;
  const value = expected.value[name];
  const isMissing = missing.value.includes(name);
  return (
    <div class={`field ${isMissing ? 'wanting' : ''}`}>
      <Label id={id} text={t(`context.${name}`)} name={name} />
      {own !== null && <p class="own mono break">{shown(own, 260)}</p>}
      <Draft id={id} value={value} placeholder={own === null ? '' : t('context.compare')} aria-invalid={isMissing} aria-describedby={`${id}-help`} isWhole={isWhole} onTake={(text) => void expect({ [name]: text })} />
      <p class="help" id={`${id}-help`}>{t(`context.${name}.help`)}</p>
      {children}
    </div>
  );
}

function AskNode({ height }: { height: number }) {
  const { value: isWaiting } = isAsking;
  return (
    <div class="row">
      <button type="button" id="expected-ask" onClick={() => (isWaiting ? cancelAsking() : void fetchBlockHash(height))}>
        {isWaiting ? t('input.cancel') : t('context.blockHash.fetch', { height: String(height) })}
      </button>
      <span class="quiet" role="status">{isWaiting ? t('node.waiting') : ''}</span>
    </div>
  );
}

function ParamsField() {
  const id = 'expected-params';
  const { profile, params, preset } = said.value!;
  const value = expected.value.params;
  const isCustom = value.trimStart().startsWith('{') || value === '';
  const any = preset ? t('context.params.preset', { preset }) : params ? t('context.params.own') : t('context.params.choose');
  const sizes = head.value?.params ?? params;
  return (
    <div class={`field ${missing.value.includes('params') ? 'wanting' : ''}`}>
      <Label id={id} text={t('context.params')} name="params" />
      <select id={id} value={isCustom ? 'custom' : value} onChange={(e) => void expect({ params: e.currentTarget.value === 'custom' ? JSON.stringify(sizes ?? {}, null, 1) : e.currentTarget.value })}>
        <option value="any">{any}</option>
        {params && !preset && <option value="document">{t('context.params.confirm')}</option>}
        {constants.value!.presets[profile].map((name) => <option value={name}>{name}</option>)}
        <option value="custom">{t('context.params.custom')}</option>
      </select>
      {isCustom && <textarea rows={4} aria-label={t('context.params.custom')} value={value} spellcheck={false} onChange={(e) => void expect({ params: e.currentTarget.value.trim() || '{}' })} />}
      {sizes && <p class="help break mono">{Object.entries(sizes).map(([name, v]) => `${name} ${v}`).join(' · ')}</p>}
    </div>
  );
}

function Radius() {
  const id = 'expected-rTarget';
  const own = said.value!.rTarget;
  const one = head.value;
  const value = expected.value.rTarget;
  const radii = constants.value!.radii;
  const isNamed = ['network', 'document'].includes(value) || radii.some(({ rTarget }) => String(rTarget) === value);
  const label = (from: number | null): Key => (from === null ? 'radius.launch' : 'radius.from');
  return (
    <div class="field">
      <Label id={id} text={t('context.radius')} name="rule" />
      <select id={id} value={isNamed ? value : 'custom'} onChange={(e) => void expect({ rTarget: e.currentTarget.value === 'custom' ? '1.4' : e.currentTarget.value })}>
        <option value="network">{one?.profile === 'gonka' && value === 'network' ? `${one.rule.rTarget}: ${t(`origin.${one.sources.rule}`)}` : t('radius.network')}</option>
        {own !== null && <option value="document">{t('radius.confirm', { radius: String(own) })}</option>}
        {radii.map(({ rTarget, fromHeight }) => <option value={String(rTarget)}>{t(label(fromHeight), { radius: String(rTarget), height: String(fromHeight) })}</option>)}
        <option value="custom">{t('radius.custom')}</option>
      </select>
      {!isNamed && <Draft aria-label={t('radius.custom')} inputMode="decimal" value={value} onTake={(text) => void expect({ rTarget: text })} />}
      {own !== null && <p class="help">{t('radius.own', { radius: String(own) })}</p>}
    </div>
  );
}
