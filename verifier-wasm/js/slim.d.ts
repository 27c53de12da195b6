export * from './index.js';

/** Whether this engine runs simd128; without it, load `sphere-pow/verifier-scalar.wasm`. */
export declare function hasSimd(): boolean;
