import type { GonkaParams } from './types.js';

/** Shapes that parseProofs reads, by letter. */
export declare const SHAPES: Readonly<Record<'A' | 'B' | 'C' | 'D' | 'E' | 'G' | 'H', string>>;

/**
 * Model and radius from the chain's parameters (`params`, `poc_params` or `model_params`), where integers are text
 * and fractions `{value, exponent}`.
 */
export declare function chainModel(value: object): { params: GonkaParams; rTarget: number | null };
