import {
  type BinsPanel,
  benchmarksInName,
  type Figure,
  fileNameOf,
  namesInName,
  type RowsPanel,
} from './figure.js';
import {
  endsOf,
  missingNotes,
  type ScoreToDraw,
  shortTitle,
  signsOf,
  valueTitleOf,
} from './map-figure.js';

/** A score with what tells it from others. */
export interface NamedScore extends ScoreToDraw {
  readonly name: string | null;
  readonly benchmark: string;
  readonly layer: string;
  readonly selection: boolean;
  readonly distribution?: {
    readonly property: string;
    readonly unit: string | null;
    readonly bins: readonly number[];
    readonly neurons: { readonly counts: readonly number[] };
    readonly units: { readonly counts: readonly number[] };
  };
}

/** Scores as a figure: the distributions, where all are of single-neuron properties, else a panel a benchmark. */
export function scoresFigure(scores: readonly NamedScore[]): Figure {
  const names = [...new Set(scores.map(({ name }) => name ?? 'features'))];
  const properties = scores.flatMap((score) => {
    const { distribution } = score;
    return distribution ? [distributionPanel({ ...score, distribution })] : [];
  });
  const drawn = properties.length === scores.length;
  return {
    title: `${drawn ? 'Single-neuron properties' : 'Scores'} of ${names.join(', ')}`,
    fileName: fileNameOf(
      drawn ? 'properties' : 'scores',
      ...namesInName(names),
      benchmarksInName(
        [...new Set(scores.map(({ benchmark }) => benchmark))],
        [...new Set(scores.map(({ region, benchmark }) => region ?? shortTitle(benchmark)))],
      ),
    ),
    sharedRows: false,
    table: tableOf(scores),
    ...(drawn ? propertyParts(properties) : rowParts(scores)),
  };
}

type Parts = Pick<Figure, 'panels' | 'legend' | 'notes'>;

const propertyParts = (panels: readonly BinsPanel[]): Parts => ({
  panels,
  legend: [
    { sign: 'neurons', text: 'recorded neurons' },
    { sign: 0, text: 'units of the model' },
  ],
  notes: ['Shares of those that have the property. Bins are even steps on a scale of their own.'],
});

function rowParts(scores: readonly NamedScore[]): Parts {
  const benchmarks = [...new Set(scores.map(({ benchmark }) => benchmark))];
  const panels = benchmarks.map((benchmark): RowsPanel => {
    const group = scores.filter((score) => score.benchmark === benchmark);
    return {
      ...{ kind: 'rows', ...headOf(group[0]) },
      ceilings: [...new Set(group.flatMap(({ ceiling }) => ceiling?.value ?? []))],
      valueTitle: valueTitleOf(group[0].formula),
      rows: group.map(({ name, layer, selection, value, ci }) => ({
        label: name ?? 'features',
        note: `${layer}${selection ? ', chosen by this score' : ''}`,
        ...{ value, ci: endsOf(ci) },
      })),
    };
  });
  return {
    panels,
    legend: [{ sign: 'value', text: 'value, 95 % interval' }, ...signsOf(panels)],
    notes: missingNotes(
      scores.map(({ value, warnings }) =>
        value === null ? warnings.map(({ detail }) => detail).join('; ') : undefined,
      ),
    ),
  };
}

const headOf = ({ region, benchmark, simulated }: NamedScore) => ({
  ...{ title: region ?? shortTitle(benchmark), about: benchmark, simulated },
});

/** A property in the recorded neurons and in the units of a model. */
function distributionPanel(
  score: NamedScore & { readonly distribution: NonNullable<NamedScore['distribution']> },
): BinsPanel {
  const { distribution, ceiling, value, name, layer, benchmark, simulated } = score;
  const { property, unit, bins, neurons, units } = distribution;
  const words = property.replaceAll('_', ' ');
  const title = words.charAt(0).toUpperCase() + words.slice(1);
  const shown = value === null ? 'no value' : value.toFixed(3);
  return {
    ...{ kind: 'bins', title, simulated },
    about: `${benchmark}; ${name ?? 'features'}, ${layer}: score ${shown}`,
    ceilings: ceiling?.value == null ? [] : [ceiling.value],
    xTitle: unit ? `${title}, ${unit}` : title,
    valueTitle: 'share',
    ...{ edges: bins, neurons: neurons.counts, units: units.counts },
  };
}

function tableOf(scores: readonly NamedScore[]): Figure['table'] {
  const head = ['name', 'benchmark', 'layer', 'value', 'ci_low', 'ci_high', 'raw', 'ceiling'];
  return [
    [...head, 'simulated', 'selection'],
    ...scores.map((score) => [
      ...[score.name, score.benchmark, score.layer, score.value],
      ...[score.ci?.[0] ?? null, score.ci?.[1] ?? null],
      ...[score.raw.value, score.ceiling?.value ?? null],
      ...[String(score.simulated), String(score.selection)],
    ]),
  ];
}
