import { correlationTest } from '../numerics/statistics/correlation-test.js';
import { type Estimate, type Figure, fileNameOf, type ScatterPoint } from './figure.js';

/** What a scatter is of. */
export interface ScatterToDraw {
  readonly title: string;
  /** First part of the name of its file. */
  readonly name: string;
  readonly x: string;
  readonly y: string;
  readonly simulated: boolean;
  /** What one point is, in the plural. */
  readonly of: string;
  readonly points: readonly ScatterPoint[];
  /** What the legend says of each series that a point has. */
  readonly named: readonly string[];
  /** Whether both axes are one scale, as of predicted against measured values. */
  readonly diagonal?: boolean;
}

/** Models on two benchmarks, or predicted against measured values, with their correlations. */
export function scatterFigure(scatter: ScatterToDraw): Figure {
  const { title, name, x, y, simulated, of, points, named, diagonal = false } = scatter;
  const shown = points.filter((point) => isKnown(point.x) && isKnown(point.y));
  const drawn = new Set(shown.map(({ series }) => series));
  return {
    title,
    fileName: fileNameOf(name, x, y),
    panels: [
      {
        ...{ kind: 'scatter', title: '', about: '', ceilings: null, simulated },
        ...{ xTitle: x, valueTitle: y, points: shown, diagonal },
        statistics: [correlationText(shown, of)],
      },
    ],
    sharedRows: false,
    legend: [
      ...named.flatMap((text, series) => (drawn.has(series) ? [{ sign: { series }, text }] : [])),
      ...(drawn.has(null)
        ? ([{ sign: 'other', text: named.length > 0 ? `other ${of}` : of }] as const)
        : []),
      ...(diagonal ? ([{ sign: 'equal', text: 'equal values' }] as const) : []),
    ],
    notes: [
      `Brackets are 95 % intervals by Fisher’s transform, for ${of} drawn at random: ${of} that share a family or a training narrow them too much.`,
      ...(points.length > shown.length
        ? [`${points.length - shown.length} without a value on both axes, and not shown`]
        : []),
    ],
    table: [
      ['name', 'x', 'x_ci_low', 'x_ci_high', 'y', 'y_ci_low', 'y_ci_high', 'simulated'],
      ...points.map((point) => [
        ...[point.label, ...cells(point.x), ...cells(point.y)],
        String(simulated),
      ]),
    ],
  };
}

const isKnown = ({ value }: Estimate): boolean => value !== null && Number.isFinite(value);
const cells = ({ value, ci }: Estimate) => [value, ci?.[0] ?? null, ci?.[1] ?? null];

/** Pearson’s r and Spearman’s ρ with their intervals, and over how many; why there are none. */
export function correlationText(
  points: readonly Pick<ScatterPoint, 'x' | 'y'>[],
  of: string,
): string {
  const values = (axis: 'x' | 'y') => points.map((point) => point[axis].value ?? Number.NaN);
  const { count, r, interval, rho, rhoInterval } = correlationTest(values('x'), values('y'));
  if (count < 3) return `n = ${count} ${of}: too few for a correlation`;
  if (Number.isNaN(r)) return `n = ${count} ${of}: no correlation, all values of an axis are equal`;
  return `r = ${bracketed(r, interval)}, ρ = ${bracketed(rho, rhoInterval)}, n = ${count} ${of}`;
}

const bracketed = (value: number, ends: readonly number[]): string => {
  const written = (number: number) => number.toFixed(2).replace('-', '−');
  return `${written(value)} [${ends.map(written).join(', ')}]`;
};
