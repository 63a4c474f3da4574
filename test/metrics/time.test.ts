import { describe, expect, test } from 'vitest';
import {
  type BinMode,
  binShares,
  binsOfStep,
  rebinned,
  type TimeBin,
} from '../../src/data/rebin.js';
import type { MetricResult, Regress } from '../../src/metrics/metric.js';
import { plsRegression } from '../../src/metrics/pls.js';
import { narrowRidgeRegression, ridgeRegression } from '../../src/metrics/ridge.js';
import { poolBins } from '../../src/metrics/time/pool-bins.js';
import {
  acrossStackedTime,
  acrossTime,
  binByBin,
  binsOf,
  correlationOverTime,
  penaltyAcrossTime,
  type TimedTarget,
} from '../../src/metrics/time/time-regression.js';
import { matmul } from '../../src/numerics/algebra/gemm.js';
import { type Matrix, matrix } from '../../src/numerics/algebra/matrix.js';
import { numbers, type OracleArray, oracle } from '../oracle.js';
import { tolerances } from '../tolerances.js';

const near = (found: number, wanted: number, bound: number, what: string) =>
  Number.isNaN(wanted)
    ? expect(found, what).toBeNaN()
    : expect(Math.abs(found - wanted), what).toBeLessThanOrEqual(bound);

describe('re-binning', () => {
  const { cases } = oracle('16-temporal/time_align.json');
  test('there are twelve cases', () => expect(cases.length).toBe(12));

  interface Rebinning {
    readonly mode: BinMode;
    readonly source_bins: TimeBin[];
    readonly target_bins: TimeBin[];
    readonly values: OracleArray;
    readonly weights: OracleArray;
    readonly result: OracleArray & { readonly error?: object };
  }

  test.each<Rebinning>(cases)('$name', (one) => {
    const { mode, source_bins: source, target_bins: target, values, weights, result } = one;
    expect([...binShares(source, target, mode).data]).toEqual([...numbers(weights)]);
    const given = numbers(values);
    const typed = values.dtype === 'float32' ? Float32Array.from(given) : given;
    if (result.error) {
      expect(() => rebinned(typed, source, target, 'x.nc', mode)).toThrow(
        expect.objectContaining({ code: 'recordings-invalid' }),
      );
      return;
    }
    const made = rebinned(typed, source, target, 'x.nc', mode);
    expect(made.constructor).toBe(typed.constructor);
    const wanted = numbers(result);
    expect(made.length).toBe(wanted.length);
    const bound = values.dtype === 'float32' ? tolerances.kinds.float32 : tolerances.kinds.rebinned;
    wanted.forEach((value, i) => {
      near(made[i], value, bound, `value ${i}`);
    });
  });

  test('a centre belongs to one of two bins that meet there, and a bin without one is refused', () => {
    const source: TimeBin[] = [
      [0, 20],
      [20, 40],
    ];
    const target: TimeBin[] = [
      [0, 10],
      [10, 30],
      [30, 40],
    ];
    expect([...binShares(source, target, 'center').data]).toEqual([0, 0, 1, 0, 0, 1]);
    const values = Float64Array.of(1, 2);
    expect(() => rebinned(values, source, target, 'x.nc', 'center')).toThrow(
      /bin 0 to 10 .* holds the centre of none/,
    );
    expect([...rebinned(values, source, [[0, 40]], 'x.nc', 'center')]).toEqual([1.5]);
  });

  test('bins of a length start at 0 and leave the last out, in seconds too', () => {
    const source = (step: number, count: number): TimeBin[] =>
      Array.from({ length: count }, (_, i) => [i * step, (i + 1) * step] as const);
    expect(binsOfStep(source(20, 10), 10, 'x.nc').length).toBe(19);
    expect(binsOfStep(source(0.02, 10), 0.01, 'x.nc').length).toBe(19);
    expect(binsOfStep([[0, 205]], 10, 'x.nc').at(-1)).toEqual([190, 200]);
    expect(() => binsOfStep(source(0.02, 10), 10, 'x.nc')).toThrow(/expected 1 to 1000/);
    expect(() => binsOfStep(source(20, 10), 0.001, 'x.nc')).toThrow(/expected 1 to 1000/);
  });

  test('a missing value is missing in the bins that take of it alone', () => {
    const made = rebinned(
      Float64Array.of(1, Number.NaN, 3),
      [
        [0, 20],
        [20, 40],
        [40, 60],
      ],
      [
        [0, 10],
        [10, 30],
        [40, 50],
      ],
      'x.nc',
    );
    expect([...made]).toEqual([1, Number.NaN, 3]);
  });

  test('a gap in the recording is no bin', () => {
    const gap: TimeBin[] = [
      [0, 10],
      [30, 40],
    ];
    expect(() => rebinned(Float64Array.of(1, 2), gap, [[10, 20]], 'x.nc')).toThrow(
      /^x\.nc time_bins: bin 10 to 20/,
    );
  });
});

interface TimedCase {
  readonly name: string;
  readonly metric: 'spantime_ridge' | 'spantime_pls' | 'pertime_ridge';
  readonly splits: number;
  readonly stimulus_id: string[];
  readonly features_stimulus_id: string[];
  readonly recordings: OracleArray;
  readonly features: OracleArray;
  readonly result: {
    score: OracleArray;
    error: OracleArray;
    raw: { shape: number[]; values: OracleArray };
  };
}

/** Bins below bins of each stimulus: (stimulus · bin) × unit. */
function stacked(data: Float64Array, [stimuli, units, bins]: readonly number[]): Matrix {
  const made = matrix(stimuli * bins, units);
  for (let s = 0; s < stimuli; s++)
    for (let u = 0; u < units; u++)
      for (let t = 0; t < bins; t++)
        made.data[(s * bins + t) * units + u] = data[(s * units + u) * bins + t];
  return made;
}

async function regression(kind: string, x: Matrix, alpha = 1): Promise<Regress> {
  if (kind.endsWith('pls')) return plsRegression(x.data, x.cols, {});
  return x.cols > x.rows
    ? ridgeRegression(await matmul(x, x, { transposeB: true }), alpha)
    : narrowRidgeRegression(x, alpha);
}

const columnsOf = (data: Float64Array, [rows, width, bins]: readonly number[]): Matrix => ({
  ...matrix(rows, width * bins),
  data,
});

describe('regressions in time', () => {
  const cases: TimedCase[] = [...oracle('16-temporal/metrics.json').cases];

  function targetOf({ stimulus_id: stimulusIds, recordings }: TimedCase): TimedTarget {
    const [, width, bins] = recordings.shape;
    return {
      stimulusIds,
      neuroidIds: Array.from({ length: width * bins }, (_, i) => Math.floor(i / bins)),
      values: columnsOf(numbers(recordings), recordings.shape),
      bins,
    };
  }

  function expectResult(found: readonly MetricResult[], { result }: TimedCase) {
    const [score, error, raw] = [result.score, result.error, result.raw.values].map(numbers);
    const [splits, bins, neuroids] = result.raw.shape;
    expect(found.length).toBe(bins);
    found.forEach((bin, b) => {
      near(bin.value, score[b], tolerances.kinds.float64, `bin ${b}`);
      near(bin.error, error[b], tolerances.kinds.float64, `error of bin ${b}`);
      for (let s = 0; s < splits; s++)
        for (let k = 0; k < neuroids; k++)
          near(
            bin.neuroids?.values.data[s * neuroids + k] as number,
            raw[(s * bins + b) * neuroids + k],
            tolerances.kinds.float64,
            `split ${s}, bin ${b}, neuroid ${k}`,
          );
    });
  }

  const isStatic = ({ features }: TimedCase) => {
    const bins = binsOf(columnsOf(numbers(features), features.shape), features.shape[2]);
    return bins.every(({ data }) => data.every((value, i) => value === bins[0].data[i]));
  };

  test.each(cases.map((one) => [one.name, one] as const))('%s', async (_name, one) => {
    const { shape } = one.features;
    const data = numbers(one.features);
    const crossValidation = { splits: one.splits, seed: 1, trainSize: 0.9 };
    const run = (regress: Parameters<typeof correlationOverTime>[3]) =>
      correlationOverTime(one.features_stimulus_id, targetOf(one), crossValidation, regress);
    if (one.metric === 'pertime_ridge') {
      const bins = binsOf(columnsOf(data, shape), shape[2]);
      const fits = await Promise.all(bins.map((bin) => regression(one.metric, bin)));
      expectResult(await run(binByBin(fits)), one);
      return;
    }
    const stack = await regression(one.metric, stacked(data, shape));
    expectResult(await run(acrossStackedTime(stack)), one);
  });

  const static_ = cases.filter((one) => one.metric.startsWith('spantime') && isStatic(one));

  test('features without time are among the cases', () =>
    expect(static_.length).toBeGreaterThanOrEqual(2));

  test.each(static_.map((one) => [one.name, one] as const))(
    '%s: one fit on the mean over bins is the fit on the rows of all bins',
    async (_name, one) => {
      const { shape } = one.features;
      const [first] = binsOf(columnsOf(numbers(one.features), shape), shape[2]);
      const regress = await regression(one.metric, first, penaltyAcrossTime(1, shape[2]));
      expectResult(
        await correlationOverTime(
          one.features_stimulus_id,
          targetOf(one),
          { splits: one.splits, seed: 1, trainSize: 0.9 },
          acrossTime(regress),
        ),
        one,
      );
    },
  );
});

describe('one number of all bins', () => {
  const bin = (...splits: number[]) => ({
    value: splits.reduce((sum, each) => sum + each, 0) / splits.length,
    splits,
  });

  test('bins weigh as much as their ceiling; those without a positive one do not count', () => {
    const pooled = poolBins(
      [bin(0.4, 0.4), bin(0.6, 0.4), bin(Number.NaN, Number.NaN)],
      [bin(-0.01, -0.01), bin(0.5, 0.5), bin(0.9, 0.9)],
    );
    expect(pooled.counted).toEqual([1]);
    expect(pooled.value).toBeCloseTo(0.5, 12);
    expect(pooled.raw.error).toBeCloseTo(0.1 / Math.SQRT2, 12);
    expect(poolBins([bin(0.3), bin(0.6)], [0.9, 0.9]).value).toBeCloseTo(0.25, 12);
  });

  test('without ceilings it is the mean of raw; of no bin it is no number', () => {
    expect(poolBins([bin(0.2), bin(0.4)], null).value).toBeCloseTo(0.3, 12);
    expect(poolBins([bin(0.2)], [bin(-1)]).value).toBeNaN();
  });
});
