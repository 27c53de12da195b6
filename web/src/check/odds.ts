// What a sample can show, and how random distances fall: small sums in logarithms.

/** The network's rate of honest mismatches, and the probability below which a batch is fraud. */
export const MISMATCH = 5e-4;
export const FRAUD = 1e-7;

/** ln of the gamma function, by Stirling's series; good to 1e-10 from x = 1 on. */
function lnGamma(x: number): number {
  if (x < 12) return lnGamma(x + 1) - Math.log(x);
  const r = 1 / (x * x);
  return (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + (1 / 12 - r * (1 / 360 - r / 1260)) / x;
}

function lnChoose(n: number, k: number): number {
  return lnGamma(n + 1) - lnGamma(k + 1) - lnGamma(n - k + 1);
}

/** Probability of `least` or more successes in `n` tries of probability `p`. */
export function binomialTail(n: number, least: number, p: number): number {
  let sum = 0;
  for (let k = n; k >= least; k--) sum += Math.exp(lnChoose(n, k) + k * Math.log(p) + (n - k) * Math.log1p(-p));
  return Math.min(1, sum);
}

/** Bad nonces from which a sample of `n` is fraud by the network's rule; null when none would be enough. */
export function convicting(n: number): number | null {
  for (let k = 1; k <= n; k++) if (binomialTail(n, k, MISMATCH) < FRAUD) return k;
  return null;
}

/** Probability that a sample of `n` out of `claims`, drawn without putting back, holds at least `least` of the `junk` among them. */
export function drawsAtLeast(claims: number, junk: number, n: number, least: number): number {
  let hit = 0;
  for (let k = Math.max(least, n - (claims - junk)); k <= Math.min(junk, n); k++) {
    hit += Math.exp(lnChoose(junk, k) + lnChoose(claims - junk, n - k) - lnChoose(claims, n));
  }
  return Math.min(1, hit);
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

