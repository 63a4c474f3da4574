import { nanMean, stdDdof0 } from '../../numerics/statistics/statistics.js';

/** What a bin of time was measured as: its value and one aggregate a split. */
export interface BinResult {
  readonly value: number;
  readonly splits: readonly number[];
}

/** One number of the results of all bins. */
export interface PooledBins {
  /** Σ raw² / Σ ceiling, or without ceilings the mean of raw. */
  readonly value: number;
  /** Means over the bins that count, with the standard error over splits of these means. */
  readonly raw: PooledPart;
  readonly ceiling: PooledPart | null;
  /** Positions of the bins that count. */
  readonly counted: readonly number[];
}

interface PooledPart {
  readonly value: number;
  readonly error: number;
  readonly splits: readonly number[];
}

/**
 * One number of bins of time (spec §1.12; the reference has none): the mean of raw² / ceiling over bins, weighted by the
 * ceiling. Bins without a positive ceiling, such as those before the response, or without a correlation do not count.
 * @param ceilings one a bin; a plain number where the ceiling is fixed
 */
export function poolBins(
  raw: readonly BinResult[],
  ceilings: readonly (BinResult | number)[] | null,
): PooledBins {
  const bound = (bin: number) => {
    const ceiling = ceilings?.[bin] ?? Number.NaN;
    return typeof ceiling === 'number' ? ceiling : ceiling.value;
  };
  const counted = raw.flatMap(({ value }, bin) =>
    Number.isFinite(value) && (ceilings === null || bound(bin) > 0) ? [bin] : [],
  );
  const pooledRaw = partOf(counted.map((bin) => raw[bin]));
  if (ceilings === null) return { value: pooledRaw.value, raw: pooledRaw, ceiling: null, counted };
  const sum = (of: (bin: number) => number) => counted.reduce((total, bin) => total + of(bin), 0);
  const fixed = counted.some((bin) => typeof ceilings[bin] === 'number');
  return {
    // Of no bin 0 / 0, which is no number.
    value: sum((bin) => raw[bin].value ** 2) / sum(bound),
    raw: pooledRaw,
    ceiling: fixed
      ? { value: nanMean(counted.map(bound)), error: Number.NaN, splits: [] }
      : partOf(counted.map((bin) => ceilings[bin] as BinResult)),
    counted,
  };
}

function partOf(bins: readonly BinResult[]): PooledPart {
  const count = bins[0]?.splits.length ?? 0;
  const splits = Array.from({ length: count }, (_, s) => nanMean(bins.map((bin) => bin.splits[s])));
  return {
    value: nanMean(bins.map(({ value }) => value)),
    error: stdDdof0(splits.filter((each) => !Number.isNaN(each))) / Math.sqrt(count),
    splits,
  };
}

/** The ceiling of all bins: the mean over those whose ceiling is positive; without one, of no bin. */
export const poolCeilings = (ceilings: readonly BinResult[]): PooledPart =>
  partOf(ceilings.filter(({ value }) => value > 0));
