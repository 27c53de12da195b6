/** Shapes that parseProofs reads, by letter. */
export declare const SHAPES: Readonly<Record<'A' | 'B' | 'C' | 'D' | 'E' | 'G' | 'H', string>>;
