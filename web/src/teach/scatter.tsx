// Honest against shortened distances, a point a nonce.

import uPlot from 'uplot';
import { count, t } from '../i18n.ts';
import { Plot, axis, rules, type PlotOptions } from '../learn/plot.tsx';
import type { Profile, SkipReport } from './model.ts';

/** Pairs of distances by nonce; nonces without one are left out. */
export function pairsOf(report: SkipReport, isTargetKnown: boolean): { nonce: string; honest: number; shortcut: number }[] {
  const all =
    report.profile === 'gonka'
      ? report.nonces.map(({ nonce, honest, shortcut }) => ({ nonce, honest: honest.distance, shortcut: shortcut.distance }))
      : report.nonces.map(({ nonce, honest, shortcut }) => ({
          nonce,
          honest: honest.distance,
          shortcut: isTargetKnown ? shortcut.distanceToHonestTarget : shortcut.distance,
        }));
  return all.filter((pair): pair is { nonce: string; honest: number; shortcut: number } => pair.honest !== null && pair.shortcut !== null);
}

/** The distance below which a nonce wins. */
export function radiusOf(report: SkipReport): number {
  if (report.profile === 'gonka') return report.rTarget;
  return Math.sqrt(2 - 2 * Math.sqrt(report.params.threshold / 2 ** 32));
}

/** Both axes alike, and the same from run to run: vocab 256 scatters by 0.06 about √2. */
const range = (): [number, number] => [1.16, 1.66];
const digits = (u: uPlot, values: number[]) => (void u, values.map((value) => count(value, { maximumFractionDigits: 2 })));

function optionsFor(radius: () => number): PlotOptions {
  return (palette) => ({
    cursor: { show: false },
    scales: { x: { time: false, range }, y: { range } },
    axes: [axis(palette, t('teach.x'), { size: 34, values: digits }), axis(palette, t('teach.y'), { values: digits })],
    series: [
      {},
      { stroke: palette('line-strong'), width: 1 },
      { paths: () => null, points: { show: true, size: 5, fill: palette('accent'), width: 0 } },
    ],
    plugins: [
      rules(() => [
        { at: radius(), scale: 'x', color: palette('unsure') },
        { at: radius(), scale: 'y', color: palette('unsure') },
      ]),
    ],
  });
}

let radii: Record<Profile, number> = { gonka: NaN, exact: NaN };
const OPTIONS: Record<Profile, PlotOptions> = {
  gonka: optionsFor(() => radii.gonka),
  exact: optionsFor(() => radii.exact),
};

/** Memoised by its arguments' identity: the plot redraws when the data is another. */
const drawn = new WeakMap<SkipReport, Map<boolean, uPlot.AlignedData>>();

function dataOf(report: SkipReport, isTargetKnown: boolean): uPlot.AlignedData {
  const known = drawn.get(report) ?? new Map<boolean, uPlot.AlignedData>();
  drawn.set(report, known);
  const found = known.get(isTargetKnown);
  if (found) return found;
  const pairs = pairsOf(report, isTargetKnown).sort((a, b) => a.honest - b.honest);
  const honest = pairs.map((pair) => pair.honest);
  // The diagonal reaches over the whole plot.
  const [low, high] = range();
  const data: uPlot.AlignedData = [[low, ...honest, high], [low, ...honest, high], [null, ...pairs.map((pair) => pair.shortcut), null]];
  known.set(isTargetKnown, data);
  return data;
}

export function Scatter({ report, isTargetKnown, correlation }: { report: SkipReport; isTargetKnown: boolean; correlation: string }) {
  radii = { ...radii, [report.profile]: radiusOf(report) };
  const label = t('teach.plot', { nonces: report.nonces.length, correlation });
  return <Plot options={OPTIONS[report.profile]} data={dataOf(report, isTargetKnown)} label={label} height={320} />;
}
