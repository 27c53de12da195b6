// Light or dark: the system's choice unless the reader made one.

import { effect, signal } from '@preact/signals';
import { recall, remember } from './memory.ts';

export type Theme = 'auto' | 'light' | 'dark';
export const THEMES: readonly Theme[] = ['auto', 'light', 'dark'];

const stored = recall('theme');
export const theme = signal<Theme>(stored === 'light' || stored === 'dark' ? stored : 'auto');

const system = matchMedia('(prefers-color-scheme: dark)');
const isSystemDark = signal(system.matches);
system.addEventListener('change', () => {
  isSystemDark.value = system.matches;
});

/** Whether dark colours are shown now; plots redraw when it changes. */
export function isDark(): boolean {
  return theme.value === 'auto' ? isSystemDark.value : theme.value === 'dark';
}

/** Keeps the document's colours as chosen. */
export function followTheme(): void {
  effect(() => {
    const { value } = theme;
    document.documentElement.dataset['theme'] = value;
    remember('theme', value === 'auto' ? null : value);
  });
}
