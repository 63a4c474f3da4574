import { expect, test } from 'vitest';
import type { Id } from '../../src/data/ids.js';
import { fixedSplitCorrelation } from '../../src/metrics/cross-regressed-correlation.js';
import { benchmarkSplits, pairSplits, sortedById } from '../../src/metrics/cross-validation.js';
import type { CrossValidation, MetricResult, Source, Target } from '../../src/metrics/metric.js';
import { pls, plsOfGram, plsRegression } from '../../src/metrics/pls.js';
import { neuralMetric } from '../../src/metrics/table/metric-table.js';
import { denseFeatures } from '../../src/numerics/algebra/features.js';
import { gram } from '../../src/numerics/algebra/gram.js';
import { matrix } from '../../src/numerics/algebra/matrix.js';
import { RandomState } from '../../src/numerics/random/random-state.js';
import { fitPls, predictPls } from '../../src/numerics/regression/pls.js';
import { numbers, type OracleArray, oracle } from '../oracle.js';
import { tolerances } from '../tolerances.js';
import { expectClose } from './close.js';

const crossValidation: CrossValidation = { splits: 10, trainSize: 0.9, seed: 1 };
const code = (want: string) => expect.objectContaining({ code: want });

const golden = {
  tall: oracle('03-pls/score_tall_f64.json'),
  'wide float32, other row order': oracle('03-pls/score_wide_f32_shuffled.json'),
  'no stratification': oracle('03-pls/score_no_stratification.json'),
  'stratified by object_name': oracle('03-pls/score_objects_default_stratification.json'),
  'one neuroid': oracle('03-pls/score_one_neuroid.json'),
  'a constant neuroid, collinear features': oracle('03-pls/score_constant_neuroid_collinear.json'),
  'neuroid_id alone': oracle('03-pls/score_only_neuroid_id_coord.json'),
};
const reversed = oracle('03-pls/score_other_reverse_pls.json');
const nanFeatures = oracle('03-pls/score_error_nan_features.json');
const tooFew = oracle('03-pls/score_error_too_few_features.json');
const fixed = oracle('03-pls/split_pls_split.json');

interface ScoreCase {
  metric: string;
  crossvalidation_kwargs: { stratification_coord?: string | null } | null;
  source: { stimulus_id: Id[]; values: OracleArray } & Record<string, Id[]>;
  target: { stimulus_id: Id[]; neuroid_id: Id[]; values: OracleArray } & Record<string, Id[]>;
}

function typed(array: OracleArray) {
  const values = numbers(array);
  return array.dtype === 'float32' ? Float32Array.from(values) : values;
}

function sides({ source, target, crossvalidation_kwargs }: ScoreCase): [Source, Target] {
  const coordinate = crossvalidation_kwargs?.stratification_coord;
  const strata = coordinate === null ? undefined : target[coordinate ?? 'object_name'];
  for (const name of ['texture_type', 'object_name', 'meta'])
    expectSameColumn(source, target, name);
  const [rows, cols] = source.values.shape;
  const [presentations, neuroids] = target.values.shape;
  return [
    { stimulusIds: source.stimulus_id, features: denseFeatures(rows, cols, typed(source.values)) },
    {
      stimulusIds: target.stimulus_id,
      neuroidIds: target.neuroid_id,
      values: matrix(presentations, neuroids, numbers(target.values)),
      strata,
    },
  ];
}

/** Strata are read from the target alone; here both sides say the same of a stimulus. */
function expectSameColumn(source: ScoreCase['source'], target: ScoreCase['target'], name: string) {
  if (!source[name]) return;
  const known = new Map(target.stimulus_id.map((id, i) => [id, target[name][i]]));
  expect(source.stimulus_id.map((id) => known.get(id))).toEqual(source[name]);
}

interface ScoreResult {
  score: number;
  error: number;
  raw: { neuroid_id: Id[]; values: OracleArray; per_split_median: OracleArray };
}

function expectScore(
  got: MetricResult,
  want: ScoreResult,
  tolerance: { r: number; score: number },
) {
  expect(got.neuroids?.ids).toEqual(want.raw.neuroid_id);
  expectClose(got.neuroids?.values.data ?? [], numbers(want.raw.values), tolerance.r);
  expectClose(got.splits, numbers(want.raw.per_split_median), tolerance.r);
  expectClose([got.value, got.error], [want.score, want.error], tolerance.score);
}

const exact = { r: tolerances.float64, score: tolerances.float64 };

test.each(Object.entries(golden))('score: %s', async (_name, wanted) => {
  const [source, target] = sides(wanted);
  const modelled =
    source.features.dtype === 'float64' || source.features.cols <= source.features.rows;
  const result = await pls(source, target, { crossValidation });
  expectScore(result, wanted.result, modelled ? exact : tolerances.float32);
});

interface SplitCase {
  train_stimulus_id: Id[];
  test_stimulus_id_source_order: Id[];
  n_iter: number[];
  prediction: OracleArray;
}

/** Rows of row-major values, in their own type. */
function pick(values: Float32Array | Float64Array, cols: number, index: readonly number[]) {
  const rows = index.flatMap((row) => Array.from(values.subarray(row * cols, (row + 1) * cols)));
  return values instanceof Float32Array ? Float32Array.from(rows) : Float64Array.from(rows);
}

async function expectSplits(source: Source, target: Target, wanted: readonly SplitCase[]) {
  const { cols } = source.features;
  const features = await source.features.columns(0, cols);
  const { data: recordings, cols: neuroids } = target.values;
  const made = benchmarkSplits(target.stimulusIds.length, target.strata, crossValidation);
  const paired = pairSplits(made, source.stimulusIds, target.stimulusIds);
  expect(paired.length).toBe(wanted.length);
  for (const [k, split] of paired.entries()) {
    const want = wanted[k];
    expect(split.trainTarget.map((row) => target.stimulusIds[row])).toEqual(want.train_stimulus_id);
    const tested = split.testSource.map((row) => source.stimulusIds[row]);
    expect(tested).toEqual(want.test_stimulus_id_source_order);
    const train = sortedById(split.trainSource, source.stimulusIds);
    const trainTarget = sortedById(split.trainTarget, target.stimulusIds);
    const fit = await fitPls(
      matrix(train.length, cols, Float64Array.from(pick(features, cols, train))),
      matrix(train.length, neuroids, Float64Array.from(pick(recordings, neuroids, trainTarget))),
      25,
    );
    expect(fit.iterations).toEqual(want.n_iter);
    const prediction = await predictPls(fit, pick(features, cols, split.testSource));
    expectClose(prediction.data, numbers(want.prediction), tolerances.float64);
  }
}

test.each(Object.entries(golden))('splits, iterations, predictions: %s', async (_name, wanted) => {
  const [source, target] = sides(wanted);
  expect(wanted.metric).toBe('pls');
  const splits = Array.from({ length: wanted.splits.length }, (_, k) => wanted.splits[k]);
  await expectSplits(source, target, splits);
});

test('one constant neuroid is left out and reported', async () => {
  const [source, target] = sides(golden['a constant neuroid, collinear features']);
  const { warnings } = await pls(source, target, { crossValidation });
  expect(warnings).toEqual([
    { code: 'neuroids-dropped', detail: expect.stringMatching(/^1 of 7 .* in every split$/) },
  ]);
});

test('reverse-pls: recordings predict units', async () => {
  const [source, target] = sides(reversed);
  const result = await neuralMetric('reverse-pls').run(source, target, { crossValidation });
  // The reference sorts unit names as text, here units are numbers.
  const names: string[] = reversed.result.raw.neuroid_id;
  const order = names.map((name) => Number(name.split('.').at(-1)));
  const { data = new Float64Array(), cols = 0 } = result.neuroids?.values ?? {};
  const reordered = result.splits.flatMap((_, s) => order.map((unit) => data[s * cols + unit]));
  expectClose(reordered, numbers(reversed.result.raw.values), tolerances.float64);
  expectClose(result.splits, numbers(reversed.result.raw.per_split_median), tolerances.float64);
  expectClose(
    [result.value, result.error],
    [reversed.result.score, reversed.result.error],
    tolerances.float64,
  );
  expect(reversed.metric).toBe('reverse_pls');
  const units = Float64Array.from(await source.features.columns(0, source.features.cols));
  const { rows, cols: neuroids, data: recordings } = target.values;
  const types = new Map(target.stimulusIds.map((id, i) => [id, target.strata?.[i] ?? '']));
  await expectSplits(
    { stimulusIds: target.stimulusIds, features: denseFeatures(rows, neuroids, recordings) },
    {
      stimulusIds: source.stimulusIds,
      neuroidIds: order,
      values: matrix(rows, source.features.cols, units),
      strata: source.stimulusIds.map((id) => types.get(id) ?? ''),
    },
    Array.from({ length: reversed.splits.length }, (_, k) => reversed.splits[k]),
  );
});

test('a fixed split of train and test assemblies', async () => {
  const { source_train, source_test, target_train, target_test } = fixed;
  const [rows, units] = source_train.values.shape;
  const both = Float64Array.of(...numbers(source_train.values), ...numbers(source_test.values));
  const regress = plsRegression(both, units, {});
  const table = (array: OracleArray) => matrix(array.shape[0], array.shape[1], numbers(array));
  const result = await fixedSplitCorrelation(
    { trainIds: source_train.stimulus_id, testIds: source_test.stimulus_id },
    {
      trainIds: target_train.stimulus_id,
      train: table(target_train.values),
      testIds: target_test.stimulus_id,
      test: table(target_test.values),
      neuroidIds: fixed.neuroid_id,
    },
    ({ train, test: held }, y) => regress({ train, test: held.map((row) => rows + row) }, y),
  );
  expect(fixed.metric).toBe('pls_split');
  expect(fixed.fit[0].n_iter.length).toBe(25);
  expectClose(
    result.neuroids?.values.data ?? [],
    numbers(fixed.result.raw.values),
    tolerances.float64,
  );
  expectClose([result.value], [fixed.result.score], tolerances.float64);
});

test('what cannot be scored is refused with its reason', async () => {
  const [nan, target] = sides(nanFeatures);
  expect([nanFeatures.metric, nanFeatures.error.type]).toEqual(['pls', 'ValueError']);
  expect(nanFeatures.error.message).toMatch(/contains NaN/);
  await expect(pls(nan, target, { crossValidation })).rejects.toThrow(
    code('activations-not-finite'),
  );
  await expect(pls(nan, target, { crossValidation })).rejects.toThrow(/activations? .*stimulus /);
  const [narrow, narrowTarget] = sides(tooFew);
  expect([tooFew.metric, tooFew.error.type]).toEqual(['pls', 'ValueError']);
  expect(tooFew.error.message).toMatch(/upper bound is 20\. Got 25/);
  await expect(pls(narrow, narrowTarget, { crossValidation })).rejects.toThrow(
    code('units-too-few'),
  );

  const [source, sound] = sides(golden.tall);
  const run = (change: Partial<Target>) =>
    pls(source, { ...sound, ...change }, { crossValidation });
  const holed = matrix(90, 8, sound.values.data.slice());
  holed.data[3] = Number.NaN;
  await expect(run({ values: holed })).rejects.toThrow(code('recordings-invalid'));
  await expect(run({ values: matrix(90, 8) })).rejects.toThrow(code('neuroids-constant'));
  const others = sound.stimulusIds.map((id, i) => (i === 4 ? 'other' : id));
  await expect(run({ stimulusIds: others })).rejects.toThrow(code('stimuli-mismatch'));
  const twice = sound.stimulusIds.map((id, i) => (i === 4 ? sound.stimulusIds[5] : id));
  await expect(run({ stimulusIds: twice })).rejects.toThrow(code('stimuli-duplicate'));
});

test('splits that test on one stimulus have no correlation', async () => {
  const features = denseFeatures(9, 30, new RandomState(0).standardNormal(270));
  const ids = Array.from({ length: 9 }, (_, i) => i);
  const values = matrix(9, 2, new RandomState(1).standardNormal(18));
  const target = { stimulusIds: ids, neuroidIds: ['a', 'b'], values };
  const scored = pls({ stimulusIds: ids, features }, target, { crossValidation });
  await expect(scored).rejects.toThrow(code('stimuli-too-few'));
});

test('a Gram matrix is as good as the features, and a broken one is refused', async () => {
  const wanted = golden['stratified by object_name'];
  const [source, target] = sides(wanted);
  const products = await gram(source.features);
  const reduced = { stimulusIds: source.stimulusIds, units: source.features.cols, gram: products };
  const { ofGram = plsOfGram } = neuralMetric('pls');
  expectScore(await ofGram(reduced, target, { crossValidation }), wanted.result, exact);
  products.data[0] = Number.NaN;
  await expect(plsOfGram(reduced, target, { crossValidation })).rejects.toThrow(
    code('activations-not-finite'),
  );
  await expect(plsOfGram({ ...reduced, units: 24 }, target, { crossValidation })).rejects.toThrow(
    code('units-too-few'),
  );
});

test('wide features with NaN or infinity are refused by stimulus and count', async () => {
  const [source, target] = sides(golden['stratified by object_name']);
  const data = Float32Array.from(await source.features.columns(0, 120));
  data[5 * 120 + 7] = Number.NaN;
  data[8 * 120 + 7] = Number.POSITIVE_INFINITY;
  const broken = { ...source, features: denseFeatures(96, 120, data) };
  await expect(pls(broken, target, { crossValidation })).rejects.toThrow(
    new RegExp(
      `^2 activations are NaN or infinite, the first for stimulus ${source.stimulusIds[5]}`,
    ),
  );
});

test('few components in the features are a warning, not a number made of rounding', async () => {
  const random = new RandomState(5);
  const ids = Array.from({ length: 60 }, (_, i) => i);
  const basis = random.standardNormal(60 * 4);
  const mix = random.standardNormal(4 * 200);
  const x = Float64Array.from({ length: 60 * 200 }, (_, at) => {
    let sum = 0;
    for (let l = 0; l < 4; l++)
      sum += basis[Math.floor(at / 200) * 4 + l] * mix[l * 200 + (at % 200)];
    return sum;
  });
  const y = basis.map((value) => value + 0.1 * random.standardNormal(1)[0]);
  const target = { stimulusIds: ids, neuroidIds: [4, 3, 2, 1], values: matrix(60, 4, y) };
  const source = { stimulusIds: ids, features: denseFeatures(60, 200, x) };
  const result = await pls(source, target, { crossValidation });
  expect(result.warnings).toEqual([
    {
      code: 'rank-exhausted',
      detail: 'the features carry 4 of 25 PLS components in every split',
    },
  ]);
  expect(result.value).toBeGreaterThan(0.95);
});
