import { differencesFigure } from './differences-figure.js';
import {
  benchmarksInName,
  type Figure,
  type FigureCurve,
  fileNameOf,
  type LegendEntry,
  namesInName,
} from './figure.js';
import { missingNotes, shortTitle, signsOf } from './map-figure.js';

/** A model, or a checkpoint, on one benchmark. */
export interface RowToDraw {
  readonly checkpoint: string;
  readonly epoch: number | null;
  readonly benchmark: string;
  readonly region: string | null;
  readonly simulated: boolean;
  readonly map: 'fixed' | 'chosen';
  readonly layer: string | null;
  readonly value: number | null;
  readonly ci: readonly [number, number] | null;
  readonly raw: number | null;
  readonly ceiling: number | null;
  readonly selection: boolean;
  readonly reason?: string;
}

/** Models side by side: a panel a benchmark, a row a model with the layer that it was scored at. */
export function comparisonFigure(rows: readonly RowToDraw[]): Figure {
  const models = [...new Set(rows.map(({ checkpoint }) => checkpoint))];
  const panels = groupsOf(rows).map((group) => ({
    ...({ kind: 'rows', ...headOf(group) } as const),
    rows: group.map(({ checkpoint, layer, value, ci, selection }) => ({
      label: checkpoint,
      ...(layer === null ? {} : { note: `${layer}${selection ? ', chosen by this score' : ''}` }),
      ...{ value, ci },
    })),
  }));
  return {
    title: `${models.length} models side by side`,
    fileName: fileNameOf('comparison', ...namesInName(models), namedBenchmarks(rows)),
    panels,
    sharedRows: false,
    legend: [{ sign: 'value', text: 'value, 95 % interval' }, ...signsOf(panels)],
    notes: [
      'Overlap of two intervals is no test of a difference: models are compared by paired resamples.',
      ...missingNotes(rows.map(({ value, reason }) => (value === null ? reason : undefined))),
    ],
    table: tableOf(rows),
  };
}

/** Two models on one benchmark. */
interface PairToDraw {
  readonly benchmark: string;
  readonly from: string;
  readonly to: string;
  readonly difference: number | null;
  readonly ci: readonly [number, number] | null;
  readonly paired: boolean;
}

/** How far the other models are from the first, as a forest plot. */
export function comparedDifferences(
  rows: readonly RowToDraw[],
  differences: readonly PairToDraw[],
): Figure {
  const models = [...new Set(rows.map(({ checkpoint }) => checkpoint))];
  return differencesFigure(
    groupsOf(rows).map((group) => {
      const [{ benchmark }] = group;
      const simulated = group.some((row) => row.simulated);
      const from = differences.filter(
        (pair) => pair.benchmark === benchmark && pair.from === models[0],
      );
      return {
        ...{ title: benchmark, simulated },
        differences: models.map((model) => {
          const pair = from.find(({ to }) => to === model);
          if (pair?.difference == null) return undefined;
          return { value: pair.difference, ci: pair.ci, paired: pair.paired };
        }),
      };
    }),
    models,
    0,
  );
}

/** A training over its epochs: a panel a benchmark, a curve at the fixed layer and one at the layer chosen each time. */
export function seriesFigure(rows: readonly RowToDraw[]): Figure {
  const placed = rows.filter(({ epoch }) => epoch !== null);
  const panels = groupsOf(placed).map((group) => ({
    ...({ kind: 'curves', xTitle: 'epoch', ...headOf(group) } as const),
    curves: (['fixed', 'chosen'] as const).map(
      (name): FigureCurve => ({
        name,
        points: group
          .filter(({ map }) => map === name)
          .map(({ epoch, value, ci }) => ({ x: epoch ?? 0, value, ci })),
      }),
    ),
  }));
  const curves = panels.map(({ ceilings, curves }) => ({
    ceilings,
    rows: curves.flatMap(({ points }) => points),
  }));
  const shown = (['fixed', 'chosen'] as const).filter((name) =>
    placed.some(({ map }) => map === name),
  );
  const words = { fixed: 'at the fixed layer', chosen: 'at the layer chosen at each epoch' };
  const left = new Set(rows.filter(({ epoch }) => epoch === null).map((row) => row.checkpoint));
  return {
    title: `A series of ${new Set(rows.map(({ checkpoint }) => checkpoint)).size} checkpoints`,
    fileName: fileNameOf('series', namedBenchmarks(rows)),
    panels,
    sharedRows: false,
    legend: [
      ...shown.map((name): LegendEntry => ({ sign: name === 'fixed' ? 0 : 1, text: words[name] })),
      ...signsOf(curves),
    ],
    notes: [
      'Bands are 95 % intervals. A value at a chosen layer is a selection: the layer was chosen by this score.',
      ...(left.size > 0 ? [`without an epoch, and not shown: ${[...left].join(', ')}`] : []),
      ...missingNotes(placed.map(({ value, reason }) => (value === null ? reason : undefined))),
    ],
    table: tableOf(rows),
  };
}

const namedBenchmarks = (rows: readonly RowToDraw[]): string =>
  benchmarksInName(
    [...new Set(rows.map(({ benchmark }) => benchmark))],
    [...new Set(rows.map(({ region, benchmark }) => region ?? shortTitle(benchmark)))],
  );

/** Rows by benchmark, in their order. */
function groupsOf(rows: readonly RowToDraw[]): RowToDraw[][] {
  const groups = new Map<string, RowToDraw[]>();
  for (const row of rows) groups.set(row.benchmark, [...(groups.get(row.benchmark) ?? []), row]);
  return [...groups.values()];
}

function headOf(group: readonly RowToDraw[]) {
  const [{ benchmark }] = group;
  const region = group.find((row) => row.region !== null)?.region;
  const ceilings = [...new Set(group.flatMap(({ ceiling }) => ceiling ?? []))];
  return {
    title: region ?? shortTitle(benchmark),
    about: benchmark,
    ceilings,
    valueTitle: ceilings.length > 0 ? 'score (1 = ceiling)' : 'score',
    simulated: group.some(({ simulated }) => simulated),
  };
}

function tableOf(rows: readonly RowToDraw[]): Figure['table'] {
  const head = ['checkpoint', 'epoch', 'benchmark', 'map', 'layer', 'value', 'ci_low', 'ci_high'];
  return [
    [...head, 'raw', 'ceiling', 'simulated', 'selection', 'reason'],
    ...rows.map((row) => [
      ...[row.checkpoint, row.epoch, row.benchmark, row.map, row.layer, row.value],
      ...[row.ci?.[0] ?? null, row.ci?.[1] ?? null, row.raw, row.ceiling],
      ...[String(row.simulated), String(row.selection), row.reason ?? null],
    ]),
  ];
}
