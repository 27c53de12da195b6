// sphere-pow/transcript with the files that the build puts beside this module: loaded when a commitment is first checked.

import { verifyTranscript as verify, type TranscriptInput, type TranscriptOptions } from 'sphere-pow/transcript/slim';
import wasm from 'sphere-pow/transcript.wasm?url';
import worker from 'sphere-pow/transcript-worker?url';

const FILES = { wasm: new URL(wasm, import.meta.url), worker: new URL(worker, import.meta.url) };

export function verifyTranscript(commitment: TranscriptInput, openings: TranscriptInput, options: TranscriptOptions) {
  return verify(commitment, openings, { ...options, ...FILES });
}
