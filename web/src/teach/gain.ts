// What a shortcut is worth to a cheater, as `sphere-pow soundness` counts it (tests/soundness/src/worth.rs); tests/teach.test.mjs
// holds the two together.

import type { Correlation } from 'sphere-pow/learn';

/** What a cheater pays, in units of a nonce's full work. */
export interface Price {
  /** The shortcut. */
  cheap: number;
  /** The part of the shortcut's work that the full work does not repeat. */
  reused: number;
}

/** Wins per work against honest mining, with its 95 % interval: 1 is no gain. */
export interface Gain {
  estimate: number;
  low: number;
  high: number;
}

/** Cheaters may still mine honestly, so a gain of at most this counts as none. */
export const SOUND_GAIN = 1.05;

export function gainOf({ estimate, low, high }: Correlation, price: Price, winRate: number): Gain {
  const [a, b] = [Math.abs(low), Math.abs(high)];
  const nearestZero = low <= 0 && high >= 0 ? 0 : Math.min(a, b);
  const gain = (correlation: number) => screeningGain(correlation, price, winRate);
  return { estimate: gain(estimate), low: gain(nearestZero), high: gain(Math.max(a, b)) };
}

/**
 * The best that comes of doing the full work only on nonces whose shortcut scores above s, over all s. Scores are taken as
 * jointly normal; a negative correlation serves as well as a positive one.
 */
export function screeningGain(correlation: number, { cheap, reused }: Price, winRate: number): number {
  const full = 1 - reused;
  const rho = Math.min(Math.abs(correlation), 1);
  const winAt = normalTailInverse(winRate);
  const gainAt = (s: number) => jointTail(rho, s, winAt) / winRate / (cheap + full * normalTail(s));
  const best = (from: number, to: number, step: number) => {
    let [at, gain] = [from, 0];
    for (let s = from; s <= to; s += step) {
      const here = gainAt(s);
      if (here > gain) [at, gain] = [s, here];
    }
    return { at, gain };
  };
  // Coarse, then fine: on the page this runs between two frames.
  const { at } = best(-4, 6, 0.1);
  return Math.max(1 / (cheap + full), best(at - 0.1, at + 0.1, 0.01).gain);
}

/** P(S > s and T > t) of standard normal variables with correlation rho, by Simpson's rule over T. */
function jointTail(rho: number, s: number, t: number): number {
  const rest = Math.sqrt(1 - rho * rho);
  if (rest < 1e-9) return normalTail(Math.max(s, t));
  const steps = 400;
  const width = 10 / steps;
  let sum = 0;
  for (let i = 0; i <= steps; i++) {
    const x = t + i * width;
    const weight = i === 0 || i === steps ? 1 : i % 2 === 1 ? 4 : 2;
    sum += (weight * Math.exp(-0.5 * x * x) * normalTail((s - rho * x) / rest)) / Math.sqrt(2 * Math.PI);
  }
  return (sum * width) / 3;
}

/** P(Z > z) of a standard normal variable, to 1e-12: a series near 0, a continued fraction in the tail. */
export function normalTail(z: number): number {
  if (z < 0) return 1 - normalTail(-z);
  const density = Math.exp(-0.5 * z * z) / Math.sqrt(2 * Math.PI);
  if (z > 40) return 0;
  if (z > 3.5) {
    let fraction = z;
    for (let k = 60; k > 0; k--) fraction = z + k / fraction;
    return density / fraction;
  }
  let term = z;
  let sum = z;
  for (let k = 3; term > 1e-17 * sum; k += 2) {
    term *= (z * z) / k;
    sum += term;
  }
  return 0.5 - density * sum;
}

/** The z with P(Z > z) = p, by bisection. */
function normalTailInverse(p: number): number {
  let [low, high] = [-10, 10];
  for (let i = 0; i < 100; i++) {
    const middle = (low + high) / 2;
    if (normalTail(middle) > p) low = middle;
    else high = middle;
  }
  return high;
}
