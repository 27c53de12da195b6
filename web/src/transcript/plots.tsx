// The bound on its way down, and the layers whose steps were repeated.

import { percent, t } from '../i18n.ts';
import { bounds, layers, progress, report } from './session.ts';

const [WIDTH, HEIGHT, LEFT, TOP, BOTTOM] = [640, 220, 76, 14, 44];
/** Nonces named of a layer. */
const NAMED = 8;
const MARKS = [0, 0.25, 0.5, 0.75, 1];

/** The share of the work that may have been skipped, by steps checked. */
export function Bound() {
  const points = bounds.value;
  const total = progress.value?.total ?? 0;
  const last = points.at(-1);
  if (!last || total === 0) return null;
  const x = (done: number) => LEFT + ((WIDTH - LEFT - 12) * done) / total;
  const y = (share: number) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - share);
  // It holds until the next point.
  const path = points.map(([done, bound], i) => (i === 0 ? `M${x(done)} ${y(bound)}` : `H${x(done)}V${y(bound)}`)).join('');
  const isOver = (progress.value?.faults.length ?? 0) > 0;
  const words = isOver ? t('whole.bound.none', { done: last[0] }) : t('whole.bound.plot', { share: percent(last[1]), done: last[0] });
  return (
    <figure class="bound line-plot">
      <figcaption><h3>{t('whole.bound')}</h3></figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={words}>
        {MARKS.map((share) => (
          <g>
            <path class="grid" d={`M${LEFT} ${y(share)}H${WIDTH - 12}`} />
            <text x={LEFT - 6} y={y(share) + 4} text-anchor="end">{percent(share, 0)}</text>
          </g>
        ))}
        <path class={`line ${isOver ? 'over' : ''}`} d={path} />
        <circle class={`end ${isOver ? 'over' : ''}`} cx={x(last[0])} cy={y(last[1])} r="4" />
        {[0, total].map((done) => <text x={x(done)} y={HEIGHT - 14} text-anchor={done === 0 ? 'start' : 'end'}>{done}</text>)}
        <text x={(LEFT + WIDTH) / 2} y={HEIGHT - 14} text-anchor="middle">{t('whole.bound.x')}</text>
      </svg>
      <p class="quiet small">{words}</p>
    </figure>
  );
}

/** A cell a layer, as far as layers are known: how many of its steps were repeated, and whether one failed. */
export function LayerMap() {
  const seen = layers.value;
  if (seen.size === 0) return null;
  const n = report.value?.layers ?? Math.max(...seen.keys()) + 1;
  const now = progress.value?.layer ?? null;
  return (
    <div class="layer-map">
      <h3>{t('whole.layers')}</h3>
      <p class="quiet small">{t('whole.layers.help')}</p>
      <ol start={0}>
        {Array.from({ length: n }, (_, layer) => {
          const { nonces, nFaults } = seen.get(layer) ?? { nonces: [], nFaults: 0 };
          const isFailed = nFaults > 0;
          const named = nonces.slice(0, NAMED).join(', ') + (nonces.length > NAMED ? ', …' : '');
          const values = { layer, nonces: named || '–', faults: nFaults };
          const words = t(isFailed ? 'whole.layer.failed' : nonces.length === 0 ? 'whole.layer.none' : 'whole.layer.repeated', values);
          const state = isFailed ? 'failed' : nonces.length === 0 ? '' : layer === now ? 'now' : 'true';
          return (
            <li class={state} data-layer={layer} title={words}>
              <span class="hidden">{words}</span>
              <span aria-hidden="true">{isFailed ? '✕' : nonces.length || ''}</span>
            </li>
          );
        })}
      </ol>
    </div>
  );
}
