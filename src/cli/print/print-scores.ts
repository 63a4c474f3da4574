import { stringify } from 'csv-stringify/sync';
import type { Weights } from '../../activations/card/card.js';
import { withWeights } from '../../figure/provenance.js';
import { generalisationLines } from '../../scoring/draws/generalisation-words.js';
import type { Floored } from '../../scoring/floor/floor.js';
import {
  choiceRemark,
  chosenOn,
  errorOf,
  type Score,
  trialsRemark,
} from '../../scoring/measure/score.js';
import type { ScoreOutcome } from '../../scoring/model/score-model.js';
import { errorText, visibleText } from '../terminal/error-text.js';
import type { Io } from '../terminal/io.js';
import { floorCells, floorColumns, floorLines, floorRemark, nullsOf } from './floor-cells.js';
import { generalisationCells } from './generalisation-cells.js';
import { type PlainCell, printRows } from './print-rows.js';

const shown = (value: number | null, digits = 4): string =>
  value === null ? '–' : value.toFixed(digits);
const span = (ci: Score['ci']): string => (ci ? `${shown(ci[0], 3)} … ${shown(ci[1], 3)}` : '–');

/** A score, with its floors where they were asked for. */
export type FlooredScore = Floored<Score>;

/** The scores of any number of models. */
export interface PrintedScores extends Pick<ScoreOutcome, 'failures'> {
  readonly scores: readonly FlooredScore[];
  /** Where the weights of models come from, by digest. */
  readonly weights?: ReadonlyMap<string, Weights>;
}

/** Prints the scores that exist to stdout as JSON, CSV or rows (in a pipe TSV with the columns of CSV); failures and warnings go to stderr. */
export function printScores(
  { scores, failures, weights }: PrintedScores,
  format: { readonly json?: boolean; readonly csv?: boolean; readonly verbose: boolean },
  io: Io,
): void {
  if (format.json) io.out(`${JSON.stringify(scores, null, 2)}\n`);
  else if (format.csv) io.out(asCsv(scores));
  else if (scores.length > 0) {
    printRows(
      head,
      scores.map((score) => asRow(score, weights)),
      io,
      plainRows(scores),
    );
    if (io.columns !== undefined)
      for (const line of [...generalisationLines(scores), ...floorLines(scores)])
        io.out(`${visibleText(line)}\n`);
  }
  if (!format.json) {
    for (const { benchmark, warnings } of scores)
      for (const { code, detail } of warnings)
        io.err(visibleText(`${benchmark}: ${code}: ${detail}`));
    for (const { benchmark, floors } of scores)
      if (floors?.labels?.leak)
        io.err(visibleText(`${benchmark}: labels-leak: ${floors.labels.leak}`));
  }
  for (const { benchmark, error } of failures)
    io.err(errorText(error, { verbose: format.verbose, about: benchmark }));
}

const columns = [
  'model',
  'benchmark',
  'layer',
  'value',
  'error',
  'ci_low',
  'ci_high',
  'raw',
  'raw_error',
  'ceiling',
  'selection',
  'chosen_on',
  'simulated',
  'verified',
  'inputs',
  'generalises',
  'drawn',
  'animals',
];

const valuesOf = (score: Score): PlainCell[] => [
  score.name ?? null,
  score.benchmark,
  score.layer,
  score.value,
  errorOf(score, 'value'),
  score.ci?.[0] ?? null,
  score.ci?.[1] ?? null,
  score.raw.value,
  errorOf(score, 'raw'),
  score.ceiling?.value ?? null,
  score.selection,
  chosenOn(score) ?? null,
  score.simulated,
  score.verified,
  score.provenance.inputs,
  ...generalisationCells(score.generalises),
];

/** The columns, and of each null that was run its own. */
function plainRows(scores: readonly FlooredScore[]) {
  const nulls = nullsOf(scores);
  return {
    head: [...columns, ...nulls.flatMap(floorColumns)],
    rows: scores.map((score) => [
      ...valuesOf(score),
      ...nulls.flatMap((name) => floorCells(score.floors?.[name])),
    ]),
  };
}

function asCsv(scores: readonly FlooredScore[]): string {
  const { head, rows: values } = plainRows(scores);
  const rows = values.map((row) => row.map((value) => value ?? ''));
  // A cell that a spreadsheet would take for a formula is prefixed.
  return stringify([head, ...rows], { escape_formulas: true, cast: { boolean: String } });
}

const head = ['model', 'benchmark', 'layer', 'score', '95 % interval', 'raw', 'ceiling', 'remarks'];

const asRow = (score: FlooredScore, weights: PrintedScores['weights']): string[] => [
  withWeights(score.name ?? '–', weights?.get(score.model ?? '')),
  score.benchmark,
  score.layer,
  withError(score.value, errorOf(score, 'value')),
  span(score.ci),
  withError(score.raw.value, errorOf(score, 'raw')),
  score.ceiling ? shown(score.ceiling.value) : 'none',
  [
    score.simulated ? 'simulated' : score.verified ? 'verified' : '',
    choiceRemark(score),
    trialsRemark(score),
    ...Object.values(score.floors ?? {}).map(floorRemark),
  ]
    .filter(Boolean)
    .join(', '),
];

const withError = (value: number | null, error: number | null) =>
  error === null || value === null ? shown(value) : `${shown(value)} ± ${shown(error, 3)}`;
