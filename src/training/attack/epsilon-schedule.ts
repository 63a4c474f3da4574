/** An epoch and the factor of epsilon at its beginning. Epochs count from 0. */
export type EpsilonPoint = readonly [epoch: number, factor: number];

/**
 * The factor of epsilon at a moment of a stage: between the points of a list it goes in a line, before the
 * first and after the last it stays (as the `custom-eps-multiplier` of MadryLab's `robustness`). An empty list
 * is 1 throughout.
 * @param epoch with the share of it that is over: 1.5 is the middle of the second epoch
 * @param points in ascending order of epochs
 */
export function epsilonFactor(epoch: number, points: readonly EpsilonPoint[]): number {
  const next = points.findIndex(([at]) => at > epoch);
  if (points.length === 0) return 1;
  if (next === 0) return points[0][1];
  if (next < 0) return points[points.length - 1][1];
  const [[from, low], [to, high]] = [points[next - 1], points[next]];
  return low + ((high - low) * (epoch - from)) / (to - from);
}

/** A fall of the robust accuracy within an epoch from which on fast training has failed. */
const CATASTROPHIC_FALL = 0.2;

/** Images in a batch of those who found it. */
const THEIR_BATCH = 128;

/** Whether fast adversarial training continues; if not, the observed accuracies. */
export type OverfittingVerdict =
  | { readonly overfitted: false }
  | {
      readonly overfitted: true;
      /** Robust accuracies: the highest of the epoch, and the last. */
      readonly before: number;
      readonly after: number;
    };

/**
 * The guard against catastrophic overfitting (Wong, Rice and Kolter 2020, section 5.4): a network trained by
 * FGSM suddenly stands against that alone, and its accuracy under PGD falls to nothing. So the accuracy under
 * PGD-5 of one training batch, measured now and then in an epoch, must not fall by more than .2 from the
 * highest of the epoch. In batches smaller than their 128 chance alone does that, the highest being one of ten or so:
 * there the fall must also be more than four standard errors of a difference. A fall to nothing is told from .4 on in
 * batches of 32.
 * @param accuracies of one epoch, in order; the first may be the last of the epoch before
 * @param images in a batch
 */
export function catastrophicOverfitting(
  accuracies: readonly number[],
  pictures: number,
): OverfittingVerdict {
  const after = accuracies[accuracies.length - 1] ?? 0;
  const before = Math.max(0, ...accuracies);
  const mean = (before + after) / 2;
  const chance = 4 * Math.sqrt((2 * mean * (1 - mean)) / pictures);
  const limit = Math.max(CATASTROPHIC_FALL, pictures < THEIR_BATCH ? chance : 0);
  // A fall of exactly the limit must not depend on rounding.
  if (before - after <= limit + 1e-9) return { overfitted: false };
  return { overfitted: true, before, after };
}
