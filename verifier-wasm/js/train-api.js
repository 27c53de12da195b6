// sphere-pow/train: reads what callers pass and has a segment repeated in a worker that lives as long as the call.

import { Call } from './call.js';
import { Runtime, failure } from './core.js';
import * as input from './core.js';
import source from './generated/train-worker-text.js';
import { readCall } from './options.js';
import { Pieces, whole } from './pieces.js';
import { glue } from './train-glue.js';
import { TrainHost } from './train-host.js';

const GIVEN = ['params', 'root', 'seed'];
const OPTIONS = [...GIVEN, 'text', 'start', 'memoryLimit', 'worker', 'wasm', 'signal', 'onProgress'];

/** @param {() => unknown} own The entry's own wasm. */
export function trainApi(own) {
  const runtime = new Runtime(glue);
  const workers = { runtime, source, newHost: () => new TrainHost(runtime) };

  return {
    /**
     * @param {unknown} opening
     * @param {unknown} [options]
     */
    async readOpening(opening, options) {
      const read = readCall(options, ['wasm', 'signal']);
      const call = new Call(read);
      const pieces = new Pieces('the opening', opening);
      try {
        await call.load(workers, own);
        const bytes = await call.unlessStopped(pieces.next());
        return JSON.parse(runtime.call((wasm) => wasm.read_opening(bytes)));
      } finally {
        call.end();
        pieces.cancel();
      }
    },

    /**
     * @param {unknown} opening
     * @param {unknown} options
     */
    async checkSegment(opening, options) {
      const read = readCall(options, OPTIONS);
      const params = input.paramsText(read.params);
      const call = new Call(read);
      /** @type {Pieces[]} */
      const opened = [];
      try {
        const open = (/** @type {string} */ what, /** @type {unknown} */ value) => {
          const pieces = new Pieces(what, value);
          opened.push(pieces);
          return pieces;
        };
        const [openingOf, textOf] = [open('the opening', opening), open('the text', read.text)];
        const startOf = read.start === undefined ? undefined : open('the start', read.start);
        await call.open(workers, own);
        const about = (/** @type {number} */ length) => JSON.parse(runtime.call((wasm) => wasm.about(params, length)));
        const { openingBytes, startBytes, textBytes } = about(0);
        // One byte more than fits: the wasm says what is too long.
        const bytesOf = (/** @type {Pieces} */ pieces, /** @type {number} */ max) => call.unlessStopped(whole(pieces, max));
        const text = await bytesOf(textOf, textBytes);
        if (text.length > textBytes) throw failure('E_RANGE', `the text has more than ${textBytes} bytes, expected at most that`);
        const { memoryBytes } = about(text.length);
        const limit = read.memoryLimit ?? Infinity;
        if (memoryBytes > limit) throw failure('E_MEMORY', `the worker needs ${memoryBytes} bytes, expected at most ${limit}`);
        const job = {
          opening: await bytesOf(openingOf, openingBytes),
          text,
          start: startOf && (await bytesOf(startOf, startBytes)),
          given: givenJson(read),
        };
        return await call.run(job, call.told);
      } finally {
        call.end();
        for (const pieces of opened) pieces.cancel();
      }
    },
  };
}

/**
 * What the verifier said, for the wasm.
 * @param {Record<string, any>} read
 */
function givenJson(read) {
  /** @type {Record<string, unknown>} */
  const given = Object.create(null);
  for (const name of GIVEN) if (read[name] !== undefined) given[name] = read[name];
  for (const name of ['root', 'seed']) if (read[name] !== undefined) input.text(name, read[name]);
  return input.guarded('the options', () => input.json(given));
}
