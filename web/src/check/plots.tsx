// Where the distances lie: their histogram with the radius and what random nonces would give; claimed against recomputed.

import { useMemo } from 'preact/hooks';
import uPlot from 'uplot';
import { BAD, GOOD, UNCHECKED, type Columns } from '../engine/types.ts';
import { t, count } from '../i18n.ts';
import { Plot, axis, rules, type PlotOptions } from '../learn/plot.tsx';
import { Fold, isWide } from './fold.tsx';
import { EQUATOR, capShares, exactRadius } from './odds.ts';
import { columns, filled, head, judged } from './session.ts';

/** Bins below the radius. */
const BINS = 24;
/** A plot's height where there is room, and where there is not. */
const [TALL, SHORT] = [260, 190];

export default function Plots() {
  const data = columns.value;
  const one = judged.value ?? head.value;
  if (!data || !one) return null;
  const isGonka = one.profile === 'gonka';
  const radius = isGonka ? one.rule.rTarget : exactRadius(one.params.threshold);
  const dimensions = isGonka ? one.params.vocab_size : one.params.vocab;
  const scatter = isGonka && <Scatter data={data} version={filled.value} radius={radius} />;
  return (
    <section class="card" aria-labelledby="plots-title">
      <h2 id="plots-title">{t('plots.title')}</h2>
      <div class={isGonka ? 'plots' : ''}>
        <Histogram data={data} version={filled.value} radius={radius} dimensions={dimensions} />
        {scatter && (isWide.value ? scatter : <Fold name="scatter" title={t('plots.scatter')} isCard={false}>{scatter}</Fold>)}
      </div>
    </section>
  );
}

interface PlotProps {
  data: Columns;
  version: number;
  radius: number;
}

function Histogram({ data, version, radius, dimensions }: PlotProps & { dimensions: number }) {
  const bins = useMemo(() => binned(data, radius, dimensions), [data, version, radius, dimensions]);
  const hasClaims = data.claimed.length > 0;
  const options = useMemo<PlotOptions>(
    () => (palette) => ({
      scales: { x: { time: false }, y: { range: (_u, _min, max) => [0, Math.max(1, max * 1.1)] } },
      axes: [axis(palette, t('plots.distance')), axis(palette, t('plots.nonces'), { size: 44, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000] })],
      cursor: { show: false },
      legend: { show: false },
      series: [
        {},
        { fill: palette('accent-soft'), stroke: palette('accent'), width: 1, paths: uPlot.paths.bars!({ size: [1] }), points: { show: false } },
        { stroke: palette('quiet'), width: 1.5, dash: [3, 3], paths: uPlot.paths.bars!({ size: [0.8] }), points: { show: false } },
        { stroke: palette('unsure'), width: 2, points: { show: false } },
      ],
      plugins: [rules(() => [{ at: radius, scale: 'x', color: palette('bad') }, { at: EQUATOR, scale: 'x', color: palette('line-strong') }])],
    }),
    [radius],
  );
  const { inside, checked, mean } = bins;
  return (
    <figure>
      <figcaption>
        <strong>{t('plots.histogram')}</strong>
        <Legend items={[['recomputed', t('table.recomputed')], ...(hasClaims ? [['claimed', t('table.claimed')] as const] : []), ['expected', t('plots.expected')], ['radius', t('plots.radius', { radius: count(radius, { maximumFractionDigits: 6 }) })]]} />
      </figcaption>
      <Plot options={options} data={bins.data} label={t('plots.histogram.label', { inside, checked, radius: count(radius, { maximumFractionDigits: 6 }), mean: checked ? count(mean, { maximumFractionDigits: 4 }) : '–' })} height={isWide.value ? TALL : SHORT} />
      {bins.last >= EQUATOR && <p class="quiet small">{t('plots.equator')}</p>}
    </figure>
  );
}

/** Counts by bins one of whose edges is the radius, and what as many random winners would give. */
function binned(data: Columns, radius: number, dimensions: number) {
  let [low, high, sum, checked, inside] = [radius, radius, 0, 0, 0];
  const see = (value: number) => {
    if (Number.isNaN(value)) return;
    low = Math.min(low, value);
    high = Math.max(high, value);
  };
  data.claimed.forEach(see);
  data.recomputed.forEach((value) => {
    see(value);
    if (Number.isNaN(value)) return;
    sum += value;
    checked += 1;
    if (value <= radius) inside += 1;
  });
  const width = Math.max((radius - Math.max(low, radius - 4 / Math.sqrt(dimensions))) / BINS, 1e-6);
  const [before, after] = [Math.ceil((radius - low) / width), Math.max(2, Math.ceil((high - radius) / width))].map((n) => Math.min(n!, 200)) as [number, number];
  const edges = Array.from({ length: before + after + 1 }, (_, i) => radius + (i - before) * width);
  const place = (value: number) => Math.min(before + after - 1, Math.max(0, Math.floor((value - edges[0]!) / width)));
  const counts = (values: Float64Array) => {
    const bins = new Array<number>(before + after).fill(0);
    for (const value of values) if (!Number.isNaN(value)) bins[place(value)]! += 1;
    return bins;
  };
  const winners = data.claimed.length > 0 && checked === 0 ? data.claimed.length : Math.max(inside, 1);
  const expected = capShares(edges, radius, dimensions).map((share, i) => (i < before ? share * winners : null));
  const centres = edges.slice(0, -1).map((edge) => edge + width / 2);
  return { data: [centres, counts(data.recomputed), counts(claimsShown(data)), expected] as uPlot.AlignedData, inside, checked, mean: sum / checked, last: edges.at(-1)! };
}

/** Claimed distances of what was recomputed, so that both can be compared. */
function claimsShown({ claimed, status }: Columns): Float64Array {
  return claimed.filter((_, row) => status[row] !== UNCHECKED);
}

function Scatter({ data, version, radius }: PlotProps) {
  const points = useMemo(() => scattered(data), [data, version]);
  const options = useMemo<PlotOptions>(
    () => (palette) => {
      const dots = (color: string): uPlot.Series => ({ stroke: color, paths: () => null, points: { show: true, size: 6, fill: color, stroke: color } });
      return {
        scales: { x: { time: false, range: padded }, y: { range: padded } },
        axes: [axis(palette, t('plots.claimed')), axis(palette, t('plots.recomputed'), { size: 58 })],
        cursor: { show: false },
        legend: { show: false },
        series: [{}, { stroke: palette('line-strong'), width: 1, points: { show: false } }, dots(palette('good')), dots(palette('bad'))],
        plugins: [rules(() => [{ at: radius, scale: 'y', color: palette('bad') }])],
      };
    },
    [radius],
  );
  return (
    <figure>
      <figcaption>
        <strong>{t('plots.scatter')}</strong>
        <Legend items={[['good', t('status.good')], ['bad', t('status.bad')], ['diagonal', t('plots.equal')], ['radius', t('plots.limit')]]} />
      </figcaption>
      <Plot options={options} data={points.data} label={t('plots.scatter.label', { good: points.good, bad: points.bad })} />
      <p class="quiet small">{t('plots.scatter.help')}</p>
    </figure>
  );
}

function padded(_u: uPlot, min: number, max: number): [number, number] {
  const room = Math.max((max - min) * 0.05, 1e-4);
  return [min - room, max + room];
}

function scattered({ claimed, recomputed, status }: Columns) {
  const rows = Array.from(claimed.keys()).filter((row) => !Number.isNaN(recomputed[row]));
  rows.sort((a, b) => claimed[a]! - claimed[b]!);
  const of = (which: number) => rows.map((row) => (status[row] === which ? recomputed[row]! : null));
  const x = rows.map((row) => claimed[row]!);
  const data = [x, x, of(GOOD), of(BAD)] as uPlot.AlignedData;
  return { data, good: rows.filter((row) => status[row] === GOOD).length, bad: rows.filter((row) => status[row] === BAD).length };
}

function Legend({ items }: { items: readonly (readonly [string, string])[] }) {
  return (
    <ul class="legend">
      {items.map(([name, text]) => <li><i class={`swatch ${name}`} aria-hidden="true" />{text}</li>)}
    </ul>
  );
}
