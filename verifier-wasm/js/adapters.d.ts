import type { GonkaParams, Shape } from './types.js';

/** Shapes that parseProofs reads, by letter. */
export declare const SHAPES: Readonly<Record<Shape, string>>;

/**
 * Model and radius from the chain's parameters (`params`, `poc_params` or `model_params`), where integers are text
 * and fractions `{value, exponent}`.
 */
export declare function chainModel(value: object): { params: GonkaParams; rTarget: number | null };
