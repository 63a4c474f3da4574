import type { Shown } from '../../activations/stimuli/shown.js';
import type { RecordingLabels } from '../../data/average-repetitions.js';
import { ascending, type Id } from '../../data/ids.js';
import type { StimulusSet } from '../../data/stimulus-set.js';
import { quoted } from '../../errors/quoted.js';
import { VentralError } from '../../errors/ventral-error.js';
import type { Benchmark, DataSource, TrainingSet } from '../benchmark/benchmark.js';
import type { DataSources } from '../benchmark/data-sources.js';
import { shownAt } from '../benchmark/shown-stimuli.js';
import { type SplitSides, SplitTableReader } from '../benchmark/split-table.js';
import {
  readStored,
  readStoredMeans,
  type StoredRecordings,
  storedPresentations,
} from './stored-recordings.js';
import { columnsOfValues } from './subject-recordings.js';

/** Recordings of one file, or pair of files, with the stimuli that each side uses. */
export interface RecordedSets {
  /** Name of the subject, or `all`. */
  readonly name: string;
  /** Column of the split table, where there is one. */
  readonly column?: string;
  /** The same object for every column of one file. */
  readonly train: StoredRecordings;
  readonly test: StoredRecordings;
}

/** What a benchmark with fixed sets of stimuli was made of. */
export interface FixedSets {
  /** One set, or training and test. */
  readonly shown: readonly Shown[];
  /** Ids of the stimuli of all sets, one below the other: rows of what is measured. */
  readonly stimulusIds: readonly Id[];
  readonly recorded: readonly RecordedSets[];
}

/**
 * Reads stimuli and recordings of both sets, or divides one by the split table.
 * @throws what reading throws
 */
export async function readFixedSets(
  benchmark: Benchmark,
  sources: DataSources,
): Promise<FixedSets> {
  const { train, split } = benchmark;
  const stimuli = await sources.stimuli(benchmark.stimuli);
  const named = await readNamed(benchmark, stimuli, sources);
  const test = shownAt(benchmark, stimuli);
  if (train) {
    const { shown, recordings } = await readTraining(benchmark, train, sources);
    return {
      shown: [shown, test],
      stimulusIds: [...shown.stimuli.ids, ...stimuli.ids],
      recorded: named.map(({ name, recordings: own }) => ({ name, train: recordings, test: own })),
    };
  }
  const table =
    split && (await SplitTableReader.open(benchmark, await sources.splitTable(split.table)));
  const recorded = (split?.columns ?? [undefined]).flatMap((column) =>
    named.map(({ name, recordings }): RecordedSets => {
      if (column === undefined || !table) return { name, train: recordings, test: recordings };
      return { name, column, ...divided(table.sides(column, name), recordings, split) };
    }),
  );
  return { shown: [test], stimulusIds: stimuli.ids, recorded };
}

/** A file for each subject or one for all. */
async function readNamed(
  benchmark: Benchmark,
  stimuli: StimulusSet,
  sources: DataSources,
): Promise<{ readonly name: string; readonly recordings: StoredRecordings }[]> {
  const { recordings, subjectRecordings } = benchmark;
  const files = subjectRecordings?.files ?? [{ name: 'all', source: recordings as DataSource }];
  const named: { readonly name: string; readonly recordings: StoredRecordings }[] = [];
  for (const { name, source } of files)
    named.push({ name, recordings: await readStored(benchmark, stimuli, sources, source) });
  return named;
}

async function readTraining(
  benchmark: Benchmark,
  train: TrainingSet,
  sources: DataSources,
): Promise<{ readonly shown: Shown; readonly recordings: StoredRecordings }> {
  const stimuli = await sources.stimuli(train.stimuli);
  const recordings = await readStoredMeans(benchmark, stimuli, sources, train.recordings);
  return { shown: shownAt(benchmark, stimuli), recordings };
}

function divided(
  { train, test }: SplitSides,
  recordings: StoredRecordings,
  split: Benchmark['split'],
): Pick<RecordedSets, 'train' | 'test'> {
  const of = (side: (id: string) => boolean) =>
    storedPresentations(recordings, (id) => side(String(id)));
  if (split?.both) {
    const both = of((id) => train.has(id) || test.has(id));
    return { train: both, test: both };
  }
  return { train: of((id) => train.has(id)), test: of((id) => test.has(id)) };
}

/** The same after the regressions have their own copy of the training recordings: all that a ceiling and provenance need. */
export interface TestedSets extends Omit<FixedSets, 'recorded'> {
  readonly recorded: readonly Omit<RecordedSets, 'train'>[];
}

/** Releases the training recordings, which may be as large as everything else together. */
export const withoutTraining = ({ recorded, ...rest }: FixedSets): TestedSets => ({
  ...rest,
  recorded: recorded.map(({ train: _, ...tested }) => tested),
});

/** The same neuroids in two recordings. */
export interface SharedColumns {
  readonly name: string;
  readonly train: readonly number[];
  readonly test: readonly number[];
}

/**
 * The columns of each value of a coordinate (of all neuroids without one) in training and test recordings, paired by
 * neuroid_id; equal ids in the order in which they stand. A value that the test recordings alone have is left out.
 * @throws VentralError `recordings-invalid` where neuroids of the training recordings are not those of the test recordings
 */
export function sharedColumns(
  { file }: Pick<Benchmark, 'file'>,
  { train, test }: { readonly train: RecordingLabels; readonly test: RecordingLabels },
  coordinate: string | undefined,
  name: string,
): SharedColumns[] {
  const groups = (recordings: RecordingLabels) =>
    coordinate === undefined
      ? new Map([[name, recordings.neuroidIds.map((_, k) => k)]])
      : columnsOfValues(recordings, coordinate);
  const tested = groups(test);
  return [...groups(train)].map(([value, columns]) => {
    const others = tested.get(value);
    const ids = (recordings: RecordingLabels, of: readonly number[]) =>
      of.map((k) => recordings.neuroidIds[k]);
    const [own, other] = [ids(train, columns), ids(test, others ?? [])];
    const [a, b] = [ascending(own), ascending(other)];
    const differs = a.findIndex((k, i) => own[k] !== other[b[i]]);
    if (!others || differs >= 0 || a.length !== b.length) {
      const which = coordinate === undefined ? '' : ` of ${coordinate} ${quoted(value)}`;
      const found = others
        ? `${own.length} and ${other.length} neuroids`
        : 'none in the test recordings';
      throw new VentralError(
        'recordings-invalid',
        `${file}: the neuroids${which} in training and test recordings must be the same, found ${found}${differs >= 0 ? `, ${quoted(own[a[differs]])} in the first alone` : ''}`,
        { file, field: coordinate ?? 'neuroid_id', expected: 'the same neuroids', found },
      );
    }
    const testOf = new Map(a.map((k, i) => [k, b[i]]));
    return {
      name: value,
      train: columns,
      test: columns.map((_, k) => others[testOf.get(k) as number]),
    };
  });
}

/**
 * Rows of the stimuli for the ids of recordings.
 * @throws VentralError `stimuli-mismatch`
 */
export function rowsOf(
  { file }: Pick<Benchmark, 'file'>,
  ids: readonly Id[],
  row: ReadonlyMap<string, number>,
): number[] {
  return ids.map((id) => {
    const found = row.get(String(id));
    if (found !== undefined) return found;
    throw new VentralError(
      'stimuli-mismatch',
      `${file}: stimulus ${quoted(id)} of the recordings has no row in the stimuli`,
      { file, field: 'stimulus_id' },
    );
  });
}
