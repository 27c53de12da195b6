// A component whose code is loaded when it is first shown.

import { signal } from '@preact/signals';
import type { ComponentType } from 'preact';
import { t } from './i18n.ts';

/** `load` gives a module whose default export is the component. */
export function lazy<Props extends object>(load: (() => Promise<unknown>) | undefined): ComponentType<Props> {
  const loaded = signal<ComponentType<Props> | null>(null);
  const failure = signal<string | null>(null);
  let isAsked = false;
  const ask = async () => {
    try {
      const module = (await load?.()) as { default: ComponentType<Props> } | undefined;
      if (!module) throw new Error('it is not part of this build');
      loaded.value = module.default;
    } catch (error) {
      isAsked = false;
      failure.value = error instanceof Error ? error.message : String(error);
    }
  };
  return function Lazy(props: Props) {
    if (!isAsked && !failure.value) {
      isAsked = true;
      void ask();
    }
    const Component = loaded.value;
    if (Component) return <Component {...props} />;
    if (failure.value) return <p class="notice bad" role="alert">{t('app.failed', { why: failure.value })}</p>;
    return <p class="quiet" role="status">{t('app.loading')}</p>;
  };
}
