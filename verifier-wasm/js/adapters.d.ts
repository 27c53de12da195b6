import type { Shape } from './types.js';

/** What the shapes of documents are called, for people. */
export declare const SHAPES: Readonly<Record<Shape, string>>;
