// "How it works": skip layers and see what it does to the distance; walk through the making of one nonce.

import { signal } from '@preact/signals';
import { t } from '../i18n.ts';
import { Section } from '../walk/parts.tsx';
import { Walk, type WalkProps } from '../walk/index.tsx';
import { BLOCK_HASH, NONCES, PUBLIC_KEY, type Profile } from './model.ts';
import { Panel } from './panel.tsx';
import './teach.css';

const PROFILES: readonly Profile[] = ['gonka', 'exact'];

export default function LearnPage() {
  return (
    <div class="teach">
      <h1>{t('teach.title')}</h1>
      <p class="lead">{t('teach.lead', { nonces: NONCES.length })}</p>
      <div class="panels">{PROFILES.map((profile) => <Panel profile={profile} />)}</div>
      <section class="lesson" aria-labelledby="teach-what">
        <h2 id="teach-what">{t('teach.what')}</h2>
        <p>{t('teach.what.gonka')}</p>
        <p>{t('teach.what.exact')}</p>
        <p class="row">{t('teach.what.limits')} {['I.9', 'II.8', 'II.11'].map((name) => <Section name={name} />)}</p>
      </section>
      <Making />
    </div>
  );
}

const profile = signal<Profile>('gonka');
const nonce = signal('7');
const shown = signal<WalkProps | null>(null);
const MAX_NONCE = 2n ** 63n - 1n;

function isNonce(text: string): boolean {
  return /^\d{1,19}$/.test(text) && BigInt(text) <= MAX_NONCE;
}

function Making() {
  const isRight = isNonce(nonce.value);
  const show = (event: Event) => {
    event.preventDefault();
    if (!isRight) return;
    const params = profile.value === 'gonka' ? 'devtest' : 'nano';
    shown.value = { profile: profile.value, params, blockHash: BLOCK_HASH, publicKey: PUBLIC_KEY, nonce: String(BigInt(nonce.value)) };
  };
  return (
    <section class="making" aria-labelledby="teach-walk">
      <h2 id="teach-walk">{t('teach.walk')}</h2>
      <p>{t('teach.walk.lead')}</p>
      <form class="row" onSubmit={show} noValidate>
        <div class="field">
          <label for="walk-profile">{t('teach.walk.profile')}</label>
          <select id="walk-profile" value={profile.value} onChange={(event) => (profile.value = event.currentTarget.value as Profile)}>
            {PROFILES.map((name) => <option value={name}>{name}</option>)}
          </select>
        </div>
        <div class="field">
          <label for="walk-nonce">{t('teach.nonce')}</label>
          <input
            id="walk-nonce"
            inputMode="numeric"
            autocomplete="off"
            value={nonce.value}
            aria-invalid={!isRight}
            aria-describedby={isRight ? undefined : 'walk-range'}
            onInput={(event) => (nonce.value = event.currentTarget.value.trim())}
          />
        </div>
        <button class="primary" type="submit" disabled={!isRight}>{t('teach.walk.show')}</button>
      </form>
      {!isRight && <p class="quiet" id="walk-range" role="status">{t('teach.walk.range')}</p>}
      {shown.value && <div class="card"><Walk {...shown.value} /></div>}
    </section>
  );
}
