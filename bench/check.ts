import { wholeLayer } from '../src/activations/reduced-layer.js';
import type { Id } from '../src/data/ids.js';
import { averageHalf } from '../src/metrics/internal-consistency.js';
import { readFeatures, rowsFor } from '../src/scoring/features/feature-file.js';
import type { LoadedBenchmark } from '../src/scoring/measure/loaded-benchmark.js';
import { loadBenchmarks } from '../src/scoring/registry/load-benchmark.js';
import type { Arrays } from './arrays.js';
import { original, withArrays } from './original.js';

/** Largest difference of a split that passes: the Gram form leaves out a float32 rounding. */
const AGREES = 1e-7;

/**
 * Beyond this many units scikit-learn gets the features in an orthonormal basis of their rows' space
 * (numpy's QR), which is the same regression in minutes instead of hours.
 */
const WIDE = 10_000;

/** What a neural benchmark says of its data; averaged again here, so that the check depends on less. */
interface NeuralInputs {
  readonly order: readonly Id[];
  readonly strata?: readonly Id[];
  readonly recordings: {
    readonly stimuli: readonly Id[];
    readonly neuroids: readonly Id[];
    readonly values: Float32Array | Float64Array;
  };
}

/**
 * Scores features that `ventral activations` wrote twice, with ventral and with scikit-learn, and
 * compares every layer split by split. Gives whether all agree; throws for another metric than pls.
 */
export async function check(path: string, benchmark: string, home: string): Promise<boolean> {
  const file = await readFeatures(path);
  const { loaded, close } = await loadBenchmarks([benchmark], { home }, (_, error) => {
    throw error;
  });
  let agree = true;
  try {
    for (const one of loaded) {
      for (const [layer, features] of file.layers) {
        const rows = rowsFor(file, features, one.shown[0].stimuli.ids);
        const { raw } = await one.measure(wholeLayer([rows]));
        const { order } = one.inputs as unknown as NeuralInputs;
        const ordered = rowsFor(file, features, order);
        const data = await ordered.columns(0, ordered.cols);
        const arrays = await plsOf(one, { rows: ordered.rows, cols: ordered.cols, data });
        const theirs = withArrays(arrays, (folder) => original('pls', folder, 2));
        const difference = Math.max(
          ...theirs.splits.map((split, k) => Math.abs(split - (raw.splits[k] ?? Number.NaN))),
        );
        agree &&= difference <= AGREES;
        console.log(
          `${one.benchmark.id} ${layer}: ventral ${raw.value?.toFixed(9)}, scikit-learn ${theirs.value.toFixed(9)}, largest difference of ${theirs.splits.length} splits ${difference.toExponential(1)}`,
        );
      }
    }
  } finally {
    await close();
  }
  return agree;
}

interface Table {
  readonly rows: number;
  readonly cols: number;
  readonly data: Float32Array | Float64Array;
}

async function plsOf({ benchmark, inputs }: LoadedBenchmark, features: Table): Promise<Arrays> {
  const { metric, crossValidation } = benchmark;
  if (metric.name !== 'pls')
    throw new Error(`${benchmark.id} is scored by ${metric.name}; only pls has an original here`);
  const { order, strata, recordings } = inputs as unknown as NeuralInputs;
  const once = recordings.stimuli.map(() => 0);
  const averaged = averageHalf(
    {
      stimulusIds: recordings.stimuli,
      repetition: once,
      neuroidIds: recordings.neuroids,
      values: recordings.values,
    },
    [0],
  );
  const { cols, data } = averaged.values;
  const rowOf = new Map(averaged.stimulusIds.map((id, row) => [id, row]));
  const targets = new Float64Array(order.length * cols);
  order.forEach((id, i) => {
    const row = rowOf.get(id) ?? 0;
    targets.set(data.subarray(row * cols, (row + 1) * cols), i * cols);
  });
  const { splits, seed, trainSize = 0.9 } = crossValidation;
  const { components = 25 } = metric as { components?: number };
  return {
    kind: 'pls',
    arrays: {
      features: { shape: [features.rows, features.cols], values: features.data },
      targets: { shape: [order.length, cols], values: targets },
    },
    rest: {
      stimulusIds: order,
      strata,
      options: { splits, seed, trainSize, components },
      rotate: features.cols > WIDE,
    },
  };
}
