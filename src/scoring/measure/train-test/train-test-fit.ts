import { type MeasureRoom, withTileRoom } from '../../../activations/scratch/tile-room.js';
import { ascending, type Id } from '../../../data/ids.js';
import {
  matrixOf,
  type RecordedValues,
  selectedValues,
  valuesOf,
} from '../../../data/stored/recorded-values.js';
import { VentralError } from '../../../errors/ventral-error.js';
import { correlate, pickRows } from '../../../metrics/cross-regressed-correlation.js';
import { requireSameStimuli } from '../../../metrics/cross-validation.js';
import type { Fold, Prediction, Regress, Source, Warning } from '../../../metrics/metric.js';
import type { TwoFactorDraws } from '../../../metrics/resampling/two-factor-draws.js';
import { tiledPredictions } from '../../../metrics/tiled/tiled-regression.js';
import type { ColumnSource } from '../../../numerics/algebra/column-source.js';
import { type Matrix, submatrix } from '../../../numerics/algebra/matrix.js';
import type { Benchmark } from '../../benchmark/benchmark.js';
import {
  type FixedSets,
  type RecordedSets,
  rowsOf,
  sharedColumns,
} from '../../recorded/fixed-sets.js';
import {
  averagedStored,
  type StoredAverage,
  type StoredRecordings,
} from '../../recorded/stored-recordings.js';
import { completeColumns } from '../drop-incomplete.js';

/** One regression: the neuroids of one subject, or of all. */
export interface Fit {
  /** Name of the subject. */
  readonly name: string;
  /** Column of the split table that the fit belongs to. */
  readonly column?: string | undefined;
  /** Rows of the stimuli, both ascending by stimulus_id. */
  readonly fold: Fold;
  /** Ascending by stimulus_id, averaged; the same columns in the same order. */
  readonly train: StoredAverage;
  readonly test: StoredAverage;
  /** What the ceiling is made of, and the positions of the fit's neuroids in it. */
  readonly recorded: StoredRecordings;
  readonly columns: readonly number[];
  /** The same with some of the test stimuli. */
  restrict(keep: (stimulus: Id) => boolean): Fit;
}

/** What came of a fit. */
export interface Fitted {
  readonly fit: Fit;
  /** Pearson's r of each neuroid. */
  readonly r: Float64Array;
  /** Its median over draws. */
  readonly draws: TwoFactorDraws;
  readonly alpha: number | undefined;
  readonly remarks: readonly Warning[];
}

/** The regressions of a benchmark, in the order in which they are fitted, and how many neuroids `drop` left out. */
export function fitsOf(
  benchmark: Benchmark,
  sets: FixedSets,
): { readonly fits: readonly Fit[]; readonly dropped: number | undefined } {
  const row = new Map<string, number>();
  // A stimulus of both sets is found in the set that it is looked up for.
  sets.stimulusIds.forEach((id, i) => {
    row.set(String(id), i);
  });
  const first = sets.shown.length > 1 ? sets.shown[0].stimuli.ids : undefined;
  const trainRow = first && new Map(first.map((id, i) => [String(id), i]));
  let dropped = 0;
  const fits = sets.recorded.flatMap((recorded) => {
    const average = {
      train: averagedStored(benchmark, recorded.train),
      test: averagedStored(benchmark, recorded.test),
    };
    if (trainRow) requireAllStimuli(sets, average);
    return sharedColumns(benchmark, recorded, benchmark.fitPer, recorded.name).map((columns) => {
      const kept = completePairs(benchmark, average, columns);
      dropped += columns.train.length - kept.train.length;
      return makeFit(
        { benchmark, recorded, average, trainRow: trainRow ?? row, testRow: row },
        {
          name: columns.name,
          ...kept,
        },
      );
    });
  });
  return { fits, dropped: benchmark.drop === undefined ? undefined : dropped };
}

/** Recordings of a fixed pair of sets must have all stimuli of each, as features come for all. */
function requireAllStimuli(
  { shown }: FixedSets,
  { train, test }: { readonly train: StoredAverage; readonly test: StoredAverage },
): void {
  for (const [i, side] of [train, test].entries()) {
    const ids = shown[i].stimuli.ids.map(String);
    requireSameStimuli(ids, side.stimulusIds.map(String));
  }
}

interface Pair {
  readonly train: readonly number[];
  readonly test: readonly number[];
}

/** The neuroids that have all values in both sets, where the benchmark drops the others. */
function completePairs(
  benchmark: Benchmark,
  { train, test }: { readonly train: StoredAverage; readonly test: StoredAverage },
  columns: Pair,
): Pair {
  if (benchmark.drop === undefined) return columns;
  const complete = [new Set(completeColumns(train.values)), new Set(completeColumns(test.values))];
  const kept = columns.train.flatMap((k, i) =>
    complete[0].has(k) && complete[1].has(columns.test[i]) ? i : [],
  );
  if (kept.length === 0) {
    throw new VentralError(
      'recordings-invalid',
      `${benchmark.file} drop: incomplete-neuroids leaves no neuroid: each lacks some value`,
      { file: benchmark.file, field: '/drop', expected: 'a complete neuroid', found: 'none' },
    );
  }
  return { train: kept.map((i) => columns.train[i]), test: kept.map((i) => columns.test[i]) };
}

function makeFit(
  from: {
    readonly benchmark: Benchmark;
    readonly recorded: RecordedSets;
    readonly average: { readonly train: StoredAverage; readonly test: StoredAverage };
    readonly trainRow: ReadonlyMap<string, number>;
    readonly testRow: ReadonlyMap<string, number>;
  },
  { name, ...columns }: Pair & { readonly name: string },
): Fit {
  const { benchmark, recorded, average } = from;
  const side = (which: 'train' | 'test') => {
    const all = average[which];
    const order = ascending(all.stimulusIds);
    const picked: StoredAverage = {
      stimulusIds: order.map((i) => all.stimulusIds[i]),
      neuroidIds: columns[which].map((k) => all.neuroidIds[k]),
      values: all.values.data
        ? valuesOf(submatrix(matrixOf(all.values), order, columns[which]))
        : selectedValues(all.values, { rows: order, columns: columns[which] }),
    };
    return picked;
  };
  const [train, test] = [side('train'), side('test')];
  return withRestrict({
    name,
    column: recorded.column,
    fold: {
      train: rowsOf(benchmark, train.stimulusIds, from.trainRow),
      test: rowsOf(benchmark, test.stimulusIds, from.testRow),
    },
    train,
    test,
    recorded: recorded.test,
    columns: columns.test,
  });
}

function withRestrict(fit: Omit<Fit, 'restrict'>): Fit {
  return {
    ...fit,
    restrict(keep) {
      const { test, fold } = fit;
      const left = test.stimulusIds.flatMap((id, i) => (keep(id) ? i : []));
      return withRestrict({
        ...fit,
        fold: { train: fold.train, test: left.map((i) => fold.test[i]) },
        test: {
          ...test,
          stimulusIds: left.map((i) => test.stimulusIds[i]),
          values: test.values.data
            ? valuesOf(pickRows(matrixOf(test.values), left))
            : selectedValues(test.values, { rows: left }),
        },
      });
    },
  };
}

/** How the regression of a fit takes its targets. */
export interface TargetsAs {
  /** Neuroids of a block; all at once where it is absent. */
  readonly width?: number | undefined;
}

/** Fits, predicts the test stimuli, and correlates. */
export async function predict(
  fit: Fit,
  regress: Regress,
  drawn: FitDraws,
  { width }: TargetsAs = {},
): Promise<Fitted> {
  const { values } = fit.train;
  if (width !== undefined && regress.inBlocks)
    return fittedBy(fit, await regress.inBlocks(fit.fold, columnsOf(values), width), drawn);
  return fittedBy(fit, await regress(fit.fold, targetsOf(values)), drawn);
}

/** The targets of a fit; regressions may write over them. */
export function targetsOf(values: RecordedValues): Matrix {
  const { rows, cols, data } = matrixOf(values);
  return { rows, cols, data: values.data ? data.slice() : data };
}

const columnsOf = (values: RecordedValues): ColumnSource => ({
  ...{ rows: values.rows, cols: values.cols },
  columns: (from, to) => matrixOf(values, from, to),
});

/** The median r of a fit over draws, from its predictions. */
export type FitDraws = (fit: Fit, predicted: Matrix) => Promise<TwoFactorDraws>;

/** Fits and predicts all at once, from tiles. */
export async function predictInTiles(
  fits: readonly Fit[],
  metric: Benchmark['metric'],
  source: Source,
  room: MeasureRoom | undefined,
  matrices: number,
  drawn: FitDraws,
  told?: (share: number) => void,
): Promise<Fitted[]> {
  const jobs = fits.map(({ fold, train }) => ({ fold, targets: columnsOf(train.values) }));
  const predictions = room
    ? await withTileRoom(room, matrices, (own) => tiledPredictions(source, metric, jobs, own))
    : await tiledPredictions(source, metric, jobs);
  const fitted: Fitted[] = [];
  for (const [i, fit] of fits.entries()) {
    fitted.push(await fittedBy(fit, predictions[i], drawn));
    told?.((i + 1) / fits.length);
  }
  return fitted;
}

async function fittedBy(
  fit: Fit,
  { values, alpha, remarks = [] }: Prediction,
  drawn: FitDraws,
): Promise<Fitted> {
  const r = correlate(matrixOf(fit.test.values), values);
  return { fit, r, draws: await drawn(fit, values), alpha, remarks };
}
