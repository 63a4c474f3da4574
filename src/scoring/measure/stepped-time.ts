import { inForm, type ReducedLayer, wholeLayer } from '../../activations/reduced-layer.js';
import type { TimeBin } from '../../data/rebin.js';
import { VentralError } from '../../errors/ventral-error.js';
import type { Regress } from '../../metrics/metric.js';
import {
  acrossStackedTime,
  binByBin,
  type TimedRegress,
} from '../../metrics/time/time-regression.js';
import { type Features, selectRows, stackRows } from '../../numerics/algebra/features.js';

/** Rows of all bins in one regression, at most: their products are rows × rows in float64. */
const MOST_ROWS = 8192;

/**
 * The step of a network that each bin of a recording reads: the one whose start is nearest to that of the bin, the earlier of
 * two equally near ones, as Brain-Score's commitment of CORnet has it.
 * @param unit milliseconds of the unit that bins are in
 */
export function stepsOfBins(
  bins: readonly TimeBin[],
  steps: readonly TimeBin[],
  unit: number,
): number[] {
  return bins.map(([start]) => {
    const away = steps.map(([from]) => Math.abs(from - start * unit));
    return away.indexOf(Math.min(...away));
  });
}

/** How the features of steps are regressed onto bins. */
export interface SteppedOptions {
  /** The step of each bin, by its position. */
  readonly stepOf: readonly number[];
  /** One fit for all bins: their rows one below the other. */
  readonly across: boolean;
  /** Rows of the features that the recordings have. */
  readonly rows: readonly number[];
  /** A regression from features of one step, or of stacked bins, whose rows at `rows` count. */
  readonly regress: (layer: ReducedLayer, rows: readonly number[]) => Promise<Regress>;
  readonly form: (units: number, rows: number) => 'features' | 'gram';
}

/**
 * Regressions from a layer a step, side by side in equal widths, onto bins of time.
 * @throws VentralError `memory-exceeded` where one fit would have too many rows
 */
export async function steppedRegress(
  features: Features,
  count: number,
  { stepOf, across, rows, regress, form }: SteppedOptions,
): Promise<TimedRegress> {
  const width = features.cols / count;
  const step = (i: number) => columnsOf(features, i * width, (i + 1) * width);
  const reduced = (each: Features) => inForm(wholeLayer([each]), form(width, each.rows));
  if (!across) {
    const used = new Map<number, Regress>();
    for (const i of new Set(stepOf)) used.set(i, await regress(await reduced(step(i)), rows));
    return binByBin(stepOf.map((i) => used.get(i) as Regress));
  }
  const length = rows.length * stepOf.length;
  if (length > MOST_ROWS)
    throw new VentralError(
      'memory-exceeded',
      `${rows.length} stimuli in ${stepOf.length} bins are ${length} rows of one regression, expected at most ${MOST_ROWS}: leave out across: time, or make the bins longer`,
      { field: 'time_bins', expected: `${MOST_ROWS} rows`, found: `${length} rows` },
    );
  const all = stackRows(Array.from({ length: count }, (_, i) => step(i)));
  const index = rows.flatMap((row) => stepOf.map((i) => i * features.rows + row));
  const stacked = selectRows(all, index);
  return acrossStackedTime(await regress(await reduced(stacked), [...index.keys()]));
}

const columnsOf = (features: Features, first: number, last: number): Features => ({
  rows: features.rows,
  cols: last - first,
  dtype: features.dtype,
  columns: (from, to) => features.columns(first + from, first + to),
});
