// Languages: the reader's choice, else the browser's. Every text is in strings.ts.

import { effect, signal } from '@preact/signals';
import { recall, remember } from './memory.ts';
import { STRINGS, type Key } from './strings.ts';

/** In the order of the columns of strings.ts. */
export const LANGUAGES = ['en', 'zh', 'ru'] as const;
export type Language = (typeof LANGUAGES)[number];
export const LANGUAGE_NAMES: Record<Language, string> = { en: 'English', zh: '中文', ru: 'Русский' };

function isLanguage(value: string | null | undefined): value is Language {
  return LANGUAGES.some((language) => language === value);
}

function firstLanguage(): Language {
  const stored = recall('language');
  if (isLanguage(stored)) return stored;
  return (navigator.languages ?? [navigator.language]).map((tag) => tag.slice(0, 2).toLowerCase()).find(isLanguage) ?? 'en';
}

export const language = signal<Language>(firstLanguage());

export function choose(value: Language): void {
  language.value = value;
  remember('language', value);
}

/** Text in the reader's language; `{name}` is replaced by `values.name`. */
export function t(key: Key, values: Record<string, string | number> = {}): string {
  const text = STRINGS[key][LANGUAGES.indexOf(language.value)]!;
  return text.replace(/\{(\w+)\}/g, (all, name: string) => {
    const value = values[name];
    return value === undefined ? all : typeof value === 'number' ? count(value) : value;
  });
}

/** A number with the language's separators. */
export function count(value: number, options: Intl.NumberFormatOptions = {}): string {
  return new Intl.NumberFormat(language.value, options).format(value);
}

/** A share, such as 0.051 as "5.1 %". */
export function percent(value: number, digits = 1): string {
  return count(value, { style: 'percent', maximumFractionDigits: digits });
}

/** A probability: plain where that can be read, else with an exponent. */
export function probability(value: number): string {
  if (value === 0 || value >= 1e-3) return count(value, { maximumSignificantDigits: 3 });
  const [mantissa, exponent] = value.toExponential(1).split('e') as [string, string];
  const digits = '⁰¹²³⁴⁵⁶⁷⁸⁹';
  const raised = exponent.replace('+', '').replace('-', '⁻').replace(/\d/g, (d) => digits[Number(d)]!);
  return `${count(Number(mantissa))} · 10${raised}`;
}

/** Seconds in words. */
export function duration(seconds: number): string {
  const unit = (value: number, name: string) => count(value, { style: 'unit', unit: name, unitDisplay: 'short', maximumFractionDigits: value < 10 ? 1 : 0 });
  if (seconds < 1) return unit(Math.max(1, Math.round(seconds * 1000)), 'millisecond');
  if (seconds < 120) return unit(seconds, 'second');
  if (seconds < 7200) return unit(seconds / 60, 'minute');
  if (seconds < 172_800) return unit(seconds / 3600, 'hour');
  return unit(seconds / 86_400, 'day');
}

/** Bytes in words; units of 1000. */
export function bytes(value: number): string {
  const [size, name] = value >= 1e9 ? [value / 1e9, 'gigabyte'] : value >= 1e6 ? [value / 1e6, 'megabyte'] : [value / 1e3, 'kilobyte'];
  return count(size!, { style: 'unit', unit: name as string, unitDisplay: 'short', maximumFractionDigits: size! < 10 ? 1 : 0 });
}

/** Operations in words, such as 7.3e11 as "0.73 T". */
export function operations(value: number): string {
  const steps = [[1e15, 'P'], [1e12, 'T'], [1e9, 'G'], [1e6, 'M'], [1, '']] as const;
  const [unit, name] = steps.find(([size]) => value >= size) ?? [1, ''];
  return `${count(value / unit, { maximumSignificantDigits: 3 })} ${name}`;
}

/** Keeps the document's language as chosen. */
export function followLanguage(): void {
  effect(() => {
    document.documentElement.lang = language.value === 'zh' ? 'zh-Hans' : language.value;
    document.title = t('app.title');
  });
}
