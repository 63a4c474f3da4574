/** Variances of a statistic over three bootstraps that share their draws: both factors drawn, and each alone. */
export interface DrawnVariances {
  readonly both: number;
  readonly first: number;
  readonly second: number;
}

/**
 * What the variance of both factors is at least: the larger of the one-factor variances, or their mean. Each is a main effect and the
 * interaction, so that neither is above the whole, nor is their mean. Of two noisy numbers the larger is too large on average, their mean is
 * not: it is the better bound where both are nearly all interaction.
 */
export type VarianceFloor = 'larger' | 'mean';

/** How many units of each factor there are: neuroids and stimuli, or subjects and stimuli. */
export interface FactorSizes {
  readonly first: number;
  readonly second: number;
  /** Default `larger`, as in rsatoolbox. */
  readonly floor?: VarianceFloor | undefined;
}

/**
 * The variance over samples of both factors. A bootstrap of one factor holds its main effect and the interaction, that of
 * both holds the interaction three times; their combination holds each once (Schütt et al. 2023, eLife 12:e82566). Bounded
 * below by the larger one-factor variance or by the mean of the two, then above by that of both.
 * @param sizes corrects each factor by n/(n − 1), for few units; NaN where a factor has one
 */
export function twoFactorVariance(
  { both, first, second }: DrawnVariances,
  sizes?: FactorSizes,
): number {
  const [a, b] = sizes
    ? [sizes.first / (sizes.first - 1), sizes.second / (sizes.second - 1)]
    : [1, 1];
  const [x, y] = [a * first, b * second];
  const combined = x + y - a * b * (both - first - second);
  const least = sizes?.floor === 'mean' ? (x + y) / 2 : Math.max(x, y);
  return Math.min(Math.max(combined, least), both);
}

/** The variance of a bootstrap that drew `n` units, as that of a sample. */
export const sampleVariance = (drawn: number, n: number): number => (drawn * n) / (n - 1);

/**
 * Variance of the difference of two statistics.
 * @param covariance square, row-major
 */
export function contrastVariance(
  covariance: ArrayLike<number>,
  size: number,
  i: number,
  j: number,
): number {
  return (
    covariance[i * size + i] -
    covariance[i * size + j] -
    covariance[j * size + i] +
    covariance[j * size + j]
  );
}
