import { stringify } from 'csv-stringify/sync';
import type { Weights } from '../../activations/card/card.js';
import { withWeights } from '../../figure/provenance.js';
import { generalisationLines } from '../../scoring/draws/generalisation-words.js';
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
import { generalisationCells } from './generalisation-cells.js';
import { type PlainCell, printRows } from './print-rows.js';

const shown = (value: number | null, digits = 4): string =>
  value === null ? '–' : value.toFixed(digits);
const span = (ci: Score['ci']): string => (ci ? `${shown(ci[0], 3)} … ${shown(ci[1], 3)}` : '–');

/** The scores of any number of models. */
export interface PrintedScores extends Pick<ScoreOutcome, 'scores' | 'failures'> {
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
      { head: columns, rows: scores.map(valuesOf) },
    );
    if (io.columns !== undefined)
      for (const line of generalisationLines(scores)) io.out(`${visibleText(line)}\n`);
  }
  if (!format.json) {
    for (const { benchmark, warnings } of scores)
      for (const { code, detail } of warnings)
        io.err(visibleText(`${benchmark}: ${code}: ${detail}`));
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

function asCsv(scores: readonly Score[]): string {
  const rows = scores.map((score) => valuesOf(score).map((value) => value ?? ''));
  // A cell that a spreadsheet would take for a formula is prefixed.
  return stringify([columns, ...rows], { escape_formulas: true, cast: { boolean: String } });
}

const head = ['model', 'benchmark', 'layer', 'score', '95 % interval', 'raw', 'ceiling', 'remarks'];

const asRow = (score: Score, weights: PrintedScores['weights']): string[] => [
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
  ]
    .filter(Boolean)
    .join(', '),
];

const withError = (value: number | null, error: number | null) =>
  error === null || value === null ? shown(value) : `${shown(value)} ± ${shown(error, 3)}`;
