import type { Id } from '../../data/ids.js';
import { VentralError } from '../../errors/ventral-error.js';
import { pickRows } from '../../metrics/cross-regressed-correlation.js';
import { targetSplits } from '../../metrics/cross-validation.js';
import type { CrossValidation, Target } from '../../metrics/metric.js';

/** Raised whenever the inner splits, or the choice within them, become others. */
export const NESTED_VERSION = 1;
/** Splits of the training part of each split. */
export const INNER_SPLITS = 5;

/** What a layer gives in one split: numbers and draws that its kind of benchmark puts together with those of other splits. */
export interface SplitPart {
  readonly values: readonly number[];
  readonly draws: readonly Float64Array[];
}

/** How a layer does within the training part of each split, and what it gives in the test part; or why it has none of it. */
export type NestedLayer =
  | {
      /** Value within the training part, by split. */
      readonly inner: readonly number[];
      readonly splits: readonly SplitPart[];
    }
  | { readonly reason: string };

/**
 * How the training part of a split is divided again (docs/statistics.md): as the stimuli were, in the same shares, from a seed of
 * its own; whole groups where there are groups.
 * @param part the training stimuli
 * @param split position of the split, from 0
 * @param of number of stimuli that were divided
 */
export function innerCrossValidation(
  { groups }: Pick<Target, 'groups'>,
  { seed, trainSize, testSize }: CrossValidation,
  { split, of }: { readonly split: number; readonly of: number },
): CrossValidation {
  const share = (size: number | undefined) => (size === undefined || size < 1 ? size : size / of);
  const [train, test] = [share(trainSize), share(testSize)];
  return {
    splits: groups ? Math.min(INNER_SPLITS, new Set(groups).size) : INNER_SPLITS,
    seed: (seed + 1 + split) % 2 ** 32,
    ...(train === undefined ? {} : { trainSize: train }),
    ...(test === undefined ? {} : { testSize: test }),
  };
}

/** Some presentations of averaged recordings, in their order. */
export function trainingPart<T extends Target>(target: T, rows: readonly number[]): T {
  const of = (values: readonly Id[] | undefined) => values && rows.map((row) => values[row]);
  const [strata, groups] = [of(target.strata), of(target.groups)];
  return {
    ...target,
    stimulusIds: rows.map((row) => target.stimulusIds[row]),
    values: pickRows(target.values, rows),
    ...(strata ? { strata } : {}),
    ...(groups ? { groups } : {}),
  };
}

/**
 * The value of a layer within the training part of each split of recordings.
 * @param value of the layer on some of the presentations, divided in that way
 */
export async function innerValues<T extends Target>(
  target: T,
  crossValidation: CrossValidation,
  value: (part: T, inner: CrossValidation) => Promise<number>,
): Promise<number[]> {
  const inner: number[] = [];
  const of = target.stimulusIds.length;
  for (const [split, { train }] of targetSplits(target, crossValidation).entries()) {
    const part = trainingPart(
      target,
      train.toSorted((a, b) => a - b),
    );
    inner.push(await value(part, innerCrossValidation(part, crossValidation, { split, of })));
  }
  return inner;
}

/** Some rows of the stimuli, and the presentations that they are. */
export interface ComparedRows {
  readonly rows: readonly number[];
  readonly stimulusIds: readonly Id[];
}

/** The rows that some presentations have. */
export function rowsOfPart(
  { rows, stimulusIds }: ComparedRows,
  part: Pick<Target, 'stimulusIds'>,
): ComparedRows {
  const kept = new Set(part.stimulusIds);
  const left = stimulusIds.flatMap((id, i) => (kept.has(id) ? i : []));
  return { rows: left.map((i) => rows[i]), stimulusIds: left.map((i) => stimulusIds[i]) };
}

/** A layer whose training parts cannot be divided, or not be fitted, is left out of the choice, and says why. */
export async function orReason(make: () => Promise<NestedLayer>): Promise<NestedLayer> {
  try {
    return await make();
  } catch (thrown) {
    const error = VentralError.from(thrown);
    if (error.code === 'interrupted' || error.code === 'internal') throw error;
    return {
      reason: `within the training part of a split: ${error.details.reason ?? error.message}`,
    };
  }
}
