import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import type { Id } from '../../src/data/ids.js';
import { fixedSplitCorrelation } from '../../src/metrics/cross-regressed-correlation.js';
import { benchmarkSplits, pairSplits, sortedById } from '../../src/metrics/cross-validation.js';
import { linearGramRegression, linearRegression } from '../../src/metrics/linear.js';
import type {
  CrossValidation,
  Fold,
  MetricResult,
  Regress,
  Source,
  Target,
} from '../../src/metrics/metric.js';
import { bestUnitRegression, bestUnits } from '../../src/metrics/neuron-to-neuron.js';
import {
  ALPHAS,
  narrowRidgeCvRegression,
  narrowRidgeRegression,
  ridgeCvRegression,
  ridgeRegression,
} from '../../src/metrics/ridge.js';
import { neuralMetric } from '../../src/metrics/table/metric-table.js';
import { tiledPredictions } from '../../src/metrics/tiled/tiled-regression.js';
import { columnSource } from '../../src/numerics/algebra/column-source.js';
import { denseFeatures, type Features, selectRows } from '../../src/numerics/algebra/features.js';
import { gram } from '../../src/numerics/algebra/gram.js';
import { matrix, submatrix } from '../../src/numerics/algebra/matrix.js';
import { RandomState } from '../../src/numerics/random/random-state.js';
import { penaltyFit } from '../../src/numerics/regression/ridge.js';
import { numbers, type OracleArray, oracle } from '../oracle.js';
import { tolerances } from '../tolerances.js';
import { expectClose } from './close.js';

const crossValidation: CrossValidation = { splits: 10, trainSize: 0.9, seed: 1 };
const code = (want: string) => expect.objectContaining({ code: want });

function features(entry: OracleArray): Features {
  const [rows, cols] = entry.shape;
  const values = numbers(entry);
  const data = entry.dtype === 'float32' ? Float32Array.from(values) : values;
  return denseFeatures(rows, cols, data);
}

const table = (entry: OracleArray) => matrix(entry.shape[0], entry.shape[1], numbers(entry));

async function regressionOf(metric: string, x: Features): Promise<Regress> {
  const values = matrix(x.rows, x.cols, Float64Array.from(await x.columns(0, x.cols)));
  if (metric.startsWith('linear')) return linearRegression(values);
  if (metric.startsWith('neuron')) return bestUnitRegression(x);
  if (x.cols <= x.rows)
    return metric.includes('cv') ? narrowRidgeCvRegression(values) : narrowRidgeRegression(values);
  const products = await gram(x);
  return metric.includes('cv') ? ridgeCvRegression(products) : ridgeRegression(products, 1);
}

const scored: [string, string][] = [
  ['ridge', 'score_other_ridge'],
  ['linear', 'score_other_linear_predictivity'],
  ['neuron-to-neuron', 'score_other_neuron_to_neuron'],
];

describe.each(scored)('%s', (name, file) => {
  const golden = oracle(`03-pls/${file}.json`);
  const source: Source = {
    stimulusIds: golden.source.stimulus_id,
    features: features(golden.source.values),
  };
  const target: Target = {
    stimulusIds: golden.target.stimulus_id,
    neuroidIds: golden.target.neuroid_id,
    values: table(golden.target.values),
    strata: golden.target[golden.crossvalidation_kwargs.stratification_coord],
  };
  const run = (from: Source, to: Target): Promise<MetricResult> =>
    neuralMetric(name).run(from, to, { crossValidation });

  it('scores as the reference', async () => {
    const { raw, score, error } = golden.result;
    const result = await run(source, target);
    expect(result.neuroids?.ids).toEqual(raw.neuroid_id);
    expectClose(result.neuroids!.values.data, numbers(raw.values), tolerances.float64);
    expectClose(result.splits, numbers(raw.per_split_median), tolerances.float64);
    expectClose([result.value, result.error], [score, error], tolerances.float64);
    expect(result.errorKind).toBe('sem over splits');
    expect(golden.sensitivity.nan_pattern_same).toBe(true);
  });

  it('predicts as the reference in every split', async () => {
    const regress = await regressionOf(golden.metric, source.features);
    const made = benchmarkSplits(target.stimulusIds.length, target.strata, crossValidation);
    const paired = pairSplits(made, source.stimulusIds, target.stimulusIds);
    expect(paired.length).toBe(golden.splits.length);
    for (const [k, rows] of paired.entries()) {
      const want = golden.splits[k];
      const fold: Fold = {
        train: sortedById(rows.trainSource, source.stimulusIds),
        test: rows.testSource,
      };
      expect(rows.testSource.map((row) => source.stimulusIds[row])).toEqual(
        want.test_stimulus_id_source_order,
      );
      const order = sortedById(rows.trainTarget, target.stimulusIds);
      const y = submatrix(target.values, order, [...target.neuroidIds.keys()]);
      const { values } = await regress(fold, y);
      expectClose(values.data, numbers(want.prediction), tolerances.float64);
      if (want.mapping) {
        const { units } = await bestUnits(source.features, fold, y);
        expect([...units]).toEqual([...numbers(want.mapping)]);
      }
    }
    expect(golden.name).toContain('other');
    const textureOf = new Map(target.stimulusIds.map((id, i) => [id, target.strata?.[i]]));
    expect(golden.source.texture_type).toEqual(source.stimulusIds.map((id) => textureOf.get(id)));
    expect(golden.note).toBe('');
  });

  it('does not depend on the order of the source rows or the target columns', async () => {
    const plain = await run(source, target);
    const order = <T>(items: readonly T[]) =>
      fc.shuffledSubarray([...items.keys()], { minLength: items.length });
    await fc.assert(
      fc.asyncProperty(
        order(source.stimulusIds),
        order(target.neuroidIds),
        async (rows, columns) => {
          const moved = await run(
            {
              stimulusIds: rows.map((row) => source.stimulusIds[row]),
              features: selectRows(source.features, rows),
            },
            {
              ...target,
              neuroidIds: columns.map((column) => target.neuroidIds[column]),
              values: submatrix(target.values, [...target.stimulusIds.keys()], columns),
            },
          );
          expectClose(moved.neuroids!.values.data, plain.neuroids!.values.data, tolerances.float64);
        },
      ),
      { numRuns: 5 },
    );
  });

  it('refuses activations that are not finite', async () => {
    const { rows, cols } = source.features;
    const data = Float64Array.from(await source.features.columns(0, cols));
    data[cols + 1] = Number.NaN;
    const broken = { ...source, features: denseFeatures(rows, cols, data) };
    await expect(run(broken, target)).rejects.toThrow(code('activations-not-finite'));
  });
});

const fixed = [
  'ridge_split',
  'linear_predictivity_split',
  'neuron_to_neuron_split',
  'ridgecv_split_tall',
  'ridgecv_split_wide',
  'dual_ridge_split_tall',
  'dual_ridge_split_wide',
  'dual_ridgecv_split_tall',
  'dual_ridgecv_split_wide',
  'dual_ridgecv_split_wide_f32',
];

describe.each(fixed)('fixed split: %s', (name) => {
  const golden = oracle(`03-pls/split_${name}.json`);
  const { source_train, source_test, target_train, target_test } = golden;
  const [rows, cols] = source_train.values.shape;
  const both = () => {
    const values = [...numbers(source_train.values), ...numbers(source_test.values)];
    const data =
      source_train.values.dtype === 'float32'
        ? Float32Array.from(values)
        : Float64Array.from(values);
    return denseFeatures(values.length / cols, cols, data);
  };

  it('predicts and scores as the reference', async () => {
    const regress = await regressionOf(golden.metric, both());
    const result = await fixedSplitCorrelation(
      { trainIds: source_train.stimulus_id, testIds: source_test.stimulus_id },
      {
        trainIds: target_train.stimulus_id,
        train: table(target_train.values),
        testIds: target_test.stimulus_id,
        test: table(target_test.values),
        neuroidIds: golden.neuroid_id,
      },
      ({ train, test: held }, y) => regress({ train, test: held.map((row) => rows + row) }, y),
    );
    expect(result.neuroids!.ids).toEqual(golden.result.raw.neuroid_id);
    const { data } = result.neuroids!.values;
    expectClose(data, numbers(golden.result.raw.values), tolerances.float64);
    expectClose([result.value], [golden.result.score], tolerances.float64);

    const fold = {
      train: sortedById([...Array(rows).keys()], source_train.stimulus_id),
      test: source_test.stimulus_id.map((_: Id, i: number) => rows + i),
    };
    const order = sortedById([...Array(rows).keys()], target_train.stimulus_id);
    const y = submatrix(table(target_train.values), order, [...golden.neuroid_id.keys()]);
    const { values } = await regress(fold, y);
    expectClose(values.data, numbers(golden.fit[0].prediction), tolerances.float64);
    if (golden.fit[0].mapping) {
      const { units } = await bestUnits(both(), fold, y);
      expect([...units]).toEqual([...numbers(golden.fit[0].mapping)]);
    }
    expect(golden.metric).toContain('_split');
    expect(typeof golden.note).toBe('string');
  });
});

test.each(fixed.filter((name) => name.includes('cv')))('the penalty of %s', async (name) => {
  const { source_train, target_train, alpha, fit, neuroid_id } = oracle(
    `03-pls/split_${name}.json`,
  );
  const rows = [...source_train.stimulus_id.keys()];
  const order = sortedById(rows, target_train.stimulus_id);
  const train = sortedById(rows, source_train.stimulus_id);
  const y = submatrix(table(target_train.values), order, [...neuroid_id.keys()]);
  const whole = await gram(features(source_train.values));
  const products = submatrix(whole, train, train);
  const { predict } = await penaltyFit(submatrix(whole, train, train));
  expect((await predict(products, y, ALPHAS)).alpha).toBe(alpha);
  expect(fit[0].alpha).toBe(alpha);
});

test.each(fixed.filter((name) => name.includes('cv')))(
  'the penalty of %s in tiles, and of targets in blocks',
  async (name) => {
    const golden = oracle(`03-pls/split_${name}.json`);
    const { source_train, source_test, target_train } = golden;
    const [rows, cols] = source_train.values.shape;
    const values = [...numbers(source_train.values), ...numbers(source_test.values)];
    const all = denseFeatures(values.length / cols, cols, Float64Array.from(values));
    const fold = {
      train: sortedById([...Array(rows).keys()], source_train.stimulus_id),
      test: source_test.stimulus_id.map((_: Id, i: number) => rows + i),
    };
    const order = sortedById([...Array(rows).keys()], target_train.stimulus_id);
    const y = submatrix(table(target_train.values), order, [...golden.neuroid_id.keys()]);
    const stimulusIds = [...source_train.stimulus_id, ...source_test.stimulus_id];
    const jobs = [{ fold, targets: columnSource(y) }];
    const [tiled] = await tiledPredictions(
      { stimulusIds, features: all },
      { name: 'ridgecv' },
      jobs,
    );
    const blocks = await (await regressionOf(golden.metric, all)).inBlocks?.(
      fold,
      columnSource(y),
      1,
    );
    for (const found of [tiled, blocks]) {
      expect(found?.alpha).toBe(golden.alpha);
      expectClose(found?.values.data ?? [], numbers(golden.fit[0].prediction), tolerances.tiled);
    }
  },
);

test('the penalties are those of the reference', () => {
  expect(ALPHAS).toEqual([...numbers(oracle('03-pls/ridgecv_alphas.json').alphas)]);
});

/** A layer and recordings that follow from it, with noise. */
function made(rows: number, cols: number, neuroids: number, seed: number): [Source, Target] {
  const random = new RandomState(seed);
  const x = random.standardNormal(rows * cols);
  const weights = random.standardNormal(cols * neuroids);
  const noise = random.standardNormal(rows * neuroids);
  const values = matrix(rows, neuroids);
  values.data.forEach((_, at) => {
    const [row, neuroid] = [Math.floor(at / neuroids), at % neuroids];
    let sum = noise[at];
    for (let col = 0; col < cols; col++)
      sum += x[row * cols + col] * weights[col * neuroids + neuroid];
    values.data[at] = sum;
  });
  const stimulusIds = Array.from({ length: rows }, (_, i) => i);
  const neuroidIds = Array.from({ length: neuroids }, (_, i) => i);
  return [
    { stimulusIds, features: denseFeatures(rows, cols, x) },
    { stimulusIds, neuroidIds, values },
  ];
}

describe('from a Gram matrix', () => {
  it.each(['ridge', 'ridgecv', 'dual-ridge', 'dual-ridgecv', 'linear'])(
    '%s gives what the features give',
    async (name) => {
      const [source, target] = made(40, 90, 3, 1);
      const { run, ofGram } = neuralMetric(name);
      const reduced = {
        stimulusIds: source.stimulusIds,
        units: source.features.cols,
        gram: await gram(source.features),
      };
      const options = { crossValidation };
      const [whole, products] = [
        await run(source, target, options),
        await ofGram!(reduced, target, options),
      ];
      const { data } = products.neuroids!.values;
      expectClose(data, whole.neuroids!.values.data, tolerances.float64);
      reduced.gram.data[0] = Number.NaN;
      await expect(ofGram!(reduced, target, options)).rejects.toThrow(
        code('activations-not-finite'),
      );
    },
  );

  it.each(['ridge', 'ridgecv'])('%s is the same from narrow features', async (name) => {
    const [source, target] = made(60, 20, 3, 7);
    const { run, ofGram } = neuralMetric(name);
    const reduced = {
      stimulusIds: source.stimulusIds,
      units: 20,
      gram: await gram(source.features),
    };
    const [narrow, products] = [
      await run(source, target, { crossValidation }),
      await ofGram!(reduced, target, { crossValidation }),
    ];
    const { data } = products.neuroids!.values;
    expectClose(data, narrow.neuroids!.values.data, tolerances.float64);
    const broken = denseFeatures(60, 20, new Float64Array(1200).fill(Number.NaN));
    await expect(run({ ...source, features: broken }, target, { crossValidation })).rejects.toThrow(
      code('activations-not-finite'),
    );
  });

  it('a larger penalty makes another score, and a penalty of 1 is the default', async () => {
    const [source, target] = made(40, 90, 3, 2);
    const { run } = neuralMetric('ridge');
    const at = async (alpha?: number) =>
      (await run(source, target, { crossValidation, ...(alpha && { alpha }) })).value;
    expect(await at()).toBe(await at(1));
    expect(await at(1e5)).not.toBe(await at());
  });
});

describe('linear', () => {
  it('fits collinear and constant features by the weights of least norm', async () => {
    const [{ features: plain }, { values: y }] = made(30, 4, 2, 3);
    const x = await plain.columns(0, 4);
    // Each feature twice, and one that never varies: the same space, so the same predictions.
    const doubled = matrix(30, 9);
    doubled.data.forEach((_, at) => {
      const [row, col] = [Math.floor(at / 9), at % 9];
      doubled.data[at] = col === 8 ? 5 : x[row * 4 + (col % 4)];
    });
    const fold = { train: [...Array(24).keys()], test: [24, 25, 26, 27, 28, 29] };
    const train = submatrix(y, fold.train, [0, 1]);
    const [narrow, wide] = [
      await linearRegression(matrix(30, 4, Float64Array.from(x)))(fold, train),
      await linearRegression(doubled)(fold, train),
    ];
    expectClose(wide.values.data, narrow.values.data, tolerances.float64);
  });

  it('passes through every train response where the units outnumber the stimuli, and says so', async () => {
    const [source, target] = made(30, 50, 2, 4);
    const all = [...Array(30).keys()];
    for (const regress of [
      linearGramRegression(await gram(source.features)),
      linearRegression(matrix(30, 50, Float64Array.from(await source.features.columns(0, 50)))),
    ]) {
      const { values } = await regress({ train: all, test: all }, target.values);
      expectClose(values.data, target.values.data, tolerances.float64);
    }
    const { warnings } = await neuralMetric('linear').run(source, target, { crossValidation });
    expect(warnings).toEqual([expect.objectContaining({ code: 'underdetermined' })]);
  });

  it('does with rows that are linearly dependent', async () => {
    const [source, target] = made(30, 50, 2, 5);
    // Every stimulus twice: the Gram matrix has half the rank, the mean of both responses is the fit.
    const twice = selectRows(
      source.features,
      [...Array(30).keys()].map((i) => i >> 1),
    );
    const all = [...Array(30).keys()];
    const regress = linearGramRegression(await gram(twice));
    const { values } = await regress({ train: all, test: all }, target.values);
    const want = target.values.data.map((_, at) => {
      const pair = (Math.floor(at / 2) >> 1) * 4 + (at % 2);
      return (target.values.data[pair] + target.values.data[pair + 2]) / 2;
    });
    expectClose(values.data, want, tolerances.float64);
  });
});

describe('neuron-to-neuron', () => {
  it('takes the first of equal units, skips constant ones and leaves a constant neuroid without', async () => {
    const random = new RandomState(6);
    const y = matrix(20, 2, random.standardNormal(40));
    const x = matrix(20, 4);
    for (let row = 0; row < 20; row++) {
      x.data.set([7, -y.data[row * 2], y.data[row * 2] * 2 + 1, y.data[row * 2]], row * 4);
      y.data[row * 2 + 1] = 3;
    }
    const fold = { train: [...Array(20).keys()], test: [0, 1] };
    const { units, activations } = await bestUnits(denseFeatures(20, 4, x.data), fold, y);
    expect([units[1], activations.data[1]]).toEqual([-1, Number.NaN]);
    expect([2, 3]).toContain(units[0]);
    expect(activations.data[0]).toBe(x.data[units[0]]);
  });
});
