import { describe, expect, test } from 'vitest';
import type { Shown } from '../../../src/activations/stimuli/shown.js';
import { valuesInMemory } from '../../../src/data/stored/recorded-values.js';
import { neuroidwiseExplainedVariance } from '../../../src/metrics/ceiling-normalisation.js';
import { internalConsistency } from '../../../src/metrics/internal-consistency.js';
import type { Regress } from '../../../src/metrics/metric.js';
import { neuralMetric } from '../../../src/metrics/table/metric-table.js';
import { denseFeatures, selectRows } from '../../../src/numerics/algebra/features.js';
import { matrix } from '../../../src/numerics/algebra/matrix.js';
import type { Benchmark } from '../../../src/scoring/benchmark/benchmark.js';
import { averageParts, standardError } from '../../../src/scoring/measure/parts.js';
import {
  fitCeilingDraws,
  fitDraws,
  trainTestUnits,
} from '../../../src/scoring/measure/train-test/train-test-draws.js';
import {
  type Fitted,
  fitsOf,
  predict,
  targetsOf,
} from '../../../src/scoring/measure/train-test/train-test-fit.js';
import {
  overallCeiling,
  trainTestScore,
} from '../../../src/scoring/measure/train-test/train-test-score.js';
import type { FixedSets } from '../../../src/scoring/recorded/fixed-sets.js';
import { positionsAbove } from '../../../src/scoring/recorded/keep-neuroids.js';
import type { StoredRecordings } from '../../../src/scoring/recorded/stored-recordings.js';
import { numbers, type OracleArray, oracle } from '../../oracle.js';
import { tolerances } from '../../tolerances.js';

const edges = oracle('13-train-test/edge_cases.json');
const casesOf = (of: { length: number }) => Array.from({ length: of.length }, (_, i) => i);
const within = (found: number | null | undefined, wanted: unknown, bound: number, what: string) => {
  const value = Number(wanted);
  if (value === Number.POSITIVE_INFINITY) expect(found, what).toBe(value);
  else if (Number.isNaN(value)) expect(found === null || Number.isNaN(found), what).toBe(true);
  // A low ceiling raises score and deviation alike.
  else
    expect(
      Math.abs((found as number) - value) / Math.max(1, Math.abs(value)),
      what,
    ).toBeLessThanOrEqual(bound);
};

interface Side {
  readonly stimulus_id: readonly string[];
  readonly repetition: readonly number[];
  readonly values: OracleArray;
}

const metricNames: Readonly<Record<string, string>> = {
  ridge_split: 'ridge',
  ridgecv_split: 'ridgecv',
  dual_ridge_split: 'dual-ridge',
  dual_ridgecv_split: 'dual-ridgecv',
  pls_split: 'pls',
};

function recordings(
  { stimulus_id, repetition, values }: Side,
  neuroids: { readonly subject: readonly string[]; readonly neuroid_id: readonly string[] },
): StoredRecordings {
  const [rows, cols] = values.shape;
  const data = numbers(values);
  return {
    stimulusIds: stimulus_id,
    repetition,
    neuroidIds: neuroids.neuroid_id,
    values: valuesInMemory(rows, cols, values.dtype === 'float32' ? Float32Array.from(data) : data),
    neuroidCoords: new Map([
      ['subject', { dim: 'neuroid', dtype: 'string', values: neuroids.subject }],
    ]),
  };
}

/** A case as a benchmark with its data, and the regression on its features. */
async function setUp(wanted: {
  [key: string]: never;
}): Promise<{ benchmark: Benchmark; sets: FixedSets; regress: () => Promise<Regress> }> {
  const { train, test, neuroids, features, metric, alphas, alpha_coord } = wanted as unknown as {
    train: Side;
    test: Side;
    neuroids: { subject: string[]; neuroid_id: string[] };
    features: { stimulus_id: string[]; values: OracleArray };
    metric: string;
    alphas: number[] | null;
    alpha_coord: string | null;
  };
  const tested = (wanted.test_neuroids as typeof neuroids | undefined) ?? neuroids;
  const [trainIds, testIds] = [train, test].map(({ stimulus_id }) => [...new Set(stimulus_id)]);
  const name = metricNames[metric];
  const benchmark = {
    id: 'case',
    file: 'case.yaml',
    ...(alpha_coord ? { fitPer: alpha_coord } : {}),
    ceiling: { name: 'internal-consistency', splits: 10, seed: 1, byDefault: false },
    metric: { ...neuralMetric(name).defaults, name, ...(alphas ? { alphas } : {}) },
  } as unknown as Benchmark;
  const shown = [trainIds, testIds].map((ids) => ({ stimuli: { ids } }) as unknown as Shown);
  const sets: FixedSets = {
    shown,
    stimulusIds: [...trainIds, ...testIds],
    recorded: [{ name: 'all', train: recordings(train, neuroids), test: recordings(test, tested) }],
  };
  const [rows, cols] = features.values.shape;
  const data = numbers(features.values);
  const all = denseFeatures(
    rows,
    cols,
    features.values.dtype === 'float32' ? Float32Array.from(data) : data,
  );
  const at = sets.stimulusIds.map((id) => features.stimulus_id.indexOf(String(id)));
  const source = { stimulusIds: sets.stimulusIds, features: selectRows(all, at) };
  const regression = neuralMetric(name).regression;
  if (!regression) throw new RangeError(name);
  return { benchmark, sets, regress: () => regression.of(source, benchmark.metric) };
}

/** Cases that the original ends with an error, and what becomes of them here. */
const failures: Readonly<Record<string, RegExp>> = {
  subject_missing_in_test: /neuroids of subject "B" .* none in the test recordings/,
};

describe.each(casesOf(edges.cases))('fixed training and test sets, case %i', (index) => {
  const wanted = edges.cases[index];
  const { name, metric, features } = wanted;
  const float32 = metric === 'ridge_split' && features.values.dtype === 'float32';
  const bound = float32
    ? tolerances.kinds.ridge32
    : name === 'zerbe_alphas'
      ? { score: tolerances.kinds.interpolating, r: 1e-4, prediction: 1e-4 }
      : wanted.train.values.dtype === 'float32'
        ? { score: tolerances.kinds.float32, r: 1e-6, prediction: 1e-6 }
        : { score: 1e-9, r: 1e-9, prediction: 1e-9 };

  test(`${name}: ${wanted.note}`, async () => {
    const { benchmark, sets, regress } = await setUp(wanted);
    if (wanted.error) {
      // Missing values and features are refused before a benchmark comes here (kinds.test.ts); repeated training rows are averaged.
      const words = failures[name];
      if (words) expect(() => fitsOf(benchmark, sets)).toThrow(words);
      return;
    }
    const { fits } = fitsOf(benchmark, sets);
    const units = trainTestUnits(benchmark, fits);
    const fitted: Fitted[] = [];
    const by = await regress();
    for (const fit of fits) {
      const golden = wanted.fits[fitted.length];
      if (golden.subject !== null) expect(fit.name).toBe(String(golden.subject));
      const prediction = await by(fit.fold, targetsOf(fit.train.values));
      if (golden.alpha !== null && metric !== 'ridge_split')
        expect(prediction.alpha).toBe(golden.alpha);
      const rows = golden.test_stimulus_id_source_order.map((id: string) =>
        fit.test.stimulusIds.map(String).indexOf(id),
      );
      const cols = golden.neuroid_id.map((id: string) => fit.train.neuroidIds.indexOf(id));
      numbers(golden.prediction).forEach((value, i) => {
        const [row, col] = [rows[Math.floor(i / cols.length)], cols[i % cols.length]];
        within(
          prediction.values.data[row * cols.length + col],
          value,
          bound.prediction,
          `${name} prediction`,
        );
      });
      fitted.push(await predict(fit, by, (each, predicted) => fitDraws(each, predicted, units)));
    }
    expect(fitted).toHaveLength(wanted.fits.length);
    const { result } = wanted;
    const ceiling = overallCeiling(benchmark, sets, fits);
    if (wanted.per_voxel_ceilings) {
      const measured = internalConsistency(sets.recorded[0].test).neuroids;
      const [{ r, fit }] = fitted;
      const order = fit.test.neuroidIds.map((id) => measured?.ids.indexOf(id) as number);
      const values = measured?.values ?? matrix(0, 0);
      const own = matrix(
        values.rows,
        order.length,
        Float64Array.from(
          { length: values.rows * order.length },
          (_, i) =>
            values.data[Math.floor(i / order.length) * values.cols + order[i % order.length]],
        ),
      );
      within(neuroidwiseExplainedVariance(r, own).value, result.score, bound.score, name);
      return;
    }
    const over = {
      units,
      ceilings: await fitCeilingDraws(benchmark, fits, ceiling.fits, units),
    };
    const score = trainTestScore(benchmark, fitted, ceiling, over, true);
    within(score.value, result.score, bound.score, `${name} value`);
    within(score.raw.value, result.raw.score, bound.score, `${name} raw`);
    within(score.ceiling?.value, result.ceiling.score, bound.score, `${name} ceiling`);
    expect(score.error).toBeNull();
    for (const [subject, of] of Object.entries<{
      score: number;
      raw: { score: number };
      ceiling: { score: number };
    }>(result.subjects ?? {})) {
      const part = score.parts?.values.find((each) => each.name === subject);
      within(part?.value, of.score, bound.score, `${name} ${subject}`);
      within(part?.raw, of.raw.score, bound.score, `${name} ${subject} raw`);
      within(part?.ceiling, of.ceiling.score, bound.score, `${name} ${subject} ceiling`);
    }
    if (score.value === null)
      expect(score.warnings.map(({ code }) => code)).toContain('not-finite');
  });
});

const wrappers = oracle('13-train-test/wrappers.json');

test.each(casesOf(wrappers.cases))('subjects or folds averaged, case %i', (index) => {
  const { kind, name, children, result } = wrappers.cases[index];
  // A benchmark file has at least one subject and one column.
  if (name === 'none') return expect(children.raw).toEqual([]);
  const values = numbers(children.score);
  const ceilings = numbers(children.ceiling);
  const parts = children.raw.map((raw: number | string | null, i: number) => ({
    value: values[i],
    raw: raw === null ? Number.NaN : Number(raw),
    ceiling: ceilings[i],
  }));
  const found = averageParts(parts, { draws: 200, seed: 0 });
  const bound = tolerances.bootstrap.float64;
  within(found.value, result.score, bound, name);
  within(found.error, result.error, bound, name);
  within(found.raw, result.raw, bound, name);
  within(found.ceiling?.value, result.ceiling.score, bound, name);
  if (kind === 'multi-subject') within(found.ceiling?.error, result.ceiling.sem, bound, name);
  within(standardError([...values]), result.sem_subjects ?? result.sem_folds, bound, name);
});

const filter = oracle('13-train-test/filter_and_normalise.json');

test.each(casesOf(filter.filter_reliable_neuroids))(
  'the neuroids above a number, case %i',
  (index) => {
    const { values, threshold, kept } = filter.filter_reliable_neuroids[index];
    const found = positionsAbove(
      { dim: 'neuroid', dtype: values.dtype, values: [...numbers(values)] },
      threshold,
    );
    expect(found.map((k) => `n${k}`)).toEqual(kept);
  },
);

test.each(casesOf(filter.neuroid_wise_explained_var))(
  'explained variance by neuroid, case %i',
  (index) => {
    const {
      r,
      ceilings_split_by_neuroid: ceilings,
      score,
      ceiled,
    } = filter.neuroid_wise_explained_var[index];
    const [rows, cols] = ceilings.shape;
    const found = neuroidwiseExplainedVariance(numbers(r), matrix(rows, cols, numbers(ceilings)));
    const wanted = numbers(ceiled);
    for (const [k, value] of found.neuroids.entries())
      within(value, wanted[k], tolerances.kinds.float64, 'neuroid');
    within(found.value, score, tolerances.kinds.float64, 'score');
  },
);
