import { featuresOf } from '../../activations/reduced-layer.js';
import type { StimulusSet } from '../../data/stimulus-set.js';
import { VentralError } from '../../errors/ventral-error.js';
import {
  aboveChance,
  type OddOneOutResult,
  oddOneOut,
  oddOnes,
  resampledShares,
} from '../../metrics/behaviour/odd-one-out.js';
import { requireFinite } from '../../metrics/gram-source.js';
import type { Warning } from '../../metrics/metric.js';
import { versionedName } from '../../metrics/table/metric-table.js';
import { selectRows } from '../../numerics/algebra/features.js';
import { gram } from '../../numerics/algebra/gram.js';
import type { Matrix } from '../../numerics/algebra/matrix.js';
import { finiteProducts } from '../../numerics/algebra/non-finite.js';
import type { Benchmark } from '../benchmark/benchmark.js';
import { readOutLayer } from '../benchmark/layer-role.js';
import { definitionInputs, shownAt } from '../benchmark/shown-stimuli.js';
import { type DrawnUnits, drawnUnits } from '../draws/drawn-units.js';
import { estimated, singleDraws } from '../draws/score-draws.js';
import { restrictedTriplets, type ShownTriplets, shownTriplets } from '../observed/triplets.js';
import type { BenchmarkKind } from './benchmark-kind.js';
import type { Measured, PreparedBenchmark } from './loaded-benchmark.js';
import { ceilingPart, finite, scorePart } from './score.js';

/** Benchmarks of which of three stimuli is left aside. Nothing is fitted: a layer's own activations say which are alike. */
export const oddOneOutKind: BenchmarkKind = {
  compares: 'trials',
  fits: false,
  load: async (benchmark, sources) => {
    const stimuli = await sources.stimuli(benchmark.stimuli);
    const trials = await sources.trials(benchmark, stimuli);
    return onTriplets(benchmark, stimuli, shownTriplets(benchmark, stimuli, trials));
  },
};

function onTriplets(
  benchmark: Benchmark,
  stimuli: StimulusSet,
  shown: ShownTriplets,
): PreparedBenchmark {
  const { stimulusIds, rows, triplets } = shown;
  if (triplets.length === 0) throw noTriplets(benchmark);
  return {
    benchmark,
    shown: [shownAt(benchmark, stimuli)],
    layers: readOutLayer,
    stratum: undefined,
    // A thousand draws of all triplets.
    seconds: 1e-6 * triplets.length + 1e-6 * rows.length ** 2,
    metric: versionedName(benchmark.metric.name),
    inputs: { ...definitionInputs(benchmark), stimuli: stimulusIds, triplets },
    form: () => 'features',
    ceiling: () => ceilingPart(boundOf(benchmark)),
    async measure(layer) {
      const features = selectRows(featuresOf(layer)[0], rows);
      const products = await gram(features);
      if (!finiteProducts(products)) await requireFinite({ features, stimulusIds });
      const odd = oddOnes(products, triplets, benchmark.metric.similarity);
      const measured = normalised(oddOneOut(odd, triplets), shown, benchmark);
      return { ...measured, warnings: remarks(products) };
    },
    restrict: (keep) => onTriplets(benchmark, stimuli, restrictedTriplets(shown, keep)),
  };
}

const boundOf = ({ ceiling }: Benchmark): number | null =>
  ceiling.name === 'fixed' ? ceiling.value : null;

const noTriplets = ({ file, id }: Benchmark) =>
  new VentralError('stimuli-too-few', `${id}: no triplet is left of these stimuli`, {
    file,
    field: 'trials',
    expected: 'triplets whose three stimuli are all there',
    found: 'none',
  });

/** The reference scores a layer that is equal for all stimuli, even as perfect. */
function remarks({ data }: Matrix): Warning[] {
  if (!data.every((product) => product === data[0])) return [];
  const detail = 'all stimuli are equally similar, so the third of each triplet is the odd one';
  return [{ code: 'layer-constant', detail }];
}

/** The shares over draws of the stimuli, which are the same for every layer and model. */
function drawnShares(
  { right }: OddOneOutResult,
  { stimulusIds, triplets }: ShownTriplets,
  { draws, position }: DrawnUnits,
): Float64Array {
  const drawn = new Uint16Array(stimulusIds.length * draws.draws);
  const places = stimulusIds.map(position);
  let draw = 0;
  for (const times of draws) {
    for (const [row, place] of places.entries()) drawn[row * draws.draws + draw] = times[place];
    draw++;
  }
  return resampledShares(right, triplets, drawn, draws.draws);
}

function normalised(raw: OddOneOutResult, shown: ShownTriplets, benchmark: Benchmark): Measured {
  const { clip, metric } = benchmark;
  const { chance = 0 } = metric;
  const bound = boundOf(benchmark);
  const unclipped = (value: number) =>
    bound === null ? value : (value - chance) / (bound - chance);
  const ceiled = (value: number) =>
    bound === null || clip === 'none' ? unclipped(value) : aboveChance(value, bound, chance);
  const formula = '(raw-chance)/(ceiling-chance)';
  const units = drawnUnits('images', shown.stimulusIds);
  // A clipped draw would say less of a difference.
  const draws = drawnShares(raw, shown, units).map(unclipped);
  return {
    value: finite(ceiled(raw.value)),
    error: null,
    ...estimated(unclipped(raw.value), singleDraws(units, draws), {
      bounds: bound === null || clip === 'none' ? undefined : [0, 1],
    }),
    formula: bound === null ? 'raw' : clip === 'none' ? formula : `clip(${formula})`,
    errorOf: 'raw',
    errorKind: 'none',
    raw: scorePart(raw),
    ceiling: ceilingPart(bound),
    warnings: [],
  };
}
