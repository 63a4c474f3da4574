import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { VentralError } from '../../src/errors/ventral-error.js';
import { ckaBiased } from '../../src/metrics/cka.js';
import type { CrossValidation, MetricResult, Source, Target } from '../../src/metrics/metric.js';
import { dissimilarities } from '../../src/metrics/rdm.js';
import { neuralMetric } from '../../src/metrics/table/metric-table.js';
import { denseFeatures, selectRows } from '../../src/numerics/algebra/features.js';
import { gram } from '../../src/numerics/algebra/gram.js';
import { matrix } from '../../src/numerics/algebra/matrix.js';
import { numbers, type OracleArray, oracle } from '../oracle.js';
import { tolerances } from '../tolerances.js';
import { expectClose } from './close.js';

// As the reference calls the splitter: a tenth to "train" on, the rest compared.
const crossValidation: CrossValidation = { splits: 10, testSize: 0.9, seed: 1 };

const features = (entry: OracleArray) =>
  denseFeatures(entry.shape[0], entry.shape[1], numbers(entry));

describe.each(['a', 'b'])('rdm_cka_%s', (name) => {
  const golden = oracle(`03-pls/rdm_cka_${name}.json`);
  const { assembly1, assembly2 } = golden;
  const source: Source = {
    stimulusIds: assembly1.stimulus_id,
    features: features(assembly1.values),
  };
  const target: Target = {
    stimulusIds: assembly2.stimulus_id,
    neuroidIds: Array.from({ length: assembly2.values.shape[1] }, (_, i) => i),
    values: matrix(assembly2.values.shape[0], assembly2.values.shape[1], numbers(assembly2.values)),
    strata: assembly2.object_name,
  };
  const run = (metric: string): Promise<MetricResult> =>
    metric === 'cka-biased'
      ? ckaBiased(source, target)
      : neuralMetric(metric).run(source, target, { crossValidation });

  it.each([
    ['rdm', 'rdm'],
    ['cka', 'cka'],
    ['cka-biased', 'cka_biased'],
  ])('%s', async (metric, key) => {
    const { value, error, errorKind, splits } = await run(metric);
    expectClose([value], [golden.results[key].score], tolerances.float64);
    expect([error, errorKind, splits]).toEqual([0, 'none', [value]]);
  });

  it.each([
    ['rdm-cv', 'rdm_cv'],
    ['cka-cv', 'cka_cv'],
  ])('%s', async (metric, key) => {
    const want = golden.results[key];
    if (typeof want.error === 'object') {
      const error = await run(metric).catch((thrown) => thrown);
      expect(error).toBeInstanceOf(VentralError);
      expect(error.code).toBe('stimuli-too-few');
      expect(want.error.type).toBe('ValueError');
      return;
    }
    const result = await run(metric);
    expectClose(result.splits, numbers(want.raw.values), tolerances.float64);
    expectClose([result.value, result.error], [want.score, want.error], tolerances.float64);
    expect(result.errorKind).toBe('sem over splits');
  });

  it('dissimilarities of both sides', async () => {
    for (const [entry, want] of [
      [assembly1, golden.rdm_assembly1_in_given_order],
      [assembly2, golden.rdm_assembly2_in_given_order],
    ]) {
      const { data } = await dissimilarities(features(entry.values));
      expectClose(data, numbers(want), tolerances.float64);
    }
    expect(golden.name).toBe(name);
    const objectOf = new Map(target.stimulusIds.map((id, i) => [id, target.strata?.[i]]));
    expect(assembly1.object_name).toEqual(source.stimulusIds.map((id) => objectOf.get(id)));
  });

  it.each(['rdm', 'cka'])('%s does not depend on the order of rows', async (metric) => {
    const plain = await run(metric);
    const rows = fc.shuffledSubarray([...source.stimulusIds.keys()], {
      minLength: source.stimulusIds.length,
    });
    await fc.assert(
      fc.asyncProperty(rows, async (order) => {
        const moved = {
          stimulusIds: order.map((row) => source.stimulusIds[row]),
          features: selectRows(source.features, order),
        };
        const { value } = await neuralMetric(metric).run(moved, target, { crossValidation });
        expectClose([value], [plain.value], tolerances.float64);
      }),
      { numRuns: 5 },
    );
  });

  it.each(['rdm', 'cka'])('%s of a layer with itself is 1', async (metric) => {
    const own = {
      stimulusIds: source.stimulusIds,
      neuroidIds: Array.from({ length: source.features.cols }, (_, i) => i),
      values: matrix(
        source.features.rows,
        source.features.cols,
        Float64Array.from(await source.features.columns(0, source.features.cols)),
      ),
    };
    const { value } = await neuralMetric(metric).run(source, own, { crossValidation });
    expectClose([value], [1], tolerances.float64);
  });

  it.each(['cka', ...(name === 'b' ? ['cka-cv'] : [])])('%s from a Gram matrix', async (metric) => {
    const reduced = {
      stimulusIds: source.stimulusIds,
      units: source.features.cols,
      gram: await gram(source.features),
    };
    const { ofGram } = neuralMetric(metric);
    const { value } = await ofGram!(reduced, target, { crossValidation });
    expectClose([value], [(await run(metric)).value], tolerances.float64);
  });

  it.each(['rdm', 'cka'])('%s refuses missing values on either side', async (metric) => {
    const holed = matrix(target.values.rows, target.values.cols, target.values.data.slice());
    holed.data[2] = Number.NaN;
    const { run: score } = neuralMetric(metric);
    await expect(
      score(source, { ...target, values: holed }, { crossValidation }),
    ).rejects.toMatchObject({ code: 'recordings-invalid' });
    const broken = Float64Array.from(await source.features.columns(0, source.features.cols));
    broken[1] = Number.POSITIVE_INFINITY;
    const { rows, cols } = source.features;
    await expect(
      score({ ...source, features: denseFeatures(rows, cols, broken) }, target, {
        crossValidation,
      }),
    ).rejects.toMatchObject({ code: 'activations-not-finite' });
  });
});

test('float32 features are correlated in float64', async () => {
  const golden = oracle('03-pls/rdm_cka_a.json').assembly1;
  const [rows, cols] = golden.values.shape;
  const narrow = Float32Array.from(numbers(golden.values));
  const [single, double] = [
    await dissimilarities(denseFeatures(rows, cols, narrow)),
    await dissimilarities(denseFeatures(rows, cols, Float64Array.from(narrow))),
  ];
  expect(single.data).toEqual(double.data);
});
