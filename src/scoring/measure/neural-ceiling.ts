import type { Coordinate } from '../../data/assembly.js';
import { ascending, type Id } from '../../data/ids.js';
import type { Recordings } from '../../data/recordings.js';
import { neuroidCeiling } from '../../metrics/ceilings/neuroid-ceiling.js';
import { predictorConsistency } from '../../metrics/ceilings/predictor-consistency.js';
import {
  internalConsistency,
  internalConsistencyByTurns,
} from '../../metrics/internal-consistency.js';
import type { MetricResult } from '../../metrics/metric.js';
import { poolCeilings } from '../../metrics/time/pool-bins.js';
import { type Matrix, submatrix } from '../../numerics/algebra/matrix.js';
import type { Benchmark } from '../benchmark/benchmark.js';
import type { DataSources } from '../benchmark/data-sources.js';
import { recordingsOfBin } from '../recorded/bins-of-time.js';
import { keepNeuroids } from '../recorded/keep-neuroids.js';
import { bringCeiling, ceilingKey, ceilingOnce } from '../recorded/kept-ceilings.js';
import { inMemory, type StoredRecordings } from '../recorded/stored-recordings.js';
import { ceilingPart, type ScorePart } from './score.js';

/** A ceiling as a benchmark file asks for it: measured or published for each neuroid, a number, or none. */
export type Ceiling = MetricResult | number | null;

/**
 * The ceiling of recordings. Those that subjects give each other belong to the kind that compares subjects.
 * @throws VentralError `recordings-invalid`
 */
export function ceilingOf(
  { ceiling }: Pick<Benchmark, 'ceiling'>,
  recordings: StoredRecordings | Recordings,
): Ceiling {
  switch (ceiling.name) {
    case 'fixed':
      return ceiling.value;
    case 'neuroid': {
      const numbers = recordings.neuroidCoords?.get(ceiling.column) as Coordinate;
      return neuroidCeiling(recordings.neuroidIds, numbers, ceiling);
    }
    case 'internal-consistency':
      if (!isRepeated(recordings) && ceiling.byDefault) return null;
      return ceilingOnce(measuredKey(ceiling, recordings), () =>
        internalConsistency(recordings, { splits: ceiling.splits, seed: ceiling.seed }),
      );
    case 'predictor-consistency':
      if (!isRepeated(recordings) && ceiling.byDefault) return null;
      return ceilingOnce(measuredKey(ceiling, recordings), () =>
        predictorConsistency(whole(recordings), imagesOf(recordings), ceiling),
      );
    default:
      return null;
  }
}

/** Ceilings that are made of the repetitions. */
export type MeasuredCeiling = Extract<
  Benchmark['ceiling'],
  { name: 'internal-consistency' | 'predictor-consistency' }
>;

/** The key of a measured ceiling. */
export const measuredKey = (
  { name, splits, seed }: MeasuredCeiling,
  recordings: StoredRecordings | Recordings,
) => ceilingKey({ name, splits, seed }, recordings);

const whole = (recordings: StoredRecordings | Recordings): Recordings =>
  'row' in recordings.values
    ? inMemory({ ...recordings, values: recordings.values })
    : { ...recordings, values: recordings.values };

/** Looks a ceiling up in the cache, or keeps it there, so that {@link ceilingOf} finds it. */
export async function prepareCeiling(
  cache: DataSources['cache'],
  benchmark: Pick<Benchmark, 'ceiling'>,
  recordings: StoredRecordings | Recordings,
): Promise<void> {
  const { ceiling } = benchmark;
  const measured =
    ceiling.name === 'internal-consistency' || ceiling.name === 'predictor-consistency';
  if (!cache || !measured || !isRepeated(recordings)) return;
  const make = () => ceilingOf(benchmark, recordings) as MetricResult;
  await bringCeiling(cache, measuredKey(ceiling, recordings), make);
}

/**
 * The same of recordings on disk, computed here where the cache lacks it: halves of them take a while, of which a share is told.
 * @throws what `told` throws
 */
export async function prepareStoredCeiling(
  cache: DataSources['cache'],
  benchmark: Pick<Benchmark, 'ceiling'>,
  recordings: StoredRecordings,
  told: (share: number) => Promise<void>,
): Promise<void> {
  const { ceiling } = benchmark;
  if (ceiling.name !== 'internal-consistency' || !isRepeated(recordings))
    return prepareCeiling(cache, benchmark, recordings);
  const key = measuredKey(ceiling, recordings);
  const { splits, seed } = ceiling;
  const make = () => internalConsistencyByTurns(recordings, { splits, seed }, told);
  await bringCeiling(cache, key, make);
}

/** `image_id` of each presentation, where the file has it beside stimulus_id. */
const imagesOf = ({ coords, stimulusIds }: Pick<Recordings, 'coords' | 'stimulusIds'>) =>
  (coords?.get('image_id')?.values as readonly Id[] | undefined) ?? stimulusIds;

/** Whether stimuli were shown more than once. */
export const isRepeated = ({ repetition = [] }: Pick<Recordings, 'repetition'>): boolean =>
  new Set(repetition).size > 1;

/** The ceiling of the recordings of a benchmark; null if it has none. */
export function measuredCeiling(benchmark: Benchmark, recordings: Recordings): ScorePart | null {
  return ceilingPart(ceilingOf(benchmark, keepNeuroids(benchmark, recordings)));
}

/** The ceiling of each bin of time. */
export const ceilingsOverTime = (
  benchmark: Pick<Benchmark, 'ceiling'>,
  recordings: Recordings,
): Ceiling[] =>
  (recordings.timeBins ?? []).map((_, bin) =>
    ceilingOf(benchmark, recordingsOfBin(recordings, bin)),
  );

/** The ceilings of all bins as one, which the score says what it is made of. */
export function pooledCeiling(ceilings: readonly Ceiling[]): ScorePart | null {
  const measured = ceilings.flatMap((each) => (typeof each === 'object' && each ? [each] : []));
  return ceilingPart(measured.length > 0 ? poolCeilings(measured) : (ceilings[0] ?? null));
}

/** The value of a ceiling; null if there is none. */
export const boundOf = (ceiling: Ceiling): number | null =>
  typeof ceiling === 'number' ? ceiling : (ceiling?.value ?? null);

/** The columns of a result, which ascend by neuroid_id, for neuroids at `columns` of `neuroidIds`. */
export function neuroidsAt(
  { neuroids }: MetricResult,
  neuroidIds: readonly Id[],
  columns: readonly number[],
): Matrix | undefined {
  if (!neuroids) return undefined;
  const place = new Map(ascending(neuroidIds).map((k, at) => [k, at]));
  const { values } = neuroids;
  const rows = Array.from({ length: values.rows }, (_, row) => row);
  return submatrix(
    values,
    rows,
    columns.map((k) => place.get(k) as number),
  );
}
