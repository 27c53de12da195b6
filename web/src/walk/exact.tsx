// The making of a nonce of the exact profile, step by step.

import type { ExactTrace, KeyTrace, StreamTrace } from 'sphere-pow/learn';
import { count, operations, percent, t } from '../i18n.ts';
import { keyFields } from './key-fields.ts';
import { Bytes, Facts, Numbers, Step, Won, big, shapeText, shown } from './parts.tsx';
import { DistancePlot, LogitPlot, TargetPlot } from './plots.tsx';

export function ExactSteps({ made }: { made: ExactTrace }) {
  return (
    <>
      <Start made={made} />
      <Work made={made} />
      <End made={made} />
    </>
  );
}

type Part = { made: ExactTrace };

function Start({ made: { steps } }: Part) {
  const { keys, weights, input } = steps;
  return (
    <>
      <Step title="walk.keys" text={t('walk.keys.text')} section={keys.section}>
        <Key name="weights" made={keys.weights} />
        <Key name="input" made={keys.input} />
      </Step>
      <Step title="walk.weights" text={t('walk.weights.text', { total: weights.total })} section={weights.section}>
        {weights.tensors.map((tensor) => (
          <Facts
            rows={[
              [t('walk.tensor'), <><code>{tensor.name}</code> {shapeText(tensor.shape)}</>],
              ...streamRows(tensor, tensor.shape[0] * tensor.shape[1]),
            ]}
          />
        ))}
      </Step>
      <Step title="walk.input" text={t('walk.exact.input.text', { shape: input.shape[0] * input.shape[1] })} section={input.section}>
        <Facts rows={[[t('walk.shape'), shapeText(input.shape)], ...streamRows(input, input.shape[0] * input.shape[1])]} />
      </Step>
    </>
  );
}

function Key({ name, made }: { name: 'weights' | 'input' | 'target'; made: KeyTrace }) {
  return (
    <>
      <Facts rows={[[`${t('walk.key')}: ${t(`walk.key.${name}`)}`, <Bytes text={made.key} />]]} />
      <details>
        <summary>{t('walk.hashed')}: {t(`walk.key.${name}`)}</summary>
        <Facts
          rows={keyFields(made.encoding).map(({ name: field, hex, value }) => [
            field === 'tag' || field === 'version' || field === 'domain' || field === 'field' ? t(`walk.field.${field}`) : field,
            <><Bytes text={hex} />{value && <span class="quiet break"> {value}</span>}</>,
          ] as const)}
        />
      </details>
    </>
  );
}

function streamRows({ stream, keystream, first }: StreamTrace, length: number) {
  return [
    [t('walk.stream'), stream],
    [t('walk.keystream'), <Bytes text={`${keystream.match(/../g)?.join(' ') ?? ''} …`} />],
    [t('walk.first'), <Numbers values={first} length={length} />],
  ] as const;
}

function Work({ made: { steps } }: Part) {
  const { forward, logits, digest } = steps;
  return (
    <>
      <Step
        title="walk.forward"
        text={t('walk.exact.forward.text', { layers: forward.layers, operations: operations(forward.operations) })}
        section={forward.section}
      />
      <Step title="walk.logits" text={t('walk.logits.text')} section={logits.section}>
        <Facts
          rows={[
            [t('walk.first'), <Numbers values={logits.first} length={logits.length} />],
            [t('walk.squared'), big(logits.squared)],
          ]}
        />
        <LogitPlot values={logits.first} length={logits.length} />
      </Step>
      <Step title="walk.digest" text={t('walk.digest.text')} section={digest.section}>
        <p class="walk-result"><Bytes text={digest.digest} /></p>
      </Step>
    </>
  );
}

function End({ made: { steps } }: Part) {
  const { logits, target, verdict } = steps;
  const unit = (values: readonly number[], squared: string) => values.map((value) => value / Math.sqrt(Number(squared)));
  const { numerator, denominator } = verdict.threshold;
  const radius = Math.sqrt(2 - 2 * Math.sqrt(numerator / denominator));
  return (
    <>
      <Step title="walk.target" text={t('walk.exact.target.text')} section={target.section}>
        <Key name="target" made={target} />
        <Facts rows={[...streamRows(target, target.length), [t('walk.squared'), big(target.squared)]]} />
        <TargetPlot target={unit(target.first, target.squared)} point={unit(logits.first, logits.squared)} />
      </Step>
      <Step title="walk.verdict" text={t('walk.exact.verdict.text')} section={verdict.section}>
        <Won won={verdict.won} />
        <Facts
          rows={[
            [t('walk.dot'), big(verdict.dot)],
            [t('walk.logitsSquared'), big(logits.squared)],
            [t('walk.targetSquared'), big(target.squared)],
            [t('walk.threshold'), `${count(numerator)} / 2³²`],
            [t('walk.left'), big(verdict.left)],
            [t('walk.right'), big(verdict.right)],
            [t('walk.cosine'), shown(verdict.cosine, 8)],
            [t('walk.displayed'), shown(verdict.distance, 8)],
            [t('walk.winRate'), percent(verdict.winRate, 3)],
          ]}
        />
        <DistancePlot distance={verdict.distance} radius={radius} dim={logits.length} />
      </Step>
    </>
  );
}
