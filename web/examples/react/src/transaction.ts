// What an explorer's API answers for a transaction that submits a batch: the page's own sample in that shape. The chain says
// neither block hash nor key nor model here: an explorer has the first two from the block and the account.

import batch from '../../../public/samples/gonka-honest.json';

export const { block_hash: blockHash, public_key: publicKey } = batch;
export const params = JSON.stringify(batch.params);

export const transaction = {
  tx: {
    body: {
      messages: [
        {
          '@type': '/inference.inference.MsgSubmitPocBatch',
          creator: 'gonka1sample',
          poc_stage_start_block_height: String(batch.block_height),
          batch_id: 'sample',
          nonces: batch.nonces.slice(0, 16).map(String),
          dist: batch.dist.slice(0, 16),
        },
      ],
    },
  },
};
