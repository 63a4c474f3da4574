import { type Figure, type FigureRow, fileNameOf, namesInName } from './figure.js';
import { estimateText } from './text-width.js';

/** How far models are from one of them, on a benchmark or average. */
export interface DifferencesToDraw {
  readonly title: string;
  readonly simulated: boolean;
  /** By model, in the order of the names; undefined of the reference, and where there is none. */
  readonly differences: readonly (
    | { readonly value: number; readonly ci: readonly number[] | null; readonly paired: boolean }
    | undefined
  )[];
}

/**
 * A forest plot: a row a benchmark and model, the difference from the reference with its interval, right of 0 where
 * the model is higher.
 * @param names of all models, in the order of their differences
 */
export function differencesFigure(
  rows: readonly DifferencesToDraw[],
  names: readonly string[],
  reference: number,
): Figure {
  const shown = rows.filter(({ differences }) => differences.some(Boolean));
  const worlds = [false, true].filter((simulated) =>
    shown.some((row) => row.simulated === simulated),
  );
  const unpaired = shown.some(({ differences }) =>
    differences.some((each) => each?.paired === false),
  );
  return {
    title: `Differences from ${names[reference]}`,
    fileName: fileNameOf('differences', names[reference], ...namesInName(others(names, reference))),
    panels: worlds.map((simulated) => ({
      ...{ kind: 'rows', about: '', ceilings: null, simulated, differences: true },
      title: worlds.length > 1 ? (simulated ? 'Simulated' : 'Recorded') : '',
      valueTitle: `difference from ${names[reference]}`,
      rows: shown
        .filter((row) => row.simulated === simulated)
        .flatMap((row) => forestRows(row, names)),
    })),
    sharedRows: false,
    legend: names.flatMap((text, series) =>
      series === reference ? [] : [{ sign: { series }, text }],
    ),
    notes: [
      'Lines are 95 % intervals of one pair and one row, without correction for several.',
      ...(unpaired ? ['* not paired: the errors of the two count as independent.'] : []),
    ],
    table: [
      ['row', 'model', 'from', 'difference', 'ci_low', 'ci_high', 'paired', 'simulated'],
      ...shown.flatMap(({ title, simulated, differences }) =>
        differences.flatMap((each, i) => {
          if (!each) return [];
          const ends = [each.ci?.[0] ?? null, each.ci?.[1] ?? null];
          const flags = [String(each.paired), String(simulated)];
          return [[title, names[i], names[reference], each.value, ...ends, ...flags]];
        }),
      ),
    ],
  };
}

const others = (names: readonly string[], reference: number) =>
  names.filter((_, i) => i !== reference);

/** The benchmark is named at its first model. */
const forestRows = (
  { title, differences }: DifferencesToDraw,
  names: readonly string[],
): FigureRow[] =>
  differences
    .flatMap((each, series) => (each ? [{ each, series }] : []))
    .map(({ each: { value, ci, paired }, series }, i) => {
      const words = differenceText(value, ci, paired);
      const tip = `${names[series]}, ${title}: ${words}`;
      return {
        ...{ label: i === 0 ? title : '', value, series, words, tip },
        ci: ci ? [ci[0], ci[1]] : null,
      };
    });

function differenceText(value: number, ci: readonly number[] | null, paired: boolean): string {
  const text = estimateText({ value, ci });
  return `${value > 0 ? '+' : ''}${text}${paired ? '' : '*'}`;
}
