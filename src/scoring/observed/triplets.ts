import { ascending, type Id } from '../../data/ids.js';
import type { StimulusSet } from '../../data/stimulus-set.js';
import type { Trials } from '../../data/trials.js';
import { quoted } from '../../errors/quoted.js';
import { VentralError } from '../../errors/ventral-error.js';
import type { Triplets } from '../../metrics/behaviour/odd-one-out.js';
import type { Benchmark } from '../benchmark/benchmark.js';
import { trialColumn } from '../benchmark/trial-column.js';

/** The columns of a trial of three images; people left the last one aside. */
const COLUMNS = ['image_1', 'image_2', 'image_3'] as const;

/** Trials of three stimuli, and those among all stimuli that they show. */
export interface ShownTriplets {
  /** Ascending. */
  readonly stimulusIds: readonly Id[];
  /** Row of each in the stimulus set. */
  readonly rows: readonly number[];
  /** Positions in `stimulusIds`. */
  readonly triplets: Triplets;
}

/**
 * The triplets of a benchmark.
 * @throws VentralError `trials-invalid` for a missing column, two equal stimuli in a trial, or a choice that is another one of
 *   the three; `stimuli-mismatch`
 */
export function shownTriplets(
  benchmark: Benchmark,
  stimuli: StimulusSet,
  trials: Trials,
): ShownTriplets {
  const { file } = benchmark;
  const columns = COLUMNS.map((name) => trialColumn(benchmark, trials, name));
  const rowOf = new Map(stimuli.ids.map((id, row) => [String(id), row]));
  const placed = new Int32Array(3 * trials.stimulusIds.length);
  columns.forEach((column, k) => {
    column.forEach((id, trial) => {
      const row = rowOf.get(id);
      if (row === undefined)
        throw new VentralError(
          'stimuli-mismatch',
          `${file}: ${COLUMNS[k]} of trial ${trial + 1} is the stimulus ${quoted(id)}, which the stimuli lack`,
          { file, field: COLUMNS[k], found: quoted(id) },
        );
      placed[3 * trial + k] = row;
    });
  });
  // The values of an assembly, which need not be choices, count as its column "choice".
  const table = benchmark.trials?.kind === 'file' && benchmark.trials.format === 'csv';
  checkTrials(file, columns, table ? trials.columns.get('choice') : undefined);
  return ofStimuli(stimuli.ids, placed);
}

/** Three different stimuli a trial, of which the choice, where it is one of them, is the last. */
function checkTrials(
  file: string,
  [first, second, third]: readonly (readonly string[])[],
  choice: readonly string[] | undefined,
): void {
  const invalid = (trial: number, field: string, sentence: string) =>
    new VentralError('trials-invalid', `${file}: trial ${trial + 1} ${sentence}`, { file, field });
  third.forEach((odd, trial) => {
    const others = [first[trial], second[trial]];
    if (new Set([...others, odd]).size < 3)
      throw invalid(trial, 'image_3', `shows ${quoted(odd)} or another stimulus twice`);
    const chosen = choice?.[trial];
    if (chosen !== undefined && others.includes(chosen))
      throw invalid(
        trial,
        'choice',
        `says that people chose ${quoted(chosen)}: expected the odd one in image_3, found ${quoted(odd)}`,
      );
  });
}

/**
 * Triplets of rows as positions among the stimuli that they show.
 * @param placed rows of `ids`, three a trial
 */
function ofStimuli(ids: readonly Id[], placed: Int32Array): ShownTriplets {
  const used = [...new Set(placed)];
  const rows = ascending(used.map((row) => ids[row])).map((i) => used[i]);
  const place = new Map(rows.map((row, position) => [row, position]));
  return {
    stimulusIds: rows.map((row) => ids[row]),
    rows,
    triplets: placed.map((row) => place.get(row) as number),
  };
}

/** The triplets of which all three stimuli are kept. */
export function restrictedTriplets(
  { stimulusIds, rows, triplets }: ShownTriplets,
  keep: (stimulus: Id) => boolean,
): ShownTriplets {
  const kept = stimulusIds.map(keep);
  const left: number[] = [];
  for (let at = 0; at < triplets.length; at += 3) {
    const trial = triplets.subarray(at, at + 3);
    if (trial.every((position) => kept[position])) left.push(...trial);
  }
  const own = ofStimuli(stimulusIds, Int32Array.from(left));
  return { ...own, rows: own.rows.map((position) => rows[position]) };
}
