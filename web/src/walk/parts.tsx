// The parts that every step of the walk is made of.

import type { ComponentChildren } from 'preact';
import { language, t } from '../i18n.ts';
import type { Key } from '../strings.ts';

export function Step({ title, text, section, children }: { title: Key; text?: string; section: string; children?: ComponentChildren }) {
  return (
    <li class="walk-step" data-step={title.replace('walk.', '')}>
      <div class="walk-head">
        <h3>{t(title)}</h3>
        <Section name={section} />
      </div>
      {text && <p>{text}</p>}
      {children}
    </li>
  );
}

/** A link to a section of SPEC.md, which the build renders beside the page. */
export function Section({ name }: { name: string }) {
  return (
    <a class="walk-section" href={`./spec.html#${name}`} target="spec" rel="noopener">
      {t('walk.section', { section: `§${name}` })}
      <span class="hidden"> ({t('walk.newTab')})</span>
    </a>
  );
}

/** Names and values. */
export function Facts({ rows }: { rows: readonly (readonly [name: string, value: ComponentChildren])[] }) {
  return (
    <dl class="walk-facts">
      {rows.map(([name, value]) => (
        <div>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Text that is read byte for byte. */
export function Bytes({ text }: { text: string }) {
  return <code class="break">{text}</code>;
}

/** The first of a list of numbers, and how many more there are. */
export function Numbers({ values, length, digits = 5 }: { values: readonly (number | null)[]; length?: number; digits?: number }) {
  const more = (length ?? values.length) - values.length;
  return (
    <span class="walk-numbers mono">
      {values.map((value) => <span>{value === null ? 'NaN' : shown(value, digits)} </span>)}
      {more > 0 && <span class="quiet">… {t('walk.more', { count: more })}</span>}
    </span>
  );
}

/** A number as a program prints it: these are values to compare, not amounts to read. */
export function shown(value: number, digits = 5): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(digits)));
}

export function shapeText(shape: readonly number[]): string {
  return `[${shape.join(', ')}]`;
}

/** Decimal text with the language's separators; it may be beyond what a number holds. */
export function big(decimal: string): string {
  return new Intl.NumberFormat(language.value).format(BigInt(decimal));
}

export function Won({ won }: { won: boolean }) {
  return <p class={`notice ${won ? 'good' : ''}`}><strong>{t(won ? 'walk.won' : 'walk.lost')}</strong></p>;
}
