// The walk of a nonce of the reader's choice.

import { signal } from '@preact/signals';
import { t } from '../i18n.ts';
import type { Key } from '../strings.ts';
import { Walk, type WalkProps } from '../walk/index.tsx';
import { BLOCK_HASH, PUBLIC_KEY } from './model.ts';

const MODELS = ['gonka dev-test', 'gonka testnet', 'exact nano', 'exact standard'] as const;
const MAX_NONCE = 2n ** 63n - 1n;

const model = signal<(typeof MODELS)[number]>('gonka dev-test');
const nonce = signal('7');
const blockHash = signal(BLOCK_HASH);
const publicKey = signal(PUBLIC_KEY);
const shown = signal<WalkProps | null>(null);

const isNonce = (text: string) => /^\d{1,19}$/.test(text) && BigInt(text) <= MAX_NONCE;
const isSeedText = (text: string) => /^[!-~]{1,256}$/.test(text);

export function Making() {
  const isRight = isNonce(nonce.value) && isSeedText(blockHash.value) && isSeedText(publicKey.value);
  return (
    <section class="making" aria-labelledby="teach-walk">
      <h2 id="teach-walk">{t('teach.walk')}</h2>
      <p>{t('teach.walk.lead')}</p>
      <form onSubmit={show} noValidate>
        <div class="field">
          <label for="walk-model">{t('teach.walk.model')}</label>
          <select id="walk-model" value={model.value} onChange={(event) => (model.value = event.currentTarget.value as (typeof MODELS)[number])}>
            {MODELS.map((name) => <option value={name}>{name.replace(' ', ': ')}</option>)}
          </select>
        </div>
        <Field name="nonce" label="teach.nonce" help="teach.walk.range" text={nonce} isRight={isNonce} />
        <Field name="hash" label="teach.walk.hash" help="teach.walk.text" text={blockHash} isRight={isSeedText} />
        <Field name="key" label="teach.walk.key" help="teach.walk.text" text={publicKey} isRight={isSeedText} />
        <button class="primary" type="submit" disabled={!isRight}>{t('teach.walk.show')}</button>
      </form>
      {shown.value && <div class="card"><Walk {...shown.value} /></div>}
    </section>
  );
}

function show(event: Event) {
  event.preventDefault();
  const [profile, params] = model.value.split(' ') as ['gonka', 'dev-test'] | ['exact', 'nano'];
  shown.value = { profile, params, blockHash: blockHash.value, publicKey: publicKey.value, nonce: String(BigInt(nonce.value)) };
}

interface FieldProps {
  name: string;
  label: Key;
  /** What is expected, said when it is something else. */
  help: Key;
  text: { value: string };
  isRight: (text: string) => boolean;
}

function Field({ name, label, help, text, isRight }: FieldProps) {
  const [id, helpId] = [`walk-${name}`, `walk-${name}-help`];
  const isWrong = !isRight(text.value);
  return (
    <div class={`field ${name}`}>
      <label for={id}>{t(label)}</label>
      <input
        id={id}
        class={name === 'nonce' ? '' : 'mono'}
        inputMode={name === 'nonce' ? 'numeric' : 'text'}
        autocomplete="off"
        spellcheck={false}
        value={text.value}
        aria-invalid={isWrong}
        aria-describedby={isWrong ? helpId : undefined}
        onInput={(event) => (text.value = event.currentTarget.value.trim())}
      />
      {isWrong && <p class="help" id={helpId} role="status">{t(help)}</p>}
    </div>
  );
}
