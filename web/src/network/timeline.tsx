// An epoch's windows as bars and as a table: the whole epoch, and its proofs enlarged, which are a fiftieth of it.

import type { Epoch, EpochPreset, Stages } from 'sphere-pow/network';
import { count, t } from '../i18n.ts';
import { shown } from '../shown.ts';
import { PRESETS, asked, epochProblem, found, locate } from './session.ts';

const [WIDTH, BAR] = [720, 26];

/** What an epoch consists of; each from its height to the last one. */
function windowsOf(stages: Stages): readonly (readonly [name: Name, from: number, to: number])[] {
  return [
    ['generate', stages.start, stages.generationEnd - 1],
    ['exchange', stages.generationEnd, stages.validationStart - 1],
    ['validate', stages.validationStart, stages.weightsComputed - 1],
    ['settle', stages.weightsComputed, stages.newValidators - 1],
    ['inference', stages.newValidators, stages.nextStart - 1],
  ];
}
type Name = 'generate' | 'exchange' | 'validate' | 'settle' | 'inference';

export function Timeline() {
  const { preset, height } = asked.value;
  return (
    <section class="card" aria-labelledby="network-epoch">
      <h2 id="network-epoch">{t('network.epoch')}</h2>
      <p class="quiet">{t('network.epoch.help')}</p>
      <div class="fields">
        <div class="field">
          <label for="network-preset">{t('network.preset')}</label>
          <select id="network-preset" value={preset} onChange={(event) => void locate({ preset: event.currentTarget.value as EpochPreset })}>
            {PRESETS.map((name) => <option value={name}>{t(`network.preset.${name}`)}</option>)}
          </select>
        </div>
        <div class="field">
          <label for="network-height">{t('network.height')}</label>
          <input id="network-height" inputMode="numeric" autocomplete="off" value={height} onInput={(event) => void locate({ height: event.currentTarget.value })} />
        </div>
      </div>
      {epochProblem.value && <p class="notice bad break" role="alert"><span lang="en">{shown(epochProblem.value, 300)}</span></p>}
      {found.value && <Found found={found.value} height={Number(height)} />}
    </section>
  );
}

function Found({ found: { index, stages }, height }: { found: Epoch; height: number }) {
  if (!stages) return <p role="status">{t('network.epoch.first')}</p>;
  const windows = windowsOf(stages);
  const now = windows.find(([, from, to]) => height >= from && height <= to)?.[0];
  return (
    <>
      <p role="status"><strong>{t('network.now', { epoch: index, phase: now ? t(`network.window.${now}`) : '–' })}</strong></p>
      <Bar label={t('network.whole', { blocks: count(stages.nextStart - stages.start) })} from={stages.start} to={stages.nextStart} height={height} windows={windows} />
      <Bar label={t('network.proofs', { blocks: count(stages.newValidators - stages.start) })} from={stages.start} to={stages.newValidators} height={height} windows={windows.slice(0, -1)} />
      <div class="scroll" tabIndex={0} role="region" aria-label={t('network.windows')}>
        <table class="figures">
          <thead><tr><th scope="col">{t('network.windows')}</th><th scope="col">{t('network.from')}</th><th scope="col">{t('network.to')}</th><th scope="col">{t('network.takes')}</th></tr></thead>
          <tbody>
            {windows.map(([name, from, to]) => (
              <tr class={name === now ? 'now' : ''} aria-current={name === now ? 'true' : undefined}>
                <th scope="row"><span class={`swatch ${name}`} aria-hidden="true" /> {t(`network.window.${name}`)}</th>
                <td>{count(from)}</td><td>{count(to)}</td><td>{t(`network.window.${name}.takes`)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p class="quiet small">{t('network.windows.messages', { from: count(stages.batchWindow[0]), to: count(stages.batchWindow[1]), first: count(stages.validationWindow[0]), last: count(stages.validationWindow[1]) })}</p>
    </>
  );
}

interface BarProps {
  label: string;
  from: number;
  to: number;
  height: number;
  windows: readonly (readonly [Name, number, number])[];
}

function Bar({ label, from, to, height, windows }: BarProps) {
  const x = (at: number) => (WIDTH * (at - from)) / (to - from);
  return (
    <figure class="bar">
      <figcaption class="quiet small">{label}</figcaption>
      <svg viewBox={`0 -8 ${WIDTH} ${BAR + 8}`} aria-hidden="true" preserveAspectRatio="none">
        {windows.map(([name, first, last]) => <rect class={name} x={x(first)} width={Math.max(x(last + 1) - x(first), 1)} y="0" height={BAR} />)}
        {height >= from && height < to && <path class="here" d={`M${x(height + 0.5)} -8V${BAR}`} />}
      </svg>
    </figure>
  );
}
