// The desk, started when it is first needed.

import { wrap, type Remote } from 'comlink';
import type { Desk } from './desk.ts';
import type { Answer, Fault } from './types.ts';

let desk: Remote<Desk> | undefined;

export function theDesk(): Remote<Desk> {
  desk ??= wrap<Desk>(new Worker(new URL('./desk.ts', import.meta.url), { type: 'module', name: 'desk' }));
  return desk;
}

/** An error of the package, or of a link. */
export class Refused extends Error {
  constructor(readonly fault: Fault) {
    super(fault.message);
    this.name = 'Refused';
  }
}

/** The value of an answer, or its fault thrown. */
export async function valueOf<T>(asked: Promise<Answer<T>>): Promise<T> {
  const answer = await asked;
  if ('fault' in answer) throw new Refused(answer.fault);
  return answer.value;
}
