import { featuresOf } from '../../activations/reduced-layer.js';
import type { StimulusSet } from '../../data/stimulus-set.js';
import {
  dimensionShare,
  type Factor,
  type FactorPair,
  factorPairs,
  factorShares,
  pairSums,
} from '../../metrics/behaviour/factor-dimensions.js';
import { requireFinite } from '../../metrics/gram-source.js';
import { metrics, versionedName } from '../../metrics/table/metric-table.js';
import type { Benchmark } from '../benchmark/benchmark.js';
import { regionLayer } from '../benchmark/layer-role.js';
import { definitionInputs, shownAt } from '../benchmark/shown-stimuli.js';
import type { BenchmarkKind } from '../measure/benchmark-kind.js';
import { constantLayer } from '../measure/constant-layer.js';
import { measuredBehaviour } from '../measure/label-benchmark.js';
import type { PreparedBenchmark } from '../measure/loaded-benchmark.js';
import { ceilingPart } from '../measure/score.js';
import { stimulusColumn } from '../observed/observed-trials.js';

/** Benchmarks of how many dimensions of a layer follow a factor of the stimuli, which nothing else is compared with. */
export const factorKind: BenchmarkKind = {
  compares: 'stimuli',
  fits: false,
  load: async (benchmark, sources) =>
    loadFactors(benchmark, await sources.stimuli(benchmark.stimuli)),
};

/**
 * Shape and texture in the dimensions of a layer (Islam2021, spec Appendix C).
 * @throws VentralError `benchmark-invalid` for a column that is absent, `stimuli-mismatch` for a pair that is
 */
function loadFactors(benchmark: Benchmark, stimuli: StimulusSet): PreparedBenchmark {
  const column = (name: string) => stimulusColumn(benchmark, stimuli, name);
  const { metric } = benchmark;
  const pairs = factorPairs(
    {
      shape: column('shape'),
      texture: column('texture'),
      original: column('original_image_id'),
    },
    metric.seed ?? 1751,
  );
  const ceiling = benchmark.ceiling.name === 'fixed' ? benchmark.ceiling.value : null;
  return {
    benchmark,
    shown: [shownAt(benchmark, stimuli)],
    layers: regionLayer(benchmark),
    stratum: undefined,
    seconds: 1e-4 * stimuli.ids.length,
    metric: versionedName(metric.name),
    inputs: {
      ...definitionInputs(benchmark),
      stimuli: stimuli.ids,
      pairs: pairs.map(({ row, factor, partner }) => [row, factor, partner]),
    },
    form: () => 'features',
    ceiling: () => ceilingPart(ceiling),
    async measure(layer) {
      const [features] = featuresOf(layer);
      await requireFinite({ features, stimulusIds: stimuli.ids });
      const raw = factorScore(await pairSums(features, pairs), pairs, metric.factor as Factor);
      const found = measuredBehaviour(raw, ceiling, metrics['factor-dimensions']);
      const why = Number.isFinite(raw.value) ? [] : await constantLayer(layer);
      return { ...found, warnings: [...why, ...found.warnings] };
    },
  };
}

/** The share of a factor; resamples draw pairs, around the means of all. */
function factorScore(
  sums: Awaited<ReturnType<typeof pairSums>>,
  pairs: readonly FactorPair[],
  factor: Factor,
) {
  const share = (drawn?: readonly number[]) =>
    dimensionShare(factorShares(sums, pairs, drawn), sums.units, factor);
  const value = share();
  return {
    value,
    error: Number.NaN,
    errorKind: 'none' as const,
    splits: [value],
    warnings: [],
    samples: pairs.length,
    resample: share,
  };
}
