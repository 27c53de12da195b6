// A network of many hosts, some of which cheat, simulated in a worker; what it comes to, in a sentence and two curves.

import type { Simulation as Outcome } from 'sphere-pow/network';
import { count, percent, t } from '../i18n.ts';
import { shown } from '../shown.ts';
import { CHEAT_NAMES, fraction, outcome, run, setup, simulationProblem, stop, type Cheat } from './session.ts';

const [WIDTH, HEIGHT, LEFT, TOP, BOTTOM] = [640, 200, 64, 12, 30];

export function Simulation() {
  const { value: now } = fraction;
  const submit = (event: Event) => {
    event.preventDefault();
    void run();
  };
  return (
    <section class="card" aria-labelledby="network-simulation" aria-busy={now !== null}>
      <h2 id="network-simulation">{t('network.simulation')}</h2>
      <p class="quiet">{t('network.simulation.help')}</p>
      <form onSubmit={submit}>
        <div class="fields">
          <Number name="hosts" min={2} max={100_000} />
          <Number name="epochs" min={1} max={1000} />
          <Number name="percent" min={0} max={90} />
          <div class="field">
            <label for="network-cheat">{t('network.cheat')}</label>
            <select id="network-cheat" value={setup.value.cheat} onChange={(event) => (setup.value = { ...setup.value, cheat: event.currentTarget.value as Cheat })}>
              {CHEAT_NAMES.map((name) => <option value={name}>{t(`network.cheat.${name}`)}</option>)}
            </select>
          </div>
          <div class="field">
            <label for="network-seed">{t('network.seed')}</label>
            <input id="network-seed" inputMode="numeric" autocomplete="off" value={setup.value.seed} onInput={(event) => (setup.value = { ...setup.value, seed: event.currentTarget.value })} />
          </div>
        </div>
        <div class="row">
          <button type="submit" class="primary" disabled={now !== null}>{t('network.run')}</button>
          {now !== null && <button type="button" onClick={onStop}>{t('whole.stop')}</button>}
        </div>
      </form>
      {now !== null && <progress max={1} value={now} aria-label={t('network.simulation')} aria-valuetext={percent(now, 0)} />}
      {simulationProblem.value && <p class="notice bad break" role="alert"><span lang="en">{shown(simulationProblem.value, 300)}</span></p>}
      <div role="status">{outcome.value && <Told outcome={outcome.value} />}</div>
    </section>
  );
}

/** The button goes, so the focus goes elsewhere. */
function onStop() {
  stop();
  fraction.value = null;
  document.getElementById('main')?.focus();
}

function Number({ name, min, max }: { name: 'hosts' | 'epochs' | 'percent'; min: number; max: number }) {
  const id = `network-${name}`;
  return (
    <div class="field">
      <label for={id}>{t(`network.${name}`)}</label>
      <input id={id} type="number" required min={min} max={max} value={setup.value[name]} onInput={(event) => (setup.value = { ...setup.value, [name]: event.currentTarget.valueAsNumber })} />
    </div>
  );
}

function Told({ outcome: { rows, groups, hash } }: { outcome: Outcome }) {
  const [honest, cheaters] = groups;
  const last = rows.at(-1);
  if (!honest || !last) return null;
  const work = rows.reduce((sum, row) => sum + row.verification, 0) / rows.length;
  // What a unit of computing power was paid, against an honest host's.
  const paid = cheaters && cheaters.power > 0 ? cheaters.paid / cheaters.power / (honest.paid / honest.power) : null;
  return (
    <div class="told" data-told>
      <p class="notice good">
        {t('network.told.checking', { share: percent(work, 2) })}{' '}
        {cheaters && paid !== null && t(cheaters.caught_after === null ? 'network.told.free' : 'network.told.cheaters', {
          rejected: percent(cheaters.claims > 0 ? cheaters.rejected / cheaters.claims : 0),
          after: count(cheaters.caught_after ?? 0, { maximumFractionDigits: 1 }),
          paid: count(paid, { maximumFractionDigits: 2 }),
        })}
      </p>
      <div class="curves">
        <Curve name="weight" values={rows.map((row) => row.false_weight)} />
        <Curve name="verification" values={rows.map((row) => row.verification)} />
      </div>
      <p class="quiet small break">{t('network.told.hash')} <code>{hash}</code></p>
    </div>
  );
}

function Curve({ name, values }: { name: 'weight' | 'verification'; values: readonly number[] }) {
  // Of nothing at all, an axis that can be read.
  const most = Math.max(...values) || 0.01;
  const x = (i: number) => LEFT + ((WIDTH - LEFT - 12) * i) / Math.max(values.length - 1, 1);
  const y = (value: number) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / most);
  const path = values.map((value, i) => `${i === 0 ? 'M' : 'L'}${x(i)} ${y(value)}`).join('');
  const words = t(`network.curve.${name}.words`, { first: percent(values[0] ?? 0, 2), last: percent(values.at(-1) ?? 0, 2), most: percent(Math.max(...values), 2) });
  return (
    <figure class="curve line-plot">
      <figcaption><h3>{t(`network.curve.${name}`)}</h3></figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={words}>
        {[0, 0.5, 1].map((share) => (
          <g>
            <path class="grid" d={`M${LEFT} ${y(share * most)}H${WIDTH - 12}`} />
            <text x={LEFT - 6} y={y(share * most) + 4} text-anchor="end">{percent(share * most, 2)}</text>
          </g>
        ))}
        <path class="line" d={path} />
        <text x={LEFT} y={HEIGHT - 8}>1</text>
        <text x={WIDTH - 12} y={HEIGHT - 8} text-anchor="end">{count(values.length)}</text>
        <text x={(LEFT + WIDTH) / 2} y={HEIGHT - 8} text-anchor="middle">{t('network.curve.x')}</text>
      </svg>
      <p class="quiet small">{words}</p>
    </figure>
  );
}
