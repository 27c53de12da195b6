// The making of a nonce of the gonka profile, step by step.

import type { GonkaTrace, SeedName, SeedTrace } from 'sphere-pow/learn';
import { bytes, count, operations, percent, t } from '../i18n.ts';
import { Bytes, Facts, Numbers, Step, Won, shapeText, shown } from './parts.tsx';
import { DistancePlot, LogitPlot, TargetPlot } from './plots.tsx';

const SEEDS: readonly SeedName[] = ['pool', 'input', 'permutation', 'target'];

export function GonkaSteps({ made }: { made: GonkaTrace }) {
  return (
    <>
      <Seeds made={made} />
      <Tensors made={made} />
      <Input made={made} />
      <Sphere made={made} />
    </>
  );
}

type Part = { made: GonkaTrace };

function Seeds({ made }: Part) {
  const { seeds, generators } = made.steps;
  return (
    <>
      <Step title="walk.seeds" text={t('walk.seeds.text')} section={seeds.section}>
        <Facts rows={SEEDS.map((name) => [t(`walk.seed.${name}`), <SeedText text={seeds[name]} made={made} />] as const)} />
      </Step>
      <Step title="walk.generators" text={t('walk.generators.text')} section={generators.section}>
        {SEEDS.map((name) => <Generator name={name} seed={generators[name]} />)}
      </Step>
    </>
  );
}

/** A seed string with block hash, key and nonce told apart. */
function SeedText({ text, made }: { text: string; made: GonkaTrace }) {
  const [hash, rest] = [text.slice(0, made.blockHash.length), text.slice(made.blockHash.length)];
  const hasKey = rest.startsWith(`_${made.publicKey}_`);
  const [key, tail] = hasKey ? [made.publicKey, rest.slice(made.publicKey.length + 1)] : ['', rest];
  const nonce = hasKey ? tail.indexOf(made.nonce) : -1;
  return (
    <code class="break seed">
      <span class="seed-hash">{hash}</span>
      {hasKey && <>_<span class="seed-key">{key}</span></>}
      {nonce < 0 ? tail : <>{tail.slice(0, nonce)}<b>{made.nonce}</b>{tail.slice(nonce + made.nonce.length)}</>}
    </code>
  );
}

function Generator({ name, seed }: { name: SeedName; seed: SeedTrace }) {
  return (
    <details open={name === 'input'}>
      <summary>{t(`walk.seed.${name}`)}</summary>
      <Facts
        rows={[
          ...seed.hashes.map(({ text, sha256 }) => [`SHA-256 …${text.slice(seed.text.length)}`, <Bytes text={sha256} />] as const),
          [t('walk.entropy'), <Numbers values={seed.entropy} />],
          [t('walk.state'), <Bytes text={seed.state.join(' ')} />],
          [t('walk.pcg'), <Bytes text={`${seed.pcg.initialState}, ${seed.pcg.stream}`} />],
          [t('walk.draws'), <Bytes text={seed.draws.join(' ')} />],
        ]}
      />
    </details>
  );
}

function Tensors({ made: { steps } }: Part) {
  const { pool, tensors } = steps;
  const columns = ['walk.tensor', 'walk.shape', 'walk.offset', 'walk.start', 'walk.rotation'] as const;
  return (
    <>
      <Step title="walk.pool" text={t('walk.pool.text')} section={pool.section}>
        <Facts
          rows={[
            [t('walk.values'), count(pool.length)],
            [t('walk.size'), bytes(pool.bytes)],
            [t('walk.first'), <Numbers values={pool.first} length={pool.length} />],
          ]}
        />
      </Step>
      <Step title="walk.tensors" text={t('walk.tensors.text', { parameters: tensors.parameters })} section={tensors.section}>
        <div class="scroll" tabIndex={0} role="group" aria-label={t('walk.tensors')}>
          <table class="walk-table">
            <thead><tr>{columns.map((key) => <th scope="col">{t(key)}</th>)}</tr></thead>
            <tbody>
              {tensors.views.map((view) => (
                <tr>
                  <th scope="row"><code>{view.name}</code></th>
                  <td>{shapeText(view.shape)}</td>
                  <td>{view.offset}</td>
                  <td>{view.start}</td>
                  <td>{view.rotation}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </Step>
    </>
  );
}

function Input({ made: { steps } }: Part) {
  const { input, forward, logits } = steps;
  return (
    <>
      <Step title="walk.input" text={t('walk.input.text')} section={input.section}>
        <Facts
          rows={[
            [t('walk.shape'), shapeText(input.shape)],
            [t('walk.first'), <Numbers values={input.first} length={input.shape[0] * input.shape[1]} />],
          ]}
        />
      </Step>
      <Step
        title="walk.forward"
        text={t('walk.forward.text', { layers: forward.layers, operations: operations(forward.flops) })}
        section={forward.section}
      />
      <Step title="walk.logits" text={t('walk.logits.text')} section={logits.section}>
        <Facts
          rows={[
            [t('walk.first'), <Numbers values={logits.first} length={logits.length} />],
            [t('walk.norm'), shown(logits.norm, 8)],
          ]}
        />
        <LogitPlot values={logits.first} length={logits.length} />
      </Step>
    </>
  );
}

function Sphere({ made: { steps } }: Part) {
  const { permutation, target, output, distance, verdict } = steps;
  return (
    <>
      <Step title="walk.permutation" text={t('walk.permutation.text')} section={permutation.section}>
        <Facts rows={[[t('walk.first'), <Numbers values={permutation.first} length={permutation.length} />]]} />
      </Step>
      <Step title="walk.target" text={t('walk.target.text', { length: target.length })} section={target.section}>
        <Facts rows={[[t('walk.first'), <Numbers values={target.first} length={target.length} />]]} />
      </Step>
      <Step title="walk.output" text={t('walk.output.text')} section={output.section}>
        <Facts rows={[[t('walk.first'), <Numbers values={output.first} length={target.length} />]]} />
        <TargetPlot target={target.first} point={output.first} />
      </Step>
      <Step title="walk.distance" text={t('walk.distance.text')} section={distance.section}>
        <p class="walk-result mono">{distance.distance ?? t('walk.nan')}</p>
        {distance.distance !== null && <DistancePlot distance={distance.distance} radius={verdict.rTarget} dim={target.length} />}
      </Step>
      <Step title="walk.verdict" section={verdict.section}>
        <Won won={verdict.won} />
        <Facts
          rows={[
            [t('walk.radius'), String(verdict.rTarget)],
            [t('walk.winRate'), percent(verdict.winRate, 3)],
            [t('walk.share'), verdict.share === null ? '–' : percent(verdict.share, 3)],
          ]}
        />
      </Step>
    </>
  );
}
