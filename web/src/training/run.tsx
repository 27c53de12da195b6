// A run by its file: what it is, the loss as it falls, each round with its lanes and what was checked of them.

import { count, t } from '../i18n.ts';
import { ends, shown } from '../shown.ts';
import type { Journal, RoundDone } from './journal.ts';
import { checks } from './session.ts';

const [WIDTH, HEIGHT, LEFT, TOP, BOTTOM] = [640, 240, 48, 14, 34];
/** Rounds and lanes shown. */
const [ROUNDS, LANES] = [200, 16];
const nats = (loss: number) => count(loss, { minimumFractionDigits: 4, maximumFractionDigits: 4 });

export function Run({ journal }: { journal: Journal }) {
  const { run, params, parameters, rounds, textSha256, root } = journal;
  const facts: [string, string][] = [
    [t('training.fact.run'), run],
    [t('training.params'), shown(params)],
    [t('training.fact.parameters'), count(parameters)],
    [t('training.fact.text'), textSha256],
    [t('training.fact.root'), root],
  ];
  return (
    <section class="card" aria-labelledby="training-run">
      <h2 id="training-run">{t('training.title.run', { rounds: rounds.length })}</h2>
      <dl class="facts">
        {facts.map(([name, value]) => (
          <div>
            <dt>{name}</dt>
            <dd title={value}>{value.length > 40 ? ends(value) : value}</dd>
          </div>
        ))}
      </dl>
      {rounds.length > 0 && <Loss journal={journal} />}
      {rounds.length > 0 && <Rounds rounds={rounds} run={run} />}
    </section>
  );
}

function Loss({ journal: { heldOut, rounds } }: { journal: Journal }) {
  const held = [heldOut, ...rounds.map((round) => round.heldOut)].map((loss, i) => [i, loss] as const);
  const steps = rounds.map(({ loss }, i) => [i + 0.5, loss] as const);
  const all = [...held, ...steps].map(([, loss]) => loss);
  const [low, high] = [Math.max(0, Math.min(...all) - 0.05), Math.max(...all) + 0.05];
  const x = (round: number) => LEFT + ((WIDTH - LEFT - 12) * round) / rounds.length;
  const y = (loss: number) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - (loss - low) / (high - low));
  const path = (points: readonly (readonly [number, number])[]) => points.map(([at, loss], i) => `${i === 0 ? 'M' : 'L'}${x(at)} ${y(loss)}`).join('');
  const words = t('training.curve.words', { first: nats(heldOut), last: nats(rounds.at(-1)!.heldOut), rounds: rounds.length });
  return (
    <figure class="curve line-plot">
      <figcaption><h3>{t('training.curve')}</h3></figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={words}>
        {[0, 0.5, 1].map((share) => {
          const loss = low + share * (high - low);
          return (
            <g>
              <path class="grid" d={`M${LEFT} ${y(loss)}H${WIDTH - 12}`} />
              <text x={LEFT - 6} y={y(loss) + 4} text-anchor="end">{count(loss, { maximumFractionDigits: 2 })}</text>
            </g>
          );
        })}
        <path class="line" d={path(held)} />
        <path class="line steps" d={path(steps)} />
        {/* A path of one point draws nothing. */}
        {steps.length === 1 && <circle class="steps" cx={x(steps[0]![0])} cy={y(steps[0]![1])} r={3} />}
        <text x={LEFT} y={HEIGHT - 8}>0</text>
        <text x={WIDTH - 12} y={HEIGHT - 8} text-anchor="end">{count(rounds.length)}</text>
        <text x={(LEFT + WIDTH) / 2} y={HEIGHT - 8} text-anchor="middle">{t('training.curve.x')}</text>
      </svg>
      <p class="quiet small"><span class="key" aria-hidden="true" /> {t('training.curve.held')} <span class="key steps" aria-hidden="true" /> {t('training.curve.steps')}</p>
      <p class="quiet small">{words}</p>
    </figure>
  );
}

const MARK = { honest: '✓', unconfirmed: '?', unopened: '!', fraud: '✕' } as const;

function Rounds({ rounds, run }: { rounds: readonly RoundDone[]; run: string }) {
  const most = Math.min(LANES, Math.max(...rounds.map(({ lanes }) => lanes.length)));
  const last = rounds.slice(-ROUNDS);
  return (
    <>
      <h3 id="training-rounds">{t('training.rounds')}</h3>
      <p class="quiet small">{t('training.rounds.help')}</p>
      <div class="scroll tall" role="region" aria-labelledby="training-rounds" tabIndex={0}>
        <table class="figures">
          <thead>
            <tr>
              <th scope="col">{t('training.column.round')}</th>
              <th scope="col">{t('training.curve.held')}</th>
              <th scope="col">{t('training.curve.steps')}</th>
              {Array.from({ length: most }, (_, lane) => <th scope="col">{t('training.column.lane', { lane })}</th>)}
              <th scope="col">{t('training.column.root')}</th>
            </tr>
          </thead>
          <tbody>
            {last.map(({ round, heldOut, loss, lanes, root }) => (
              <tr>
                <th scope="row">{count(round)}</th>
                <td>{nats(heldOut)}</td>
                <td>{nats(loss)}</td>
                {Array.from({ length: most }, (_, lane) => <td>{lanes[lane] ? nats(lanes[lane].loss) : '–'} <Marks run={run} round={round} lane={lane} /></td>)}
                <td><code title={root}>{ends(root)}</code></td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

/** What was checked of a lane. */
function Marks({ run, round, lane }: { run: string; round: number; lane: number }) {
  const own = checks.value.filter(({ report }) => report.run === run && report.round === round && report.lane === lane);
  return (
    <>
      {own.map(({ report: { verdict, segment } }) => {
        const words = t('training.mark', { segment, verdict: t(`training.verdict.${verdict}`) });
        return <span class={`mark-of ${verdict}`} title={words}><span class="hidden">{words}</span><span aria-hidden="true">{MARK[verdict]}{segment}</span></span>;
      })}
    </>
  );
}
