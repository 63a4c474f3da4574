import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { compareIds, type Id } from '../../src/data/ids.js';
import {
  ceilingRatio,
  explainedVariance,
  neuroidwiseExplainedVariance,
  rootCeilingRatio,
} from '../../src/metrics/ceiling-normalisation.js';
import { correlate } from '../../src/metrics/cross-regressed-correlation.js';
import { benchmarkSplits, pairSplits } from '../../src/metrics/cross-validation.js';
import {
  averageHalf,
  internalConsistency,
  type RepeatedRecordings,
  repetitionHalves,
} from '../../src/metrics/internal-consistency.js';
import type { MetricResult, Source, Target } from '../../src/metrics/metric.js';
import { pls, plsRegression } from '../../src/metrics/pls.js';
import { denseFeatures } from '../../src/numerics/algebra/features.js';
import { matrix } from '../../src/numerics/algebra/matrix.js';
import { numbers, ORACLE, type OracleArray, oracle } from '../oracle.js';
import { tolerances } from '../tolerances.js';
import { expectClose } from './close.js';

/** Whole benchmarks, from recordings and features to the ceiled score (golden group 07). */

const fzLike = oracle('07-benchmark/fz_like.json');
const majajLike = oracle('07-benchmark/majaj_like.json');
const fzFiles = oracle('07-benchmark/fz_files.json');
const variance = oracle('07-benchmark/explained_variance.json');

const crossValidation = { splits: 10, trainSize: 0.9, seed: 1 };

interface PartScore {
  score: number;
  error: number;
  raw: { neuroid_id: Id[]; values: OracleArray; per_split_median: OracleArray };
}

interface Region {
  averaged_target: { stimulus_id: Id[]; neuroid_id: Id[]; values: OracleArray };
  splits: {
    train_stimulus_id: Id[];
    test_stimulus_id_source_order: Id[];
    prediction?: OracleArray;
  }[];
  ceiling_splits: {
    half1_repetitions: OracleArray;
    half2_repetitions: OracleArray;
    pearson_r: OracleArray;
  }[];
  score: { ceiled: number; error: number; raw: PartScore; ceiling: PartScore };
}

interface Tolerance {
  r: number;
  score: number;
}

function expectPart(got: MetricResult, want: PartScore, tolerance: Tolerance) {
  expect(got.neuroids?.ids).toEqual(want.raw.neuroid_id);
  expectClose(got.neuroids?.values.data ?? [], numbers(want.raw.values), tolerance.r);
  expectClose(got.splits, numbers(want.raw.per_split_median), tolerance.r);
  expectClose([got.value, got.error], [want.score, want.error], tolerance.score);
}

function targetOf(region: Region, strataById: ReadonlyMap<Id, Id>): Target {
  const { stimulus_id, neuroid_id, values } = region.averaged_target;
  return {
    stimulusIds: stimulus_id,
    neuroidIds: neuroid_id,
    values: matrix(stimulus_id.length, neuroid_id.length, numbers(values)),
    strata: stimulus_id.map((id) => strataById.get(id) ?? ''),
  };
}

/** Features of `ids`, with rows in the order in which the model gave them. */
function sourceOf(ids: Id[], order: Id[], values: OracleArray): Source {
  const [rows, cols] = values.shape;
  const all = numbers(values);
  const data = new Float32Array(rows * cols);
  order.forEach((id, i) => {
    const row = ids.indexOf(id);
    data.set(all.subarray(row * cols, (row + 1) * cols), i * cols);
  });
  return { stimulusIds: order, features: denseFeatures(rows, cols, data) };
}

async function expectRaw(source: Source, target: Target, region: Region, tolerance: Tolerance) {
  const raw = await pls(source, target, { crossValidation });
  expectPart(raw, region.score.raw, tolerance);
  const made = benchmarkSplits(target.stimulusIds.length, target.strata, crossValidation);
  const paired = pairSplits(made, source.stimulusIds, target.stimulusIds);
  const ids = (rows: readonly number[], of: readonly Id[]) => rows.map((row) => of[row]);
  const data = await source.features.columns(0, source.features.cols);
  for (const [k, rows] of paired.entries()) {
    const want = region.splits[k];
    expect(ids(rows.trainTarget, target.stimulusIds)).toEqual(want.train_stimulus_id);
    expect(ids(rows.testSource, source.stimulusIds)).toEqual(want.test_stimulus_id_source_order);
    if (!want.prediction) continue;
    // The primal form models the reference's float32 rounding inside predict.
    const order = (rows: readonly number[], of: readonly Id[]) =>
      [...rows].sort((a, b) => compareIds(of[a], of[b]));
    const y = order(rows.trainTarget, target.stimulusIds).flatMap((row) =>
      Array.from(
        target.values.data.subarray(row * target.values.cols, (row + 1) * target.values.cols),
      ),
    );
    const train = order(rows.trainSource, source.stimulusIds);
    const regress = plsRegression(data, source.features.cols, {});
    const { values } = await regress(
      { train, test: rows.testSource },
      matrix(train.length, target.values.cols, Float64Array.from(y)),
    );
    expectClose(values.data, numbers(want.prediction), tolerances.float64);
  }
  return raw;
}

function expectCeiling(recordings: RepeatedRecordings, region: Region, tolerance: Tolerance) {
  const halves = repetitionHalves(recordings.repetition ?? []);
  halves.forEach(({ first, second }, k) => {
    const want = region.ceiling_splits[k];
    expect([...first].sort(compareIds)).toEqual([...numbers(want.half1_repetitions)]);
    expect([...second].sort(compareIds)).toEqual([...numbers(want.half2_repetitions)]);
    const r = correlate(
      averageHalf(recordings, second).values,
      averageHalf(recordings, first).values,
    );
    const inOrder = region.score.ceiling.raw.neuroid_id.map(
      (id) => r[recordings.neuroidIds.indexOf(id)],
    );
    expectClose(inOrder, numbers(want.pearson_r), tolerance.r);
  });
  const ceiling = internalConsistency(recordings);
  expectPart(ceiling, region.score.ceiling, tolerance);
  return ceiling;
}

function expectCeiled(raw: MetricResult, ceiling: number, region: Region, tolerance: Tolerance) {
  expectClose(
    [explainedVariance(raw.value, ceiling), raw.error],
    [region.score.ceiled, region.score.error],
    tolerance.score,
  );
}

test('a benchmark like FreemanZiemba2013', async () => {
  const { stimuli, recordings: recorded, features } = fzLike;
  expect(features.rows).toBe('order of stimuli');
  expect(fzLike.averaged_target.presentation_coords_in_level_order).toContain('stimulus_id');
  const source = sourceOf(stimuli.stimulus_id, fzLike.model_row_order, features.values);
  const types: Id[] = stimuli.texture_type;
  const strata = new Map<Id, Id>(stimuli.stimulus_id.map((id: Id, i: number) => [id, types[i]]));
  const recordings: RepeatedRecordings = {
    stimulusIds: [...numbers(recorded.stimulus_index)].map((i) => stimuli.stimulus_id[i]),
    repetition: [...numbers(recorded.repetition)],
    neuroidIds: [...numbers(recorded.neuroid_id)],
    values: numbers(recorded.counts).map((count) => count / 150),
  };
  const target = targetOf(fzLike as Region, strata);
  const averaged = averageHalf(recordings, recordings.repetition ?? []);
  expect(averaged.stimulusIds).toEqual(target.stimulusIds);
  expectClose(averaged.values.data, target.values.data, tolerances.float64);
  const region: Region = fzLike;
  const wide = { r: tolerances.float32.r, score: tolerances.float32.score };
  const raw = await expectRaw(source, target, region, wide);
  const exact = { r: tolerances.float64, score: tolerances.float64 };
  const ceiling = expectCeiling(recordings, region, exact);
  expectCeiled(raw, ceiling.value, region, wide);
});

test.each(['V4', 'IT'])('a benchmark like MajajHong2015: %s', async (name) => {
  const { stimuli, recordings: recorded, features } = majajLike;
  expect(features.rows).toBe('order of stimuli');
  const region: Region = majajLike.regions[name];
  const source = sourceOf(stimuli.stimulus_id, majajLike.model_row_order, features.values);
  const objects: Id[] = stimuli.object_name;
  const strata = new Map<Id, Id>(stimuli.stimulus_id.map((id: Id, i: number) => [id, objects[i]]));
  const columns = (recorded.region as string[]).flatMap((of, k) => (of === name ? [k] : []));
  const [presentations, neuroids] = recorded.values.shape;
  const all = numbers(recorded.values);
  const recordings: RepeatedRecordings = {
    stimulusIds: [...numbers(recorded.stimulus_index)].map((i) => stimuli.stimulus_id[i]),
    repetition: [...numbers(recorded.repetition)],
    neuroidIds: columns.map((k) => recorded.neuroid_id[k]),
    values: Float32Array.from({ length: presentations * columns.length }, (_, at) => {
      const row = Math.floor(at / columns.length);
      return all[row * neuroids + columns[at % columns.length]];
    }),
  };
  const target = targetOf(region, strata);
  const averaged = averageHalf(recordings, recordings.repetition ?? []);
  expect(averaged.stimulusIds).toEqual(target.stimulusIds);
  expectClose(averaged.values.data, target.values.data, tolerances.float32Recordings.r);
  const { r, ceiling: bound, score } = tolerances.float32Recordings;
  const raw = await expectRaw(source, target, region, { r, score });
  const ceiling = expectCeiling(recordings, region, { r, score: bound });
  expectCeiled(raw, ceiling.value, region, { r, score: bound });
});

/** texture_type of each stimulus in the packaged CSV, which quotes nothing. */
function textureTypes(): Map<Id, Id> {
  const path = join(ORACLE, '07-benchmark', 'fz_files', 'stimulus_SynthFZ_aperture-public.csv');
  const [header, ...rows] = readFileSync(path, 'utf8')
    .trim()
    .split(/\r?\n/)
    .map((line) => line.split(','));
  const [id, type] = ['stimulus_id', 'texture_type'].map((name) => header.indexOf(name));
  return new Map(rows.map((row) => [row[id], row[type]]));
}

test.each(['V1', 'V2'])(
  'files as the reference packages them, from averages on: %s',
  async (name) => {
    const region: Region = fzFiles.regions[name];
    const { stimulus_id, values } = fzFiles.features;
    const { model, benchmark } = fzFiles.visual_degrees;
    expect([model, benchmark]).toEqual([8, 4]);
    const types = textureTypes(); // in CSV order, in which the model gives its rows
    const source = sourceOf(stimulus_id, [...types.keys()], values);
    const target = targetOf(region, types);
    const wide = { r: tolerances.float32.r, score: tolerances.float32.score };
    const raw = await expectRaw(source, target, region, wide);
    expectCeiled(raw, region.score.ceiling.score, region, wide);
  },
);

test('raw values, ceilings and what they make', () => {
  for (let i = 0; i < variance.explained_variance.length; i++) {
    const { raw, ceiling, ceiled, error, ceiled_error } = variance.explained_variance[i];
    expectClose([explainedVariance(Number(raw), ceiling)], [Number(ceiled)], tolerances.float64);
    expect(ceiled_error).toBe(error);
  }
  const wanted = variance.neuroid_wise_explained_var;
  const [rows, cols] = wanted.ceiling_split_x_neuroid.shape;
  const ceiling = matrix(rows, cols, numbers(wanted.ceiling_split_x_neuroid));
  const { value, neuroids } = neuroidwiseExplainedVariance(
    numbers(wanted.raw_per_neuroid),
    ceiling,
  );
  expectClose(neuroids, numbers(wanted.ceiled_per_neuroid), tolerances.float64);
  expectClose([value], [wanted.ceiled], tolerances.float64);
  expect(ceilingRatio(0.3, 0.6)).toBe(0.5);
  expect(rootCeilingRatio(0.3, 0.25)).toBe(0.6);
});
