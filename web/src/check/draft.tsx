// A field whose text is the reader's until it is taken: what changes meanwhile does not undo the typing.

import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';

interface DraftProps {
  value: string;
  /** Whether a text is taken as soon as it stands there, before the field is left. */
  isWhole?: (text: string) => boolean;
  onTake: (text: string) => void;
  id?: string;
  inputMode?: 'decimal';
  placeholder?: string;
  'aria-label'?: string;
  'aria-invalid'?: boolean;
  'aria-describedby'?: string;
}

export function Draft({ value, isWhole = () => false, onTake, ...rest }: DraftProps) {
  const text = useSignal(value);
  const taken = useRef(value);
  // Set from elsewhere, as by a node's answer.
  if (taken.current !== value) {
    taken.current = value;
    text.value = value;
  }
  const take = (now: string) => {
    if (now === taken.current) return;
    taken.current = now;
    onTake(now);
  };
  const onInput = (now: string) => {
    text.value = now;
    if (isWhole(now)) take(now);
  };
  return (
    <input {...rest} class="mono" spellcheck={false} autocomplete="off" value={text.value} onInput={(event) => onInput(event.currentTarget.value)} onChange={(event) => take(event.currentTarget.value)} />
  );
}
