// The strip of layers: one tab stop, arrow keys move, space switches; presets above it.

import { useRef } from 'preact/hooks';
import { t } from '../i18n.ts';
import { PRESETS, type Lab } from './lab.ts';

export function Layers({ lab }: { lab: Lab }) {
  const strip = useRef<HTMLDivElement>(null);
  const help = `layers-${lab.profile}`;
  return (
    <fieldset class="layers">
      <legend>{t('teach.layers')}</legend>
      <div class="row" role="group" aria-label={t('teach.preset')}>
        {PRESETS.map((preset) => (
          <button type="button" class="small" aria-pressed={lab.preset === preset} onClick={() => lab.choose(preset)}>
            {t(`teach.${preset}`)}
          </button>
        ))}
      </div>
      <div class="strip" ref={strip} role="group" aria-label={t('teach.layers')} aria-describedby={help} onKeyDown={(event) => move(event, strip.current!)}>
        {lab.chosen.value.map((kept, layer) => (
          <label class={kept ? 'kept' : 'left-out'}>
            <input
              type="checkbox"
              checked={kept}
              tabIndex={layer === 0 ? 0 : -1}
              aria-label={t('teach.layer', { number: layer })}
              onChange={() => lab.toggle(layer)}
            />
            <span aria-hidden="true">{layer}</span>
          </label>
        ))}
      </div>
      <p class="quiet help" id={help}>{t('teach.layers.help')}</p>
    </fieldset>
  );
}

const MOVES: Record<string, (index: number, last: number) => number> = {
  ArrowRight: (index, last) => Math.min(index + 1, last),
  ArrowDown: (index, last) => Math.min(index + 1, last),
  ArrowLeft: (index) => Math.max(index - 1, 0),
  ArrowUp: (index) => Math.max(index - 1, 0),
  Home: () => 0,
  End: (_, last) => last,
};

function move(event: KeyboardEvent, strip: HTMLElement) {
  const boxes = [...strip.querySelectorAll('input')];
  const index = boxes.indexOf(event.target as HTMLInputElement);
  const next = boxes[MOVES[event.key]?.(index, boxes.length - 1) ?? -1];
  if (index < 0 || !next) return;
  event.preventDefault();
  boxes.forEach((box) => (box.tabIndex = box === next ? 0 : -1));
  next.focus();
}
