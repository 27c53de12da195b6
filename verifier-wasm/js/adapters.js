// What the shapes of the network's proof data are, and what each leaves out: facts, without the wasm.

/** Shapes that parseProofs reads, by letter. */
export const SHAPES = Object.freeze({
  A: 'proof batch of an ML node (POST /generated)',
  B: "validated batch of an ML node (POST /validated): dist is the validator's, received_dist the claim",
  C: 'batches of an API node (GET /v1/poc-batches/{height})',
  D: 'batches of a chain query (poc_batches_for_stage/{height})',
  E: 'transaction with MsgSubmitPocBatch, MsgExec unwrapped',
  G: 'init request of an ML node: context without claims',
  H: 'single proof',
});
