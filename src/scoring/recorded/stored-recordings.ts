import type { Coordinate } from '../../data/assembly.js';
import {
  PresentationGroups,
  type RecordingLabels,
  RunningMeans,
} from '../../data/average-repetitions.js';
import type { Id } from '../../data/ids.js';
import type { Recordings } from '../../data/recordings.js';
import { labelsOfPresentations, presentationsOf } from '../../data/select-presentations.js';
import type { StimulusSet } from '../../data/stimulus-set.js';
import {
  averagedValues,
  type RecordedValues,
  selectedValues,
  valuesInMemory,
  valuesOf,
  wholeValues,
} from '../../data/stored/recorded-values.js';
import type { Benchmark, DataSource } from '../benchmark/benchmark.js';
import type { DataSources } from '../benchmark/data-sources.js';
import { averaged, isAveraged } from './averaged.js';
import { keepNeuroids, labelsOfNeuroids } from './keep-neuroids.js';

/** Recordings whose values are in memory where they fit, and on scratch disk where they do not. */
export interface StoredRecordings extends RecordingLabels {
  readonly values: RecordedValues;
}

/** What `keep` and `select` of a benchmark leave of the labels. */
function keptLabels(benchmark: Benchmark, all: RecordingLabels): RecordingLabels {
  const none = { ...all, stimulusIds: [], values: new Float64Array() };
  const { values: _, ...kept } = { ...keepNeuroids(benchmark, none), stimulusIds: all.stimulusIds };
  return kept;
}

/** The values of some presentations, of the neuroids that are kept. */
function keptValues(
  benchmark: Benchmark,
  all: RecordingLabels,
  first: number,
  values: Recordings['values'],
): Recordings['values'] {
  const rows = values.length / all.neuroidIds.length;
  const ids = all.stimulusIds.slice(first, first + rows);
  return keepNeuroids(benchmark, { ...all, stimulusIds: ids, values }).values;
}

/** The recordings of a benchmark, without neuroids that do not pass. */
export async function readStored(
  benchmark: Benchmark,
  stimuli: StimulusSet,
  sources: DataSources,
  source: DataSource,
): Promise<StoredRecordings> {
  const { store } = sources;
  let read: StoredRecordings | undefined;
  await sources.recordingsInBlocks(benchmark, stimuli, source, async (all) => {
    const labels = keptLabels(benchmark, all);
    const [rows, cols] = [all.stimulusIds.length, labels.neuroidIds.length];
    const kept = (first: number, values: Recordings['values']) =>
      keptValues(benchmark, all, first, values);
    if (store.admits(8 * rows * cols)) {
      const take = (first: number, values: Recordings['values']) => {
        read = { ...labels, values: valuesInMemory(rows, cols, kept(first, values)) };
      };
      return { inOne: true, take };
    }
    const values = await store.values(rows, cols);
    read = { ...labels, values };
    return {
      take(first, some) {
        values.put(first, kept(first, some));
        store.step(first / rows);
      },
    };
  });
  store.step(1);
  return read as StoredRecordings;
}

/** Of training recordings the average is needed alone: their repetitions are never in memory together. */
export async function readStoredMeans(
  benchmark: Benchmark,
  stimuli: StimulusSet,
  sources: DataSources,
  source: DataSource,
): Promise<StoredRecordings> {
  const { store } = sources;
  let finish: (() => StoredRecordings) | undefined;
  await sources.recordingsInBlocks(benchmark, stimuli, source, async (all) => {
    const labels = keptLabels(benchmark, all);
    const { stimulusIds, neuroidIds } = labels;
    const alone = isAveraged(benchmark, labels);
    const groups = alone
      ? new PresentationGroups({ stimulusIds, coords: rowByRow(stimulusIds) }, [])
      : new PresentationGroups(labels, benchmark.averageOver);
    const rows = groups.members.length;
    const inMemory = store.admits(8 * rows * neuroidIds.length);
    const means = inMemory
      ? new RunningMeans(labels, undefined, groups)
      : await store.means(groups, neuroidIds.length);
    finish = () => {
      const { repetition: _, ...others } = labels;
      const made = means.finish();
      const values = 'row' in made ? made : valuesOf(made.values);
      return { ...others, stimulusIds: groups.stimulusIds, coords: groups.coords, values };
    };
    return {
      take(first, values) {
        means.add(first, keptValues(benchmark, all, first, values));
        store.step(first / stimulusIds.length);
      },
    };
  });
  store.step(1);
  return (finish as () => StoredRecordings)();
}

/** A coordinate in which no two presentations agree. */
const rowByRow = (ids: readonly Id[]): ReadonlyMap<string, Coordinate> =>
  new Map([['row', { dim: 'presentation', dtype: 'int64', values: ids.map((_, row) => row) }]]);

/** The presentations of some stimuli; a copy where they are in memory. */
export function storedPresentations(
  recordings: StoredRecordings,
  keep: (stimulus: Id) => boolean,
): StoredRecordings {
  const rows = presentationsOf(recordings, keep);
  const labels = { ...recordings, ...labelsOfPresentations(recordings, rows) };
  // Their order is that of the recordings.
  if (rows.length === recordings.stimulusIds.length) return recordings;
  return { ...labels, values: placed(recordings.values, { rows }) };
}

/** Some neuroids, in the order given; a copy where they are in memory. */
export const storedNeuroids = (
  recordings: StoredRecordings,
  columns: readonly number[],
): StoredRecordings => ({
  ...recordings,
  ...labelsOfNeuroids(recordings, columns),
  values: placed(recordings.values, { columns }),
});

/** A selection as near as what it is of. */
function placed(source: RecordedValues, of: Parameters<typeof selectedValues>[1]): RecordedValues {
  const selected = selectedValues(source, of);
  if (!source.data) return selected;
  return valuesInMemory(selected.rows, selected.cols, wholeValues(selected));
}

/** Recordings with all values in memory. */
export const inMemory = (recordings: StoredRecordings): Recordings => ({
  ...recordings,
  values: wholeValues(recordings.values),
});

/** Averaged recordings: stimulus × neuroid. */
export interface StoredAverage extends Pick<Recordings, 'stimulusIds' | 'neuroidIds'> {
  /** float64 */
  readonly values: RecordedValues;
}

/** {@link averaged} of recordings that may not fit memory, which then are averaged as they are read. */
export function averagedStored(benchmark: Benchmark, recordings: StoredRecordings): StoredAverage {
  const { stimulusIds, neuroidIds, values } = recordings;
  if (values.data) {
    const average = averaged(benchmark, { ...recordings, values: values.data });
    return { ...average, values: valuesOf(average.values) };
  }
  if (isAveraged(benchmark, recordings))
    return { stimulusIds, neuroidIds, values: selectedValues(values, {}, 'float64') };
  const groups = new PresentationGroups(recordings, benchmark.averageOver);
  const { stimulusIds: ids, members } = groups;
  return { stimulusIds: ids, neuroidIds, values: averagedValues(values, members) };
}
