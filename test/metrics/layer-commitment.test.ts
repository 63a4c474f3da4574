import { describe, expect, test } from 'vitest';
import { averageRepetitions } from '../../src/data/average-repetitions.js';
import { committedLayer, fittingOrder } from '../../src/metrics/commitment/layer-commitment.js';
import { internalConsistency } from '../../src/metrics/internal-consistency.js';
import { pls } from '../../src/metrics/pls.js';
import { denseFeatures } from '../../src/numerics/algebra/features.js';
import { matmul } from '../../src/numerics/algebra/gemm.js';
import { type Matrix, matrix } from '../../src/numerics/algebra/matrix.js';
import { projectionsFromProducts } from '../../src/numerics/regression/principal-components.js';
import { numbers, type OracleArray, oracle } from '../oracle.js';
import { tolerances } from '../tolerances.js';

const of = (array: OracleArray): Matrix => ({
  ...matrix(array.shape[0], array.shape[1]),
  data: numbers(array),
});
const products = (a: Matrix, b: Matrix) => matmul(a, b, { transposeB: true });

const rule = oracle('19-pca-choice/rule.json');

test.each([...rule.cases].map((one) => [one.name, one]))('choice: %s', (_name, one) => {
  const candidates = one.layers_in_order.map((layer: string) => {
    const [raw, ceiling] = one.raw_and_ceiling[layer].map(Number);
    return { layer, raw, ceiling };
  });
  if (one.error)
    expect(() => committedLayer(candidates)).toThrow(
      expect.objectContaining({ code: 'metric-failed' }),
    );
  else expect(committedLayer(candidates).layer).toBe(one.chosen);
});

test('pictures of ImageNet: the first of each class, then the second', () => {
  for (const { n, first_5, last_5, count } of [...rule.imagenet_indices]) {
    // The validation set, sorted by class: a thousand classes of fifty.
    const order = fittingOrder(new Array(1000).fill(50), n);
    const found = order.map(([of, at]) => 50 * of + at);
    expect([found.length, found.slice(0, 5), found.slice(-5)]).toEqual([count, first_5, last_5]);
  }
});

describe('layers on principal components', () => {
  const golden = oracle('19-pca-choice/choice.json');
  const { n_components: components, pca_images: pictures } = golden;
  const layers = ['small', 'conv', 'fc', 'deep', 'exactly'];
  const activations = (layer: string) => {
    const { pca_images: fitting, stimuli } = golden.activations[layer];
    return { fitting: of(fitting), stimuli: of(stimuli) };
  };
  const projected = async (layer: string): Promise<Matrix> => {
    const { fitting, stimuli } = activations(layer);
    // Layers with no more units are left alone.
    if (stimuli.cols <= components) return stimuli;
    const kernel = {
      train: await products(fitting, fitting),
      cross: await products(stimuli, fitting),
    };
    return projectionsFromProducts(kernel, components);
  };

  test.each(layers)('projections of %s, up to sign, without what is rounding', async (layer) => {
    const found = await projected(layer);
    const wanted = of(golden.projections[layer]);
    const fitted = golden.pca[layer] !== undefined;
    expect(found.cols).toBe(fitted ? pictures.length - 1 : wanted.cols);
    const largest = wanted.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    for (let k = 0; k < found.cols; k++) {
      const pair = (i: number) => [
        found.data[i * found.cols + k],
        wanted.data[i * wanted.cols + k],
      ];
      const rows = Array.from({ length: found.rows }, (_, i) => pair(i));
      const sign = Math.sign(rows.reduce((sum, [a, b]) => sum + a * b, 0));
      for (const [a, b] of rows)
        expect(Math.abs(sign * a - b) / largest, `column ${k}`).toBeLessThanOrEqual(
          fitted ? tolerances.kinds.components.projection : tolerances.exact,
        );
    }
  });

  test('variances are those of the components', async () => {
    for (const layer of ['conv', 'fc', 'deep']) {
      const { fitting } = activations(layer);
      const own = await products(fitting, fitting);
      const { rows, cols, data } = await projectionsFromProducts(
        { train: own, cross: own },
        components,
      );
      const { mean, singular_values, components_first_5 } = golden.pca[layer];
      expect([numbers(mean).length, components_first_5.shape]).toEqual([
        fitting.cols,
        [5, fitting.cols],
      ]);
      const singular = numbers(singular_values);
      for (let k = 0; k < cols; k++) {
        let square = 0;
        for (let i = 0; i < rows; i++) square += data[i * cols + k] ** 2;
        expect(
          Math.abs(Math.sqrt(square) - singular[k]) / singular[0],
          `${layer} ${k}`,
        ).toBeLessThanOrEqual(tolerances.kinds.components.score);
      }
    }
  });

  test('the layer that scores best on them is chosen', async () => {
    const { stimulus_id: ids, texture_type: types } = golden.stimuli;
    const { recordings, reproducible } = golden;
    const typeOf = new Map(ids.map((id: string, i: number) => [id, types[i]]));
    const recorded = {
      stimulusIds: recordings.stimulus_id,
      repetition: recordings.repetition,
      neuroidIds: recordings.neuroid_id,
      values: numbers(recordings.values),
    };
    const { stimulusIds, neuroidIds, values } = averageRepetitions(recorded);
    const strata = stimulusIds.map((id) => typeOf.get(id) as string);
    const ceiling = internalConsistency(recorded).value;
    expect(Math.abs(ceiling - reproducible.ceiling)).toBeLessThanOrEqual(tolerances.kinds.float64);
    const scores = [];
    for (const layer of layers) {
      const { rows, cols, data } = await projected(layer);
      const { value: raw } = await pls(
        { stimulusIds: ids, features: denseFeatures(rows, cols, data) },
        { stimulusIds, neuroidIds, values, strata },
        { components: 25, crossValidation: { splits: 10, seed: 1, trainSize: 0.9 } },
      );
      const wanted = reproducible.layers[layer];
      expect(Math.abs(raw - wanted.raw), layer).toBeLessThanOrEqual(
        tolerances.kinds.components.score,
      );
      expect(Math.abs(raw ** 2 / ceiling - wanted.ceiled), layer).toBeLessThanOrEqual(
        tolerances.kinds.components.score,
      );
      scores.push({ layer, raw, ceiling });
    }
    expect(committedLayer(scores).layer).toBe(reproducible.chosen);
    // The original's own numbers hold the component that is rounding: they name the same layer.
    const { chosen, layers: own, ceiling: bound } = golden.result;
    expect([chosen, bound]).toEqual([reproducible.chosen, reproducible.ceiling]);
    expect(own.small.raw).toBe(reproducible.layers.small.raw);
    for (const layer of ['conv', 'fc', 'deep'])
      expect(golden.last_component[layer].raw_without_last_component).toBe(
        reproducible.layers[layer].raw,
      );
  });
});
