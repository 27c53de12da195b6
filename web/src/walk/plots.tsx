// Plots of the walk: the first logits, the point beside the target, and where the distance lies among random ones.

import uPlot from 'uplot';
import { count, t } from '../i18n.ts';
import { Plot, axis, rules, type Palette, type PlotOptions } from '../learn/plot.tsx';
import { densityCurve } from './sphere.ts';

const bars = uPlot.paths.bars!({ size: [0.6, 60] });
const indices = (values: readonly unknown[]) => values.map((_, i) => i);
const cursor = { show: false };

function sticks(palette: Palette, series: uPlot.Series[]): ReturnType<PlotOptions> {
  return {
    cursor,
    scales: { x: { time: false, range: (_, low, high) => [low - 0.5, high + 0.5] } },
    axes: [
      axis(palette, t('walk.index'), { size: 34, incrs: [1, 2], grid: { show: false } }),
      axis(palette, t('walk.value'), { size: 64 }),
    ],
    series: [{}, ...series],
  };
}

const logitOptions: PlotOptions = (palette) => sticks(palette, [{ paths: bars, points: { show: false }, fill: palette('accent'), stroke: palette('accent') }]);

export function LogitPlot({ values, length }: { values: readonly number[]; length: number }) {
  const label = t('walk.plot.logits', { count: values.length, length });
  return (
    <figure class="walk-plot">
      <figcaption>{label}</figcaption>
      <Plot options={logitOptions} data={[indices(values), [...values]]} label={label} height={200} />
    </figure>
  );
}

const targetOptions: PlotOptions = (palette) =>
  sticks(palette, [
    { paths: bars, points: { show: false }, fill: palette('line-strong'), stroke: palette('line-strong') },
    { paths: () => null, stroke: palette('accent'), points: { show: true, size: 9, fill: palette('accent'), width: 0 } },
  ]);

/** Both as coordinates on the unit sphere. */
export function TargetPlot({ target, point }: { target: readonly number[]; point: readonly (number | null)[] }) {
  const label = t('walk.plot.target', { count: target.length });
  return (
    <figure class="walk-plot">
      <figcaption>{label}</figcaption>
      <Plot options={targetOptions} data={[indices(target), [...target], [...point]]} label={label} height={220} />
    </figure>
  );
}

interface DistancePlotProps {
  distance: number;
  radius: number;
  dim: number;
}

export function DistancePlot({ distance, radius, dim }: DistancePlotProps) {
  const digits = { minimumFractionDigits: 6, maximumFractionDigits: 6 };
  const label = t('walk.plot.distance', { distance: count(distance, digits), radius: count(radius, digits) });
  return (
    <figure class="walk-plot">
      <figcaption>{label}</figcaption>
      <Plot options={distanceOptions(distance, radius)} data={densityCurve(dim, [distance, radius])} label={label} height={200} />
      <p class="walk-key quiet"><span class="swatch target" /> {t('walk.radius')} <span class="swatch point" /> {t('walk.distance')}</p>
    </figure>
  );
}

let last: { key: string; options: PlotOptions } | undefined;

/** The same function for the same values, as Plot wants it. */
function distanceOptions(distance: number, radius: number): PlotOptions {
  const key = `${distance} ${radius}`;
  if (last?.key === key) return last.options;
  const options: PlotOptions = (palette) => ({
    cursor,
    scales: { x: { time: false }, y: { range: [0, 1.08] } },
    axes: [axis(palette, t('walk.distance'), { size: 34 }), { show: false }],
    series: [{}, { stroke: palette('quiet'), width: 2, fill: palette('accent-soft') }],
    plugins: [
      rules(() => [
        { at: radius, scale: 'x', color: palette('unsure') },
        { at: distance, scale: 'x', color: palette('accent') },
      ]),
    ],
  });
  last = { key, options };
  return options;
}
