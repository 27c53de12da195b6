// Weights, capped and shared out, and how often each host is checked and checks.

import { count, percent, t } from '../i18n.ts';
import { isolated, shown } from '../shown.ts';
import { pasted, rows, rowsOf, weigh, weightProblem, type Row } from './session.ts';

export function Weights() {
  const { value: all } = rows;
  return (
    <section class="card" aria-labelledby="network-weights">
      <h2 id="network-weights">{t('network.weights')}</h2>
      <p class="quiet">{t('network.weights.help')}</p>
      <div class="field">
        <label for="network-pasted">{t('network.pasted')}</label>
        <textarea id="network-pasted" rows={4} spellcheck={false} placeholder={'gonka1a…, 12000, 30\ngonka1b…, 800'} value={pasted.value} onChange={(event) => void weigh(event.currentTarget.value)} />
        <p class="help">{t('network.pasted.help')}</p>
      </div>
      {weightProblem.value && <p class="notice bad break" role="alert"><span lang="en">{shown(weightProblem.value, 300)}</span></p>}
      {rowsOf.value && <p role="status">{t(`network.rows.${rowsOf.value}`, { n: all.length })}</p>}
      {all.length > 0 && <Table rows={all} />}
    </section>
  );
}

function Table({ rows }: { rows: readonly Row[] }) {
  return (
    <div class="scroll tall" tabIndex={0} role="region" aria-label={t('network.weights')}>
      <table class="figures">
        <thead>
          <tr>
            <th scope="col">{t('network.host')}</th>
            {(['claimed', 'power', 'share', 'epochs', 'checked', 'by', 'checks'] as const).map((name) => <th scope="col">{t(`network.column.${name}`)}</th>)}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ name, claimed, unique, power, share, honestEpochs, checkProbability, checkedBy, checks }) => (
            <tr>
              <th scope="row"><bdi>{isolated(name, 30)}</bdi></th>
              <td>{count(claimed)}{unique !== claimed && ` (${count(unique)})`}</td>
              <td>{count(Number(power))}</td>
              <td>{percent(share, 2)}</td>
              <td>{count(honestEpochs)}</td>
              <td>{percent(Number(checkProbability), 1)}</td>
              <td>{count(checkedBy, { maximumFractionDigits: 2 })}</td>
              <td>{count(checks, { maximumFractionDigits: 2 })}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
