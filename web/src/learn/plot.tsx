// uPlot in Preact: as wide as its place, in the page's colours, drawn anew when these change.

import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { language } from '../i18n.ts';
import { isDark } from '../theme.ts';
import './plot.css';

/** Colours of the page's tokens, which the canvas needs as numbers. */
export type Palette = (token: string) => string;

/** Options for a width and colours. Must be the same function as long as the plot is the same. */
export type PlotOptions = (palette: Palette) => Omit<uPlot.Options, 'width' | 'height'>;

interface PlotProps {
  options: PlotOptions;
  data: uPlot.AlignedData;
  /** What the plot shows, in words. */
  label: string;
  height?: number;
}

export function Plot({ options, data, label, height = 260 }: PlotProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const dark = isDark();
  const { value: locale } = language;
  useEffect(() => {
    const element = place.current!;
    const made = new uPlot({ ...options(paletteOf(element)), width: element.clientWidth, height }, data, element);
    plot.current = made;
    const observer = new ResizeObserver(() => {
      if (element.clientWidth > 0) made.setSize({ width: element.clientWidth, height });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [options, dark, locale, height]);
  useEffect(() => {
    if (plot.current && plot.current.data !== data) plot.current.setData(data);
  }, [data]);
  return <div class="plot" ref={place} role="img" aria-label={label} />;
}

function paletteOf(element: HTMLElement): Palette {
  return (token) => {
    const probe = document.createElement('span');
    probe.style.color = `var(--${token})`;
    element.append(probe);
    const { color } = getComputedStyle(probe);
    probe.remove();
    return color;
  };
}

const FONT = '12px system-ui, sans-serif';

/** An axis with the page's lines and type. */
export function axis(palette: Palette, label: string, more: Partial<uPlot.Axis> = {}): uPlot.Axis {
  const grid = { stroke: palette('line'), width: 1 };
  return { label, labelFont: `600 ${FONT}`, labelSize: 22, font: FONT, stroke: palette('quiet'), grid, ticks: grid, size: 52, ...more };
}

/** Draws straight lines at values of x or y, dashed, once the rest is drawn. */
export function rules(lines: () => { at: number; scale: 'x' | 'y'; color: string }[]): uPlot.Plugin {
  const draw = (u: uPlot) => {
    const { left, top, width, height } = u.bbox;
    u.ctx.save();
    u.ctx.beginPath();
    u.ctx.rect(left, top, width, height);
    u.ctx.clip();
    u.ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
    u.ctx.lineWidth = 1.5 * devicePixelRatio;
    for (const { at, scale, color } of lines()) {
      const place = u.valToPos(at, scale, true);
      u.ctx.strokeStyle = color;
      u.ctx.beginPath();
      if (scale === 'x') {
        u.ctx.moveTo(place, top);
        u.ctx.lineTo(place, top + height);
      } else {
        u.ctx.moveTo(left, place);
        u.ctx.lineTo(left + width, place);
      }
      u.ctx.stroke();
    }
    u.ctx.restore();
  };
  return { hooks: { draw } };
}
