import { ascending, compareIds, type Id } from '../data/ids.js';
import { addRow, type RecordedValues, valuesInMemory } from '../data/stored/recorded-values.js';
import { VentralError } from '../errors/ventral-error.js';
import { type Matrix, matrix } from '../numerics/algebra/matrix.js';
import { RandomState } from '../numerics/random/random-state.js';
import { aggregateSplits } from './aggregate.js';
import { correlate } from './cross-regressed-correlation.js';
import { shuffleSplit } from './cross-validation.js';
import type { MetricResult } from './metric.js';

/**
 * The ceiling of neural benchmarks (spec §1.7): how well one random half of the repetitions
 * predicts the other, corrected to the full number by Spearman and Brown's formula.
 */

/** Recordings before averaging: one row a presentation. */
export interface RepeatedRecordings {
  readonly stimulusIds: readonly Id[];
  readonly repetition?: readonly Id[];
  readonly neuroidIds: readonly Id[];
  /** presentation × neuroid, row-major; NaN if nothing was recorded. */
  readonly values: Float32Array | Float64Array | RecordedValues;
}

/** Repetition ids of the two halves of one split. */
export interface Halves {
  readonly first: readonly Id[];
  readonly second: readonly Id[];
}

/** The random halves of the repetition ids, the same for all stimuli and neuroids. */
export function repetitionHalves(
  repetition: readonly Id[],
  { splits = 10, seed = 1 }: { splits?: number; seed?: number } = {},
): Halves[] {
  const ids = [...new Set(repetition)].sort(compareIds);
  if (ids.length < 2)
    throw new VentralError(
      'recordings-invalid',
      `A ceiling from halves needs at least two repetitions, but the recordings have ${ids.length}`,
      { field: 'repetition', expected: 'at least 2', found: String(ids.length) },
    );
  const made = shuffleSplit(ids.length, splits, { trainSize: 0.5 }, new RandomState(seed));
  return made.map(({ train, test }) => ({
    first: train.map((i) => ids[i]),
    second: test.map((i) => ids[i]),
  }));
}

/** Means over the presentations of some repetitions, stimuli ascending; NaN values are left out. */
export function averageHalf(
  recordings: RepeatedRecordings,
  repetitions: readonly Id[],
): { stimulusIds: Id[]; values: Matrix } {
  const { repetition = [] } = recordings;
  const wanted = new Set(repetitions);
  const presentations = new Map<Id, number[]>();
  recordings.stimulusIds.forEach((id, row) => {
    if (!wanted.has(repetition[row])) return;
    const rows = presentations.get(id);
    if (rows) rows.push(row);
    else presentations.set(id, [row]);
  });
  const found = [...presentations.keys()];
  const stimulusIds = ascending(found).map((i) => found[i]);
  const cols = recordings.neuroidIds.length;
  const values = valuesOf(recordings);
  const means = matrix(stimulusIds.length, cols);
  const counts = new Uint32Array(cols);
  stimulusIds.forEach((id, i) => {
    const own = means.data.subarray(i * cols, (i + 1) * cols);
    counts.fill(0);
    for (const row of presentations.get(id) ?? []) addRow(values.row(row), own, counts);
    for (let k = 0; k < cols; k++) own[k] /= counts[k];
  });
  return { stimulusIds, values: means };
}

const valuesOf = ({ stimulusIds, neuroidIds, values }: RepeatedRecordings): RecordedValues =>
  'row' in values ? values : valuesInMemory(stimulusIds.length, neuroidIds.length, values);

/**
 * The internal consistency of recordings with repetitions: per split Pearson's r between the means
 * of both halves, corrected to 2r / (1 + r) for each neuroid, then median and mean as in a score.
 * @throws VentralError `recordings-invalid` where there are no repetitions or a stimulus is missing from a half
 */
export function internalConsistency(
  recordings: RepeatedRecordings,
  options: { splits?: number; seed?: number } = {},
): MetricResult {
  const corrected = Array.from(averagedHalves(recordings, options), ({ first, second }) =>
    correlate(second, first).map(toFullLength),
  );
  return aggregateSplits(corrected, recordings.neuroidIds, []);
}

/**
 * The same with a turn of the loop after each split, whose share is told: halves of recordings on disk take a while.
 * @throws as {@link internalConsistency}, and what `told` throws
 */
export async function internalConsistencyByTurns(
  recordings: RepeatedRecordings,
  options: { splits?: number; seed?: number },
  told: (share: number) => Promise<void>,
): Promise<MetricResult> {
  const corrected: Float64Array[] = [];
  for (const { first, second } of averagedHalves(recordings, options)) {
    corrected.push(correlate(second, first).map(toFullLength));
    await told(corrected.length / (options.splits ?? 10));
  }
  return aggregateSplits(corrected, recordings.neuroidIds, []);
}

/** Spearman and Brown's formula: what r of two halves is for the whole. */
export const toFullLength = (r: number): number => (2 * r) / (1 + r);

/**
 * The means of both halves of each split, stimulus × neuroid.
 * @throws as {@link internalConsistency}
 */
export function* averagedHalves(
  recordings: RepeatedRecordings,
  options: { splits?: number; seed?: number } = {},
): Generator<{ readonly stimulusIds: Id[]; readonly first: Matrix; readonly second: Matrix }> {
  for (const { first, second } of repetitionHalves(recordings.repetition ?? [], options)) {
    const a = averageHalf(recordings, first);
    const b = averageHalf(recordings, second);
    requireEqualStimuli(a.stimulusIds, b.stimulusIds);
    yield { stimulusIds: a.stimulusIds, first: a.values, second: b.values };
  }
}

function requireEqualStimuli(a: readonly Id[], b: readonly Id[]): void {
  const inA = new Set(a);
  const inB = new Set(b);
  const lost = a.find((id) => !inB.has(id)) ?? b.find((id) => !inA.has(id));
  if (lost !== undefined)
    throw new VentralError(
      'recordings-invalid',
      `Stimulus ${lost} has presentations in one half of the repetitions alone`,
      { field: 'repetition', expected: 'every stimulus in both halves', found: String(lost) },
    );
}
