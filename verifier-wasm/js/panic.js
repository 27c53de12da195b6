// The last words of a panic: wasm says them, then traps; whoever catches the trap reads them.

let words = '';

/** @param {string} message */
export function panicked(message) {
  words = message;
}

/** The words of the last panic, once. */
export function lastWords() {
  const said = words;
  words = '';
  return said;
}
