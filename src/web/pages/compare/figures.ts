import { type Figure, fileNameOf } from '../../../figure/figure.js';
import { endsOf } from '../../../figure/map-figure.js';
import { withWeights } from '../../../figure/provenance.js';
import { type Column, type Item, titleOf } from '../../parts/board-column.js';
import { type ChosenModel, type ComparedRow, estimateOf } from './board.js';

const title = 'score (1 = ceiling)';
const selected =
  'A value at a layer that was chosen on stimuli of the same benchmark is a selection.';

/** An upload by its name: readers of a figure do not know its id. */
const aboutOf = (column: Column) => (column.kind === 'benchmark' ? titleOf(column) : column.id);

/** Models side by side as a figure for a journal: a panel an average or a benchmark, a row a model. */
export function comparedFigure(
  rows: readonly ComparedRow[],
  chosen: readonly ChosenModel[],
  simulated: boolean,
): Figure {
  return {
    title: `${chosen.length} models side by side`,
    fileName: fileNameOf('comparison of', ...chosen.map(({ name }) => name)),
    panels: rows.map((row) => ({
      ...{ kind: 'rows', title: row.title, about: aboutOf(row.column), ceilings: null, simulated },
      valueTitle: title,
      rows: row.estimates.map((estimate, i) => ({
        label: withWeights(chosen[i].name, chosen[i].weights),
        ...(estimate?.selection ? { note: 'selection' } : {}),
        ...{ value: estimate?.value ?? null, ci: endsOf(estimate?.ci) },
      })),
    })),
    sharedRows: false,
    legend: [
      { sign: 'value', text: 'value, 95 % interval' },
      ...(rows.some(({ estimates }) => estimates.some((each) => each?.value == null))
        ? ([{ sign: 'missing', text: 'no value' }] as const)
        : []),
    ],
    notes: ['Overlap of two intervals is no test of a difference.', selected],
    table: [],
  };
}

/** A training over its epochs as a figure for a journal: a panel a region. */
export function trainingFigure(
  members: readonly { readonly epoch: number; readonly item: Item | undefined }[],
  columns: readonly Column[],
  simulated: boolean,
): Figure {
  return {
    title: 'Regions over training',
    fileName: fileNameOf('regions over training', ...columns.map(titleOf)),
    panels: columns.map((column) => ({
      ...{ kind: 'curves', title: titleOf(column), about: column.id, ceilings: null, simulated },
      ...{ valueTitle: title, xTitle: 'epoch' },
      curves: [
        {
          name: titleOf(column),
          points: members.flatMap(({ epoch, item }) => {
            const estimate = estimateOf(item, column);
            return estimate?.value == null
              ? []
              : [{ x: epoch, value: estimate.value, ci: endsOf(estimate.ci) }];
          }),
        },
      ],
    })),
    sharedRows: false,
    legend: [{ sign: 0, text: 'value, 95 % band' }],
    notes: [selected],
    table: [],
  };
}
