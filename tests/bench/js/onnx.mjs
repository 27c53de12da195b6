// A matrix product in onnxruntime-web: x [rows, cols] by a constant [cols, width], which it packs once.

import * as ort from 'onnxruntime-web/wasm';

ort.env.wasm.numThreads = 1;
// Not 'relaxed': whichever was asked for, the one wasm that this version ships has no relaxed instruction.
ort.env.wasm.simd = 'fixed';
ort.env.logLevel = 'error';

/** Base-128 bytes, low first. */
function varint(n) {
  const bytes = [];
  for (; n > 127; n = Math.floor(n / 128)) bytes.push((n % 128) | 128);
  return [...bytes, n];
}

/** Protobuf fields: numbers as varints, all else with its length before it. */
function message(...fields) {
  const parts = fields.map(([number, value]) => {
    if (typeof value === 'number') return Buffer.from([...varint(number << 3), ...varint(value)]);
    const bytes = Buffer.from(value);
    return Buffer.concat([Buffer.from([...varint((number << 3) | 2), ...varint(bytes.length)]), bytes]);
  });
  return Buffer.concat(parts);
}

const FLOAT = 1;

/** The description of a float matrix. */
function valueInfo(name, shape) {
  const dims = shape.map((n) => [1, message([1, n])]);
  return message([1, name], [2, message([1, message([1, FLOAT], [2, message(...dims)])])]);
}

/** An ONNX model of one MatMul (onnx.proto: ModelProto, opset 13). */
function model(rows, cols, width, weights) {
  const node = message([1, 'x'], [1, 'w'], [2, 'y'], [4, 'MatMul']);
  const constant = message([1, cols], [1, width], [2, FLOAT], [8, 'w'], [9, Buffer.from(weights.buffer)]);
  const graph = message(
    [1, node],
    [2, 'product'],
    [5, constant],
    [11, valueInfo('x', [rows, cols])],
    [12, valueInfo('y', [rows, width])],
  );
  return message([1, 8], [7, graph], [8, message([2, 13])]);
}

/** The product as a function that runs it once and gives y. */
export async function onnxProduct(rows, cols, width, x, weights) {
  const session = await ort.InferenceSession.create(model(rows, cols, width, weights), {
    executionProviders: ['wasm'],
    graphOptimizationLevel: 'all',
  });
  const input = new ort.Tensor('float32', x, [rows, cols]);
  return { version: ort.env.versions.web, run: async () => (await session.run({ x: input })).y.data };
}
