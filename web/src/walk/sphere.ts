// How far random points of a sphere lie from a fixed one: the curve behind r_target (SPEC I.5).

/** Density, up to a factor, of the distance of a random point of the unit sphere in R^dim: 1 at its highest. */
export function distanceDensity(distance: number, dim: number): number {
  if (distance <= 0 || distance >= 2) return 0;
  const sine = (x: number) => 1 - (1 - (x * x) / 2) ** 2;
  const logOf = (x: number) => Math.log(x) + ((dim - 3) / 2) * Math.log(sine(x));
  return Math.exp(logOf(distance) - logOf(mostLikely(dim)));
}

/** Where the density is highest: 1 + m (2 - x²) / (1 - x²/4) = 0 with m = (dim - 3)/2. */
function mostLikely(dim: number): number {
  const m = (dim - 3) / 2;
  return m < 0 ? Math.SQRT2 : Math.sqrt((1 + 2 * m) / (m + 0.25));
}

/** Points of the curve between the ends that matter: seven standard deviations, and `also`. */
export function densityCurve(dim: number, also: readonly number[]): [number[], number[]] {
  const spread = 7 / Math.sqrt(2 * dim);
  const low = Math.max(0, Math.min(Math.SQRT2 - spread, ...also) - 0.05 * spread);
  const high = Math.min(2, Math.max(Math.SQRT2 + spread, ...also) + 0.05 * spread);
  const xs = Array.from({ length: 241 }, (_, i) => low + ((high - low) * i) / 240);
  return [xs, xs.map((x) => distanceDensity(x, dim))];
}
