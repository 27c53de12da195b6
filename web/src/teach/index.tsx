// "How it works": skip layers and see what it does to the distance; walk through the making of one nonce.

import { t } from '../i18n.ts';
import { Section } from '../walk/parts.tsx';
import { Making } from './making.tsx';
import type { Profile } from './model.ts';
import { Panel } from './panel.tsx';
import './teach.css';

const PROFILES: readonly Profile[] = ['gonka', 'exact'];

export default function LearnPage() {
  return (
    <div class="teach">
      <h1>{t('teach.title')}</h1>
      <p class="lead">{t('teach.lead')}</p>
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
