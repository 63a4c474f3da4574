import { describe, expect, it, test } from 'vitest';
import { VentralError } from '../../src/errors/ventral-error.js';
import {
  type BehaviourOptions,
  behaviourCeiling,
  behaviourScore,
  ceiledBehaviour,
} from '../../src/metrics/i1i2.js';
import {
  fitReadOut,
  probabilitiesOfProducts,
  READ_OUT_C,
  readOutProbabilities,
} from '../../src/metrics/probabilities.js';
import { denseFeatures, type Features, selectRows } from '../../src/numerics/algebra/features.js';
import { fitScaler } from '../../src/numerics/algebra/standard-scaler.js';
import { zScoredProducts } from '../../src/numerics/algebra/z-scored-products.js';
import { numbers, type OracleArray, oracle } from '../oracle.js';
import { tolerances } from '../tolerances.js';
import { expectClose } from './close.js';

/** A golden array as features of its own dtype. */
function features(entry: OracleArray): Features {
  const [rows, cols] = entry.shape;
  const values = numbers(entry);
  return denseFeatures(rows, cols, entry.dtype === 'float32' ? Float32Array.from(values) : values);
}

const cases = ['float64', 'float32_wide', 'imbalanced', 'two_classes', 'C1'];

describe.each(cases)('classifier %s', (name) => {
  const golden = oracle(`05-i2n/classifier_${name}.json`);
  const fitting = { features: features(golden.features_fit), labels: golden.labels_fit };
  const test = { features: features(golden.features_test), stimulusIds: [] };

  it('z-scores as the reference', async () => {
    const { mean, variance, scale } = await fitScaler(fitting.features);
    expectClose(mean, numbers(golden.scaler.mean), tolerances.float64);
    expectClose(variance, numbers(golden.scaler.var), tolerances.float64);
    expectClose(scale, numbers(golden.scaler.scale), tolerances.float64);
  });

  it('gives the probabilities of the converged and of the default solver', async () => {
    const readOut = await fitReadOut(fitting, golden.C);
    expect(readOut.choices).toEqual(golden.choice);
    const { choices, values } = await readOutProbabilities(readOut, test);
    expect(choices).toEqual(golden.choice);
    const converged = numbers(golden.probabilities_converged_float64);
    expectClose(values.data, converged, tolerances.readout.converged);
    const early = numbers(golden.probabilities);
    expectClose(values.data, early, tolerances.readout.default);
    expect(golden.probabilities_dtype).toBe(golden.features_fit.dtype);
    expect(golden.converged_note).toContain('1e-11');
    expectClose(
      [Math.max(...early.map((p, i) => Math.abs(p - converged[i])))],
      [golden.max_abs_default_minus_converged],
      tolerances.readout.converged,
    );
  });

  it('gives them from the products of z-scored rows alone', async () => {
    const products = await zScoredProducts(fitting.features, test.features);
    const { choices, values } = await probabilitiesOfProducts(
      products,
      { labels: fitting.labels, stimulusIds: [] },
      golden.C,
    );
    expect(choices).toEqual(golden.choice);
    const converged = numbers(golden.probabilities_converged_float64);
    expectClose(values.data, converged, tolerances.readout.converged);
  });

  it('finds weights and intercepts near those of the default solver', async () => {
    const readOut = await fitReadOut(fitting, golden.C);
    const classes = readOut.choices.length;
    const { cols } = fitting.features;
    const { data } = readOut.weights;
    // Of two classes the reference keeps the second row; the first is its negative.
    const rows = classes === 2 ? [1] : [...Array(classes).keys()];
    const weights = rows.flatMap((col) =>
      Array.from({ length: cols }, (_, feature) => data[feature * classes + col]),
    );
    expectClose(weights, numbers(golden.coef), tolerances.readout.weights);
    expectClose(
      rows.map((col) => readOut.intercept[col]),
      numbers(golden.intercept),
      tolerances.readout.weights,
    );
    expect(numbers(golden.n_iter)[0]).toBeGreaterThan(1);
  });

  it('says what it is', () => {
    expect(golden.name).toBe(name);
    expect(typeof golden.note).toBe('string');
  });
});

describe('read-out', () => {
  const golden = oracle('05-i2n/classifier_imbalanced.json');
  const fitting = {
    features: features(golden.features_fit),
    labels: golden.labels_fit as string[],
  };
  const test = { features: features(golden.features_test), stimulusIds: [] };

  it('does not depend on the order of the fitting pictures, up to the order of its columns', async () => {
    const order = fitting.labels.map((_, i) => (i * 37) % fitting.labels.length);
    expect(new Set(order).size).toBe(order.length);
    const shuffled = {
      features: selectRows(fitting.features, order),
      labels: order.map((i) => fitting.labels[i]),
    };
    const plain = await readOutProbabilities(await fitReadOut(fitting), test);
    const other = await readOutProbabilities(await fitReadOut(shuffled), test);
    const columns = plain.choices.map((choice) => other.choices.indexOf(choice));
    const { rows, cols, data } = other.values;
    const reordered = Array.from({ length: rows * cols }, (_, i) => {
      return data[Math.floor(i / cols) * cols + columns[i % cols]];
    });
    expectClose(reordered, plain.values.data, tolerances.readout.converged);
  });

  it('is the same through the features and through the products of wider ones', async () => {
    const { rows, cols } = fitting.features;
    /** The same features with constant columns beside them, more than there are rows. */
    const widened = (narrow: Features): Features => ({
      ...narrow,
      cols: cols + rows,
      async columns(from, to) {
        const known = await narrow.columns(0, cols);
        return Float64Array.from({ length: narrow.rows * (to - from) }, (_, i) => {
          const col = from + (i % (to - from));
          return col < cols ? known[Math.floor(i / (to - from)) * cols + col] : 3;
        });
      },
    });
    const plain = await readOutProbabilities(await fitReadOut(fitting), test);
    const wide = await probabilitiesOfProducts(
      await zScoredProducts(widened(fitting.features), widened(test.features)),
      { ...fitting, ...test },
    );
    expectClose(wide.values.data, plain.values.data, tolerances.readout.converged);
  });

  it.each([
    ['a single label', { ...fitting, labels: fitting.labels.map(() => 'ant') }],
    [
      'features that are not finite',
      { ...fitting, features: denseFeatures(80, 1, new Float64Array(80).fill(Number.NaN)) },
    ],
  ])('refuses %s', async (_, given) => {
    const error = await fitReadOut(given).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(VentralError);
    expect(error.code).toBe('metric-failed');
  });
});

test.each(['fitting', 'test'])(
  'one value that is not finite in the %s set is refused',
  async (set) => {
    const values = (name: string) => {
      const data = Float64Array.from({ length: 12 }, (_, i) => Math.sin(i));
      if (name === set) data[7] = Number.POSITIVE_INFINITY;
      return denseFeatures(4, 3, data);
    };
    const products = await zScoredProducts(values('fitting'), values('test'));
    const asked = probabilitiesOfProducts(products, {
      labels: ['a', 'b', 'a', 'b'],
      stimulusIds: [1, 2, 3, 4],
    });
    await expect(asked).rejects.toMatchObject({ code: 'activations-not-finite' });
  },
);

describe('rajalingham_like: features to ceiled score', () => {
  const golden = oracle('07-benchmark/rajalingham_like.json');
  const options: BehaviourOptions = { repetitions: 2, seed: 0, skipna: false };
  const named = (entry: OracleArray): string[] =>
    Array.from(numbers(entry), (i) => golden.objects[i]);
  const trials = {
    stimulusIds: Array.from(numbers(golden.trials.image), (i) => golden.test.stimulus_id[i]),
    sample: named(golden.trials.sample),
    dist: named(golden.trials.dist),
    choice: named(golden.trials.choice),
  };

  it('agrees with the reference', async () => {
    expect(golden.identifier).toBe('Rajalingham2018-i2n');
    expect(golden.description).toContain('logistic');
    expect(trials.choice.length).toBe(golden.trials.n);
    const shown = new Map(trials.stimulusIds.map((id, i) => [id, trials.sample[i]]));
    expect(golden.test.stimulus_id.map((id: string) => shown.get(id))).toEqual(
      named(golden.test.label),
    );
    expect(new Set(golden.fitting.stimulus_id).size).toBe(golden.fitting.features.shape[0]);
    const readOut = await fitReadOut(
      { features: features(golden.fitting.features), labels: named(golden.fitting.label) },
      READ_OUT_C,
    );
    const probabilities = await readOutProbabilities(readOut, {
      features: features(golden.test.features),
      stimulusIds: golden.test.stimulus_id,
    });
    const { choice, stimulus_id, values, reference_dtype } = golden.probabilities;
    expect(probabilities.choices).toEqual(choice);
    expect(probabilities.stimulusIds).toEqual(stimulus_id);
    expect(reference_dtype).toBe('float32');
    expectClose(probabilities.values.data, numbers(values), tolerances.readout.default);

    const { score, tolerance } = { score: golden.score, tolerance: tolerances.readout.score };
    const raw = behaviourScore('i2n', probabilities, trials, options);
    expectClose(raw.splits, numbers(score.raw.raw.values), tolerance);
    expectClose([raw.value, raw.error], [score.raw.score, score.raw.error], tolerance);
    const ceiling = behaviourCeiling('i2n', trials, options);
    expectClose(ceiling.splits, numbers(score.ceiling.raw.values), tolerances.float64);
    expectClose(
      [ceiling.value, ceiling.error],
      [score.ceiling.score, score.ceiling.error],
      tolerances.float64,
    );
    const ceiled = ceiledBehaviour(raw.splits, ceiling.splits);
    expectClose(ceiled.splits, numbers(golden.ceiled_per_split), tolerance);
    expectClose([ceiled.value, ceiled.error], [score.ceiled, score.error], tolerance);
  });

  it('agrees with the public variant, whose ceiling leaves out empty cells', () => {
    const wanted = golden.public_variant_ceiling_skipna_true;
    const ceiling = behaviourCeiling('i2n', trials, { ...options, skipna: true });
    expectClose(ceiling.splits, numbers(wanted.raw.values), tolerances.float64);
    expectClose([ceiling.value, ceiling.error], [wanted.score, wanted.error], tolerances.float64);
  });
});
