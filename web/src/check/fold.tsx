// A part of the page that can be folded away; what is folded is not made.

import { signal, useSignal } from '@preact/signals';
import { useId } from 'preact/hooks';

const wide = matchMedia('(min-width: 48rem)');
/** Whether there is room to show everything at once. */
export const isWide = signal(wide.matches);
wide.addEventListener('change', () => {
  isWide.value = wide.matches;
});

interface FoldProps {
  title: string;
  name: string;
  isOpen?: boolean;
  /** Stands in a card of its own. */
  isCard?: boolean;
  children: preact.ComponentChildren;
}

export function Fold({ title, name, isOpen = false, isCard = true, children }: FoldProps) {
  const open = useSignal(isOpen);
  const id = useId();
  return (
    <details class={`fold ${isCard ? 'card' : ''}`} data-fold={name} open={open.value} onToggle={(event) => (open.value = event.currentTarget.open)}>
      <summary id={id}>{isCard ? <h2>{title}</h2> : title}</summary>
      {open.value && <div class="folded">{children}</div>}
    </details>
  );
}
