// What the build puts in place.

declare const __VERSION__: string;
declare const WorkerGlobalScope: { new (): object } | undefined;

interface SymbolConstructor {
  readonly asyncDispose: unique symbol;
}
