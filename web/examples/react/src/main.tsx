// A transaction page as an explorer has it: the transaction's fields, and beside them the check of the proof it submits.

import { StrictMode, useState } from 'react';
import { createRoot } from 'react-dom/client';
import type { Report } from 'sphere-pow-proof';
import { ProofCheck } from './ProofCheck';
import { blockHash, params, publicKey, transaction } from './transaction';
import './page.css';

function TransactionPage() {
  const [report, setReport] = useState<Report | null>(null);
  const [message] = transaction.tx.body.messages;
  return (
    <main>
      <h1>Transaction</h1>
      <table>
        <tbody>
          <tr><th scope="row">Type</th><td>{message['@type']}</td></tr>
          <tr><th scope="row">Creator</th><td>{message.creator}</td></tr>
          <tr><th scope="row">Height of the stage</th><td>{message.poc_stage_start_block_height}</td></tr>
          <tr><th scope="row">Nonces</th><td>{message.nonces.length}</td></tr>
          <tr><th scope="row">Recomputed here</th><td id="state">{report?.verdict ?? 'not yet'}</td></tr>
        </tbody>
      </table>
      <ProofCheck proof={transaction} blockHash={blockHash} publicKey={publicKey} params={params} sample="all" onVerdict={setReport} />
    </main>
  );
}

createRoot(document.getElementById('root')!).render(<StrictMode><TransactionPage /></StrictMode>);
