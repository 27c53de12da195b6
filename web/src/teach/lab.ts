// One profile's experiment: the layers chosen, the run that they start, the last result.

import { batch, signal } from '@preact/signals';
import { LAYERS, STAGES, run, type Profile, type Run } from './model.ts';

export type Preset = 'all' | 'butLast' | 'half' | 'other' | 'none';
export const PRESETS: readonly Preset[] = ['all', 'butLast', 'half', 'other', 'none'];

/** Whether a preset computes layer `layer` of `layers`. */
const RULES: Record<Preset, (layer: number, layers: number) => boolean> = {
  all: () => true,
  butLast: (layer, layers) => layer < layers - 1,
  half: (layer, layers) => layer < layers / 2,
  other: (layer) => layer % 2 === 0,
  none: () => false,
};

/** Clicks in quick succession make one run. */
const PAUSE_MS = 150;

export class Lab {
  readonly layers: number;
  /** Whether each layer is computed. */
  readonly chosen;
  readonly result = signal<Run | null>(null);
  /** Share done of the run in progress; null when none is. */
  readonly fraction = signal<number | null>(null);
  readonly failure = signal<string | null>(null);
  #running: AbortController | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(readonly profile: Profile) {
    this.layers = LAYERS[profile];
    this.chosen = signal<readonly boolean[]>(this.#of('half'));
  }

  #of(preset: Preset): boolean[] {
    return Array.from({ length: this.layers }, (_, layer) => RULES[preset](layer, this.layers));
  }

  /** The preset that is chosen, if it is one. */
  get preset(): Preset | undefined {
    return PRESETS.find((preset) => this.#of(preset).every((kept, layer) => kept === this.chosen.value[layer]));
  }

  choose(preset: Preset) {
    this.#change(this.#of(preset));
  }

  toggle(layer: number) {
    this.#change(this.chosen.value.map((kept, index) => (index === layer ? !kept : kept)));
  }

  #change(chosen: readonly boolean[]) {
    this.chosen.value = chosen;
    this.start(PAUSE_MS);
  }

  start(pause = 0) {
    clearTimeout(this.#timer);
    this.#running?.abort();
    batch(() => {
      this.fraction.value = 0;
      this.failure.value = null;
    });
    this.#timer = setTimeout(() => void this.#run(), pause);
  }

  stop() {
    clearTimeout(this.#timer);
    this.#running?.abort();
    this.#running = undefined;
  }

  async #run() {
    const running = new AbortController();
    this.#running = running;
    const kept = this.chosen.value.flatMap((isKept, layer) => (isKept ? [layer] : []));
    try {
      for (const nonces of STAGES[this.profile]) {
        const result = await run(this.profile, kept, {
          nonces,
          signal: running.signal,
          onProgress: (fraction) => {
            if (this.#running === running) this.fraction.value = fraction;
          },
        });
        if (this.#running !== running) return;
        this.result.value = result;
      }
      this.fraction.value = null;
    } catch (error) {
      if (this.#running !== running || running.signal.aborted) return;
      batch(() => {
        this.failure.value = error instanceof Error ? error.message : String(error);
        this.fraction.value = null;
      });
    }
  }
}
