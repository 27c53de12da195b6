// The walk through the making of one nonce: recomputed when shown, each step with its numbers and its section of SPEC.md.

import { signal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import type { ExactTrace, GonkaTrace } from 'sphere-pow/learn';
import type { GonkaVerifierOptions, ExactVerifierOptions, Profile } from 'sphere-pow/slim';
import { duration, percent, t } from '../i18n.ts';
import { trace } from '../learn/client.ts';
import { ExactSteps } from './exact.tsx';
import { GonkaSteps } from './gonka.tsx';
import './walk.css';

export interface WalkProps {
  profile: Profile;
  params: GonkaVerifierOptions['params'] | ExactVerifierOptions['params'];
  blockHash: string;
  publicKey: string;
  /** Decimal. */
  nonce: string;
  /** gonka: the radius to win; that at launch by default. */
  rTarget?: number | undefined;
}

type Status =
  | { name: 'running'; fraction: number; eta: number | null }
  | { name: 'made'; made: GonkaTrace | ExactTrace }
  | { name: 'failed'; why: string }
  | { name: 'cancelled' };

export function Walk(props: WalkProps) {
  const key = JSON.stringify(props);
  const walk = useMemo(() => new Making(props), [key]);
  useEffect(() => {
    walk.start();
    return () => walk.cancel();
  }, [walk]);
  const { value: status } = walk.status;
  return (
    <section class="walk" aria-label={t('walk.title', { nonce: props.nonce })}>
      {status.name === 'running' && <Running {...status} onCancel={() => walk.cancel()} />}
      {status.name === 'failed' && <p class="notice bad" role="alert">{t('walk.failed', { why: status.why })}</p>}
      {status.name === 'cancelled' && (
        <p class="row" role="status">{t('walk.cancelled')} <button type="button" onClick={() => walk.start()}>{t('walk.retry')}</button></p>
      )}
      {status.name === 'made' && (
        <ol class="walk-steps">
          {status.made.profile === 'gonka' ? <GonkaSteps made={status.made} /> : <ExactSteps made={status.made} />}
        </ol>
      )}
    </section>
  );
}

export default Walk;

/** One walk's computation, which a large model takes minutes for. */
class Making {
  readonly status = signal<Status>({ name: 'running', fraction: 0, eta: null });
  #running: AbortController | undefined;

  constructor(readonly props: WalkProps) {}

  start() {
    const running = new AbortController();
    this.#running = running;
    this.status.value = { name: 'running', fraction: 0, eta: null };
    void this.#make(running);
  }

  cancel() {
    this.#running?.abort();
  }

  async #make(running: AbortController) {
    const { profile, params, blockHash, publicKey, nonce, rTarget } = this.props;
    const radius = profile === 'gonka' && rTarget !== undefined ? { rTarget } : {};
    const model = { profile, params, ...radius } as Parameters<typeof trace>[0];
    try {
      const made = await trace({
        ...model,
        blockHash,
        publicKey,
        nonce,
        signal: running.signal,
        onProgress: ({ fraction, eta }) => (this.status.value = { name: 'running', fraction, eta }),
      });
      if (this.#running === running) this.status.value = { name: 'made', made };
    } catch (error) {
      if (this.#running !== running) return;
      const why = error instanceof Error ? error.message : String(error);
      this.status.value = running.signal.aborted ? { name: 'cancelled' } : { name: 'failed', why };
    }
  }
}

function Running({ fraction, eta, onCancel }: { fraction: number; eta: number | null; onCancel: () => void }) {
  return (
    <div class="walk-running">
      <progress max={1} value={fraction} aria-label={t('walk.running')} />
      <span class="quiet">
        {t('walk.running')} · {percent(fraction, 0)}
        {eta !== null && eta >= 1 && ` · ${t('walk.eta', { time: duration(eta) })}`}
      </span>
      <button type="button" onClick={onCancel}>{t('walk.cancel')}</button>
    </div>
  );
}
