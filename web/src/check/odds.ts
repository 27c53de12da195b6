// What a sample shows at all, and how random distances fall: for display, no verdict rests on it.

/** Probability that a sample of `n` out of `claims`, drawn without putting back, holds any of the `junk` among them. */
export function drawsAny(claims: number, junk: number, n: number): number {
  // A product over whichever is fewer: drawing n past the junk is hiding the junk from n.
  const [few, many] = junk < n ? [junk, n] : [n, junk];
  let missed = 0;
  for (let i = 0; i < few; i++) missed += Math.log((claims - many - i) / (claims - i));
  return few + many > claims ? 1 : -Math.expm1(missed);
}

/** Density of the distance of a random point of the unit sphere in `n` dimensions, up to a factor. */
function density(distance: number, n: number): number {
  const cosine = 1 - (distance * distance) / 2;
  return Math.abs(cosine) >= 1 ? 0 : distance * Math.exp(((n - 3) / 2) * Math.log1p(-cosine * cosine));
}

function integral(from: number, to: number, n: number, steps: number): number {
  const width = (to - from) / steps;
  let sum = 0;
  for (let i = 0; i < steps; i++) sum += density(from + (i + 0.5) * width, n);
  return sum * width;
}

/** Where points lie that have nothing to do with the target. */
export const EQUATOR = Math.SQRT2;

/** What share of random distances below `radius` falls into each bin: the bins' edges in, one number a bin out. */
export function capShares(edges: readonly number[], radius: number, dimensions: number): number[] {
  // Far from the equator there is next to nothing: start where it begins to count.
  const whole = integral(Math.max(0, Math.SQRT2 - 12 / Math.sqrt(dimensions)), radius, dimensions, 4000);
  return edges.slice(0, -1).map((from, i) => {
    const to = Math.min(edges[i + 1]!, radius);
    return to > from ? integral(from, to, dimensions, 16) / whole : 0;
  });
}

/** The radius to win of an `exact` model: won from a squared cosine of threshold / 2^32 on. */
export function exactRadius(threshold: number): number {
  return Math.sqrt(2 - 2 * Math.sqrt(threshold / 2 ** 32));
}

