import { logGamma } from '../random/random-state.js';
import { betaDistribution } from './binomial-interval.js';
import { normalCdf } from './normal.js';

/** Two models on the same items, right or wrong: how likely a difference as large is where they are equally good. */
export interface McNemar {
  /** Two-sided binomial test. */
  readonly exact: number;
  /** Half of the observed count's own probability left out (Fagerland 2013). */
  readonly mid: number;
  readonly chiSquare: number;
  /** With Yates's correction. */
  readonly corrected: number;
}

/**
 * McNemar's tests of items that one model alone has right.
 * @param b right by the first alone
 * @param c right by the second alone
 */
export function mcNemar(b: number, c: number): McNemar {
  const n = b + c;
  if (n === 0) return { exact: 1, mid: 1, chiSquare: 1, corrected: 1 };
  const fewer = Math.min(b, c);
  const own = Math.exp(
    logGamma(n + 1) - logGamma(fewer + 1) - logGamma(n - fewer + 1) - n * Math.LN2,
  );
  // P(X ≤ k) of n throws of a coin.
  const exact = Math.min(1, 2 * betaDistribution(0.5, n - fewer, fewer + 1));
  const away = Math.abs(b - c);
  return {
    exact,
    mid: b === c ? 1 - own : exact - own,
    chiSquare: twoSided(away / Math.sqrt(n)),
    corrected: twoSided(Math.max(0, away - 1) / Math.sqrt(n)),
  };
}

const twoSided = (z: number) => Math.min(1, 2 * normalCdf(-z));
