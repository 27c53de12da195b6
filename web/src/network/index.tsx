// "The network": an epoch's stages, weights and who checks whom, and what cheaters come to.

import { useEffect } from 'preact/hooks';
import { t } from '../i18n.ts';
import { Simulation } from './simulation.tsx';
import { Timeline } from './timeline.tsx';
import { Weights } from './weights.tsx';
import { found, locate } from './session.ts';
import '../styles/data.css';
import './network.css';

export default function NetworkPage() {
  useEffect(() => {
    if (!found.value) void locate();
  }, []);
  return (
    <div class="network">
      <h1>{t('network.title')}</h1>
      <p class="lead">{t('network.lead')}</p>
      <Timeline />
      <Simulation />
      <Weights />
    </div>
  );
}
