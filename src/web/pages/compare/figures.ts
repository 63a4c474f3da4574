import { differencesFigure } from '../../../figure/differences-figure.js';
import { type Figure, fileNameOf, namesInName } from '../../../figure/figure.js';
import { endsOf } from '../../../figure/map-figure.js';
import { withWeights } from '../../../figure/provenance.js';
import { scatterFigure } from '../../../figure/scatter-figure.js';
import { type Column, type Item, titleOf } from '../../parts/board-column.js';
import {
  type ChosenModel,
  type ComparedBoard,
  type ComparedRow,
  type Estimate,
  estimateOf,
} from './board.js';

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
    fileName: fileNameOf('comparison', ...namesInName(chosen.map(({ name }) => name))),
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
    table: [
      ['column', 'model', 'name', 'value', 'ci_low', 'ci_high', 'selection', 'simulated'],
      ...rows.flatMap(({ column, estimates }) =>
        estimates.map((estimate, i) => [
          ...[column.id, chosen[i].id, chosen[i].name, estimate?.value ?? null],
          ...[estimate?.ci?.[0] ?? null, estimate?.ci?.[1] ?? null],
          ...[String(estimate?.selection ?? ''), String(simulated)],
        ]),
      ),
    ],
  };
}

const labelOf = ({ name, weights }: Pick<ChosenModel, 'name' | 'weights'>) =>
  withWeights(name, weights);

/** How far models are from the reference, as a forest plot. */
export const forestFigure = (
  rows: readonly ComparedRow[],
  { chosen, reference, simulated }: ComparedBoard,
): Figure =>
  differencesFigure(
    rows.map(({ title, differences }) => ({ title, simulated, differences })),
    chosen.map(labelOf),
    reference,
  );

/** A model with a value on both axes. */
export interface PlacedModel {
  readonly id: string;
  readonly name: string;
  readonly weights: Item['weights'];
  readonly x: Estimate & { readonly value: number };
  readonly y: Estimate & { readonly value: number };
  /** Which of those chosen it is; −1 for the others. */
  readonly place: number;
}

/** All models on two columns; those chosen are named. */
export const benchmarksFigure = (
  points: readonly PlacedModel[],
  [x, y]: readonly [Column, Column],
  { chosen, simulated }: ComparedBoard,
): Figure =>
  scatterFigure({
    ...{ title: `${titleOf(y)} against ${titleOf(x)}`, name: 'scatter', of: 'models', simulated },
    ...{ x: titleOf(x), y: titleOf(y), named: chosen.map(labelOf) },
    points: points.map((point) => ({
      label: labelOf(point),
      x: { value: point.x.value, ci: endsOf(point.x.ci) },
      y: { value: point.y.value, ci: endsOf(point.y.ci) },
      series: point.place < 0 ? null : point.place,
    })),
  });

/** A training over its epochs as a figure for a journal: a panel a region. */
export function trainingFigure(
  members: readonly {
    readonly epoch: number;
    readonly name: string;
    readonly item: Item | undefined;
  }[],
  columns: readonly Column[],
  simulated: boolean,
): Figure {
  return {
    title: 'Regions over training',
    fileName: fileNameOf('regions-over-training', columns.map(titleOf).join('-')),
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
    table: [
      ['epoch', 'checkpoint', 'model', 'column', 'value', 'ci_low', 'ci_high', 'simulated'],
      ...members.flatMap(({ epoch, name, item }) =>
        columns.map((column) => {
          const { value = null, ci = null } = estimateOf(item, column) ?? {};
          const ends = [ci?.[0] ?? null, ci?.[1] ?? null];
          return [epoch, name, item?.model ?? null, column.id, value, ...ends, String(simulated)];
        }),
      ),
    ],
  };
}
