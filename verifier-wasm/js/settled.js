// Promises of wasm that trapped: nobody settles them, so a trap is taken from the events of the realm.

/**
 * What the promise of `work` gives; rejects with the trap if there is one meanwhile.
 * @template T
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function settled(work) {
  /** @type {(event: any) => void} */
  let onFault = () => {};
  /** @type {Promise<never>} */
  const trap = new Promise((_, reject) => {
    onFault = (event) => {
      const fault = event.reason ?? event.error;
      // In a page others fail too: ours have come through wasm.
      if (!(fault instanceof WebAssembly.RuntimeError) && !/wasm/.test(fault?.stack)) return;
      event.preventDefault();
      reject(fault);
    };
  });
  const names = ['error', 'unhandledrejection'];
  for (const name of names) globalThis.addEventListener?.(name, onFault);
  try {
    return await Promise.race([work(), trap]);
  } finally {
    for (const name of names) globalThis.removeEventListener?.(name, onFault);
  }
}
