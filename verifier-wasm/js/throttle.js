// Reports of progress that come too fast are dropped.

/** Least time between two reports of one step, in ms. */
const QUIET_MS = 40;

/**
 * A progress function for wasm: false goes on. Calls that come too fast are dropped, except the first and last.
 * @param {(fraction: number) => void} tell
 */
export function throttled(tell) {
  let last = -Infinity;
  return (/** @type {number} */ fraction) => {
    const now = performance.now();
    if (fraction >= 1 || now - last >= QUIET_MS) {
      last = now;
      tell(fraction);
    }
    return false;
  };
}
