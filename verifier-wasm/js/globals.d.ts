// What the build puts in place.

declare const __VERSION__: string;
declare const WorkerGlobalScope: { new (): object } | undefined;

declare module 'worker-source' {
  const source: string;
  export default source;
}

declare module 'inlined-simd' {
  const text: string;
  export default text;
}

declare module 'inlined-scalar' {
  const text: string;
  export default text;
}

declare module 'inlined-learn' {
  const text: string;
  export default text;
}

interface SymbolConstructor {
  readonly asyncDispose: unique symbol;
}
