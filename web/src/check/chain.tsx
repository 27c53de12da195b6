// What a chain confirms: replies of a node followed from a block that the reader trusts, and put where the reader would
// have typed. Loaded when it is asked for, its wasm when it is used.

import { batch, signal } from '@preact/signals';
import { SpherePowError, confirmChain } from 'sphere-pow/chain/slim';
import wasm from 'sphere-pow/chain.wasm?url';
import type { ComponentChildren } from 'preact';
import { t } from '../i18n.ts';
import { shown } from '../shown.ts';
import { expect } from './opening.ts';
import { NOTHING, stage } from './session.ts';
import { reasonOf } from './trouble.tsx';
import './chain.css';

interface Asked {
  trust: string;
  height: string;
  account: string;
  days: string;
  pasted: string;
}

const asked = signal<Asked>({ trust: '', height: '', account: '', days: '14', pasted: '' });
const files = signal<readonly File[]>([]);
const isBusy = signal(false);
/** In lines, the trust first. */
const confirmed = signal<string | null>(null);
const problem = signal<{ reason: string | null; detail: string } | null>(null);

async function confirm(height: string, account: string): Promise<void> {
  batch(() => {
    isBusy.value = true;
    confirmed.value = problem.value = null;
  });
  try {
    const { trust, days, pasted } = asked.value;
    const replies = [...(await Promise.all(files.value.map((file) => file.text()))), pasted];
    const { given, summary } = await confirmChain(replies, {
      trust: trust.trim(),
      trustingDays: Number(days),
      wasm: new URL(wasm, import.meta.url),
      ...(height ? { blockHeight: height } : {}),
      ...(account ? { account } : {}),
    });
    if (given) {
      const { blockHash = '', publicKey, params, rTarget } = given;
      await expect({
        blockHash,
        ...(publicKey === undefined ? {} : { publicKey }),
        params: params === undefined ? NOTHING.params : JSON.stringify(params, null, 1),
        rTarget: rTarget === undefined ? NOTHING.rTarget : String(rTarget),
      });
    }
    confirmed.value = summary;
  } catch (error) {
    const { reason = null, message } = error instanceof SpherePowError ? error : { message: String(error) };
    problem.value = { reason, detail: message };
  } finally {
    isBusy.value = false;
  }
}

interface Props {
  /** What the document says. */
  height: string;
  participant: string;
}

export default function Chain({ height, participant }: Props) {
  const { value } = asked;
  const [of, who] = [value.height.trim() || height, value.account.trim() || participant];
  const submit = () => void confirm(of, who);
  const isReady = value.trust.trim() !== '' && (files.value.length > 0 || value.pasted.trim() !== '');
  return (
    <div class="chain">
      <p>{t('chain.lead')}</p>
      <div class="context">
        <Field name="trust" help={t('chain.trust.help')} isWide />
        <Field name="height" placeholder={height} inputMode="numeric" />
        <Field name="days" inputMode="numeric" help={t('chain.days.help')} />
        <Field name="account" placeholder={participant} isWide />
        <div class="field wide">
          <label for="chain-files">{t('chain.replies')}</label>
          <input id="chain-files" type="file" multiple onChange={(event) => (files.value = [...(event.currentTarget.files ?? [])])} />
          <textarea rows={3} aria-label={t('chain.pasted')} placeholder={t('chain.pasted')} spellcheck={false} value={value.pasted} onInput={(event) => (asked.value = { ...asked.value, pasted: event.currentTarget.value })} />
          <p class="help">{t('chain.replies.help')}</p>
        </div>
      </div>
      <button type="button" id="chain-confirm" disabled={!isReady || isBusy.value || stage.value === 'running'} onClick={submit}>{t('chain.confirm')}</button>
      <div role="status">{confirmed.value !== null && <Confirmed summary={confirmed.value} />}</div>
      {problem.value && (
        <div class="notice bad" role="alert">
          <p><strong>{(problem.value.reason && reasonOf(problem.value.reason)) ?? t('chain.refused')}</strong></p>
          <p class="quiet break" lang="en">{shown(problem.value.detail, 400)}</p>
        </div>
      )}
    </div>
  );
}

function Confirmed({ summary }: { summary: string }): ComponentChildren {
  const [first = '', ...lines] = summary.trim().split('\n');
  return (
    <div class="notice good" data-chain>
      <p><strong>{t('chain.confirmed')}</strong></p>
      <p lang="en" class="break">{shown(first, 300)}</p>
      <ul class="small">{lines.map((line) => <li lang="en" class="break mono">{shown(line, 600)}</li>)}</ul>
    </div>
  );
}

interface FieldProps {
  name: 'trust' | 'height' | 'account' | 'days';
  help?: string;
  placeholder?: string;
  inputMode?: 'numeric';
  isWide?: boolean;
}

function Field({ name, help, isWide = false, ...rest }: FieldProps) {
  const id = `chain-${name}`;
  const value = asked.value[name];
  return (
    <div class={`field ${isWide ? 'wide' : ''}`}>
      <label for={id}>{t(`chain.${name}`)}</label>
      <input {...rest} id={id} class="mono" value={value} autocomplete="off" spellcheck={false} aria-describedby={help && `${id}-help`} onInput={(event) => (asked.value = { ...asked.value, [name]: event.currentTarget.value })} />
      {help && <p class="help" id={`${id}-help`}>{help}</p>}
    </div>
  );
}
