import { describe, expect, test } from 'vitest';
import { neuroidCeiling } from '../../src/metrics/ceilings/neuroid-ceiling.js';
import {
  predictorConsistency,
  predictorHalves,
} from '../../src/metrics/ceilings/predictor-consistency.js';
import { subjectCeiling } from '../../src/metrics/ceilings/subject-ceilings.js';
import { ckaBiased, ckaMetric } from '../../src/metrics/cka.js';
import { requireSameStimuli } from '../../src/metrics/cross-validation.js';
import type { MatrixSimilarity, Source, StimulusMatrix } from '../../src/metrics/metric.js';
import { rdmMetric } from '../../src/metrics/rdm.js';
import { sortedByStimulus } from '../../src/metrics/similarity.js';
import { denseFeatures } from '../../src/numerics/algebra/features.js';
import { matrix } from '../../src/numerics/algebra/matrix.js';
import { mean } from '../../src/numerics/statistics/statistics.js';
import { columnsOfValues } from '../../src/scoring/recorded/subject-recordings.js';
import { numbers, type OracleArray, oracle } from '../oracle.js';
import { tolerances } from '../tolerances.js';

const rsa = oracle('14-rsa/unit.json');
const casesOf = (golden: { cases: readonly unknown[] }) => Array.from(golden.cases.keys());

interface Recorded {
  readonly stimulus_id: readonly string[];
  readonly subject: readonly (string | number)[];
  readonly values: OracleArray;
}

const source = (ids: readonly string[], entry: OracleArray): Source => {
  const data = entry.dtype === 'float32' ? Float32Array.from(numbers(entry)) : numbers(entry);
  return { stimulusIds: ids, features: denseFeatures(entry.shape[0], entry.shape[1], data) };
};

/** The neuroids of each subject, as the kind divides them. */
function subjectsOf({ stimulus_id, subject, values }: Recorded): Map<string, Source> {
  const [rows, cols] = values.shape;
  const data = numbers(values);
  const neuroidCoords = new Map([
    ['subject', { dim: 'neuroid', dtype: 'string' as const, values: subject }],
  ]);
  return new Map(
    [...columnsOfValues({ neuroidCoords }, 'subject')].map(([name, columns]) => [
      name,
      source(stimulus_id, {
        dtype: values.dtype,
        shape: [rows, columns.length],
        values: Array.from({ length: rows }, (_, row) =>
          columns.map((k) => data[row * cols + k]),
        ).flat(),
      }),
    ]),
  );
}

describe.each(casesOf(rsa))('RSA and CKA a subject, case %i', (index) => {
  const wanted = rsa.cases[index];
  const { name, recordings, features } = wanted;
  const informational = name === 'subject_with_two_voxels';
  const bound = name === 'identical_stimuli' ? tolerances.kinds.tied : tolerances.kinds.float64;
  const model = source(features.stimulus_id, features.values);
  const subjects = subjectsOf(recordings);

  test(`rdm, ${name}`, async () => {
    if (wanted.error) {
      const known = new Set(features.stimulus_id);
      expect(recordings.stimulus_id.every((id: string) => known.has(id))).toBe(false);
      return;
    }
    const { matrixOf, compare } = rdmMetric.similarity as MatrixSimilarity;
    const own = sortedByStimulus(await matrixOf(model));
    const matrices = await Promise.all(
      [...subjects.values()].map(async (each) => {
        const { rows, cols } = each.features;
        const values = await each.features.columns(0, cols);
        // A missing value is refused before a benchmark comes here.
        if (values.some(Number.isNaN))
          return matrix(rows, rows, new Float64Array(rows ** 2).fill(Number.NaN));
        return sortedByStimulus(await matrixOf(each));
      }),
    );
    const { rsa: result } = wanted;
    expect([...subjects.keys()]).toEqual(result.subjects.map(String));
    if (informational) return;
    if (name === 'repeated_stimulus_id') {
      // The original pairs equal ids by an unstable sort; here no stimulus may stand twice.
      expect(() => requireSameStimuli(features.stimulus_id, recordings.stimulus_id)).toThrow(
        'stands twice',
      );
      return;
    }
    const scores = matrices.map((each) => compare(own, each));
    const upper = subjectCeiling('nili-upper', matrices, compare).value;
    closeAll(scores, result.subject_scores, bound);
    closeAll(
      [
        mean(scores),
        upper,
        subjectCeiling('leave-one-out', matrices, compare).value,
        mean(scores) / upper,
      ],
      [result.raw, result.ceiling, result.lower_bound_loo, result.score],
      bound,
    );
    closeAll(
      [...(await matrixOf(model)).values.data],
      [...numbers(result.model_rdm_in_feature_order)],
      bound,
    );
  });

  test(`cka, ${name}`, async () => {
    if (!wanted.cka) return;
    const { matrixOf, compare, least } = ckaMetric.similarity as MatrixSimilarity;
    const cka = wanted.cka.cka;
    if (cka.error) {
      expect(features.stimulus_id.length).toBeLessThan(least);
      return;
    }
    const close32 =
      features.values.dtype === 'float32' ? tolerances.kinds.cka32 : tolerances.kinds.float64;
    const whole = [...subjects].filter(([subject]) => !isMissing(wanted, subject));
    const sorted = async (each: Source) =>
      sortedByStimulus((await matrixOf(each)) as StimulusMatrix);
    const own = await sorted(model);
    for (const [subject, each] of whole) {
      const at = [...subjects.keys()].indexOf(subject);
      closeAll([compare(own, await sorted(each))], [cka.subject_scores[at]], close32);
      const biased = await ckaBiased(model, {
        stimulusIds: each.stimulusIds,
        neuroidIds: [],
        values: matrix(
          each.features.rows,
          each.features.cols,
          Float64Array.from(await each.features.columns(0, each.features.cols)),
        ),
      });
      closeAll([biased.value], [wanted.cka.cka_biased.subject_scores[at]], close32);
    }
    if (whole.length < subjects.size || whole.length < 2) return;
    const matrices = await Promise.all(whole.map(([, each]) => sorted(each)));
    const between = subjectCeiling('between-subjects', matrices, compare);
    closeAll(
      between.splits,
      cka.pairs.map(([, , value]: [string, string, number]) => value),
      close32,
    );
  });
});

/** Whether the original has no CKA for a subject, since a value of it is missing. */
const isMissing = (
  wanted: { cka: { cka: { subject_scores: (number | string)[] } }; rsa: { subjects: unknown[] } },
  subject: string,
) => wanted.cka.cka.subject_scores[wanted.rsa.subjects.map(String).indexOf(subject)] === 'NaN';

const consistency = oracle('15-reverse-pls/predictor_consistency.json');

test.each(casesOf(consistency))('predictor consistency, case %i', (index) => {
  const {
    name,
    image_id: images,
    repetition,
    neuroid_id,
    values,
    options,
    result,
  } = consistency.cases[index];
  const float32 = values.dtype === 'float32';
  const data = float32 ? Float32Array.from(numbers(values)) : numbers(values);
  const how = { splits: options.n_splits ?? 10, seed: options.seed ?? 0 };
  const found = predictorConsistency(
    { stimulusIds: images, repetition, neuroidIds: neuroid_id, values: data },
    images,
    how,
  );
  const bound = float32 ? tolerances.kinds.float32 : tolerances.kinds.float64;
  closeAll([found.value, found.error], [result.value, result.error], bound);
  const order = neuroid_id.map((id: string) => found.neuroids?.ids.indexOf(id));
  const cols = order.length;
  const inFileOrder = Array.from({ length: how.splits }, (_, split) =>
    order.map((k: number) => found.neuroids?.values.data[split * cols + k]),
  ).flat();
  closeAll(inFileOrder, [...numbers(result.raw_split_by_neuroid)], bound);
  const drawn = predictorHalves(images, repetition, how).flat();
  expect(drawn, name).toHaveLength(result.n_permutations);
  result.permutations_in_order.forEach((permutation: number[], i: number) => {
    expect([...drawn[i].first, ...drawn[i].second], name).toEqual(permutation);
  });
});

test('a ceiling of published numbers leaves missing ones out', () => {
  const of = (values: (number | null)[], options = {}) =>
    neuroidCeiling(
      values.map((_, k) => k),
      { dim: 'neuroid', dtype: 'float64', values },
      options,
    );
  expect(of([0.4, null, 0.8, Number.NaN]).value).toBeCloseTo(0.6, 12);
  expect(of([25, 100, 121, -4], { scale: 'percent-variance' }).value).toBe(0.75);
  expect(of([0, 100, 100], { scale: 'percent-variance', by: 'mean' }).value).toBeCloseTo(2 / 3, 12);
  expect(of([Number.NaN]).value).toBeNaN();
});

function closeAll(
  found: readonly (number | undefined)[],
  wanted: readonly (number | string)[],
  bound: number,
) {
  expect(found).toHaveLength(wanted.length);
  wanted.forEach((value, i) => {
    if (Number.isNaN(Number(value))) expect(found[i]).toBeNaN();
    else expect(Math.abs((found[i] as number) - Number(value))).toBeLessThanOrEqual(bound);
  });
}
