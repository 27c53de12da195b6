// What the shapes of documents are called, for people.

export const SHAPES = /* @__PURE__ */ Object.freeze({
  'proof-batch': 'proof batch of an ML node (POST /generated)',
  'validated-batch': "validated batch of an ML node (POST /validated): dist is the validator's, received_dist the claim",
  'api-batches': 'batches of an API node (GET /v1/poc-batches/{height})',
  'chain-batches': 'batches of a chain query (poc_batches_for_stage/{height})',
  transaction: 'transaction with MsgSubmitPocBatch, MsgExec unwrapped',
  init: 'init request of an ML node: context without claims',
  single: 'single proof',
  'exact-proof': 'proof of the exact profile as JSON',
  'exact-bytes': 'proof of the exact profile as bytes',
  'proof-file': 'proof file of sphere-pow mine: a batch a line',
});
