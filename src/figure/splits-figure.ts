import { type Figure, type FigureRow, fileNameOf } from './figure.js';

/** Single raw values of a score, and those of its ceiling. */
export interface SplitsToDraw {
  readonly benchmark: string;
  /** What each raw value is of. */
  readonly names: readonly string[];
  readonly raw: readonly (number | null)[];
  readonly mean: number | null;
  readonly ceiling: readonly (number | null)[];
  readonly ceilingMean: number | null;
  /** Shares of the values of the ceiling that lie below the two ends of its band. */
  readonly band: readonly [number, number];
}

/** Raw values split by split or neuroid by neuroid, over the band in which those of the ceiling lie. */
export function splitsFigure(
  title: string,
  strips: readonly SplitsToDraw[],
  of: 'split' | 'neuroid',
  simulated: boolean,
): Figure {
  return {
    title,
    fileName: fileNameOf(title, strips.length === 1 ? strips[0].benchmark : ''),
    panels: [
      {
        ...{ kind: 'rows', title: '', about: '', ceilings: null, simulated },
        valueTitle: 'raw value',
        rows: strips.map(rowOf),
      },
    ],
    sharedRows: false,
    legend: [
      { sign: 'sample', text: `one ${of}` },
      {
        sign: 'band',
        text: `ceiling: ${of === 'split' ? 'all splits' : 'middle half of neuroids'}`,
      },
    ],
    notes: ['The black tick is the value of the score, the grey one its ceiling.'],
    table: [
      ['benchmark', of, 'raw', 'ceiling', 'simulated'],
      ...strips.flatMap(({ benchmark, names, raw, ceiling }) =>
        names.map((name, i) => [benchmark, name, raw[i], ceiling[i] ?? null, String(simulated)]),
      ),
    ],
  };
}

function rowOf({ benchmark, raw, mean, ceiling, ceilingMean, band }: SplitsToDraw): FigureRow {
  const known = (ceiling.length > 0 ? ceiling : [ceilingMean])
    .filter((each) => each !== null)
    .sort((a, b) => a - b);
  const [low, high] = band.map((share) => known[Math.round(share * (known.length - 1))]);
  return {
    ...{ label: benchmark, value: mean, ci: null, samples: raw.filter((each) => each !== null) },
    ...(known.length === 0 ? {} : { band: { low, high, mean: ceilingMean } }),
  };
}
