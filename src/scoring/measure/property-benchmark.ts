import type { UnitLayer } from '../../activations/unit-layer.js';
import { unitsOfFeatures } from '../../activations/unit-layer.js';
import type { StimulusSet } from '../../data/stimulus-set.js';
import { VentralError } from '../../errors/ventral-error.js';
import type { Digestible } from '../../formats/digest.js';
import {
  bootstrappedSimilarity,
  histogram,
  type Similarity,
} from '../../metrics/distribution-similarity.js';
import type { Warning } from '../../metrics/metric.js';
import { versionedName } from '../../metrics/table/metric-table.js';
import { RandomState } from '../../numerics/random/random-state.js';
import { properties } from '../../properties/property-table.js';
import { orderedGratings, type Protocol, textureSweep } from '../../properties/protocol.js';
import type { PropertyTable, Study } from '../../properties/study.js';
import type { Sweep } from '../../properties/sweep.js';
import type { Benchmark, PublishedDistribution } from '../benchmark/benchmark.js';
import { regionLayer } from '../benchmark/layer-role.js';
import { definitionInputs, shownAt } from '../benchmark/shown-stimuli.js';
import { drawnUnits } from '../draws/drawn-units.js';
import { estimated, singleDraws } from '../draws/score-draws.js';
import { propertiesOf } from '../observed/unit-properties.js';
import type { BenchmarkKind } from './benchmark-kind.js';
import type { Measured, PreparedBenchmark } from './loaded-benchmark.js';
import { ceilingPart, finite, scorePart } from './score.js';

/** Benchmarks of single-neuron properties. */
export const propertyKind: BenchmarkKind = {
  compares: 'distribution',
  fits: 'may',
  async load(benchmark, sources) {
    const stimuli = await sources.stimuli(benchmark.stimuli);
    const gratings = benchmark.fittingStimuli
      ? await sources.stimuli(benchmark.fittingStimuli, 'fitting')
      : stimuli;
    const published = benchmark.distribution as PublishedDistribution;
    return loadProperty({
      benchmark,
      gratings,
      stimuli,
      published,
      recorded: await sources.neurons(published),
    });
  },
};

/** What a benchmark of a property is made of. */
interface Parts {
  readonly benchmark: Benchmark;
  /** They map receptive fields and fit the firing rates. */
  readonly gratings: StimulusSet;
  /** What the study showed: the gratings, or textures. */
  readonly stimuli: StimulusSet;
  readonly published: PublishedDistribution;
  /** Values by neuron; NaN where one has none. */
  readonly recorded: Float64Array;
}

/** Units that fewer than this make a distribution that hangs on each of them. */
const FEW = 10;

/**
 * A benchmark of the distribution of a single-neuron property (spec Appendix D): the units of a layer that see the
 * stimulus are measured as the neurons of a study were, and the two distributions are compared.
 * Throws `stimuli-mismatch`, `recordings-invalid`.
 */
function loadProperty(parts: Parts): PreparedBenchmark {
  const { benchmark, published, recorded } = parts;
  const study = properties.get(published.property) as Study;
  const { stimuli: gratings, protocol } = orderedGratings(parts.gratings);
  const shown = [{ ...shownAt(benchmark, gratings), protocol }];
  if (study.set === 'texture') shown.push({ ...shownAt(benchmark, parts.stimuli), protocol });
  const sweep = sweepOfStudy(parts, study, protocol);
  const { repetitions = 1000, seed = 0 } = benchmark.metric;
  const compare = (model: ArrayLike<number>, random: RandomState) =>
    bootstrappedSimilarity(model, recorded, random, { bins: published.bins, repetitions });
  const ceilingAfter = (random: RandomState): Similarity | number | null => {
    if (benchmark.ceiling.name === 'none') return null;
    if (benchmark.ceiling.name === 'fixed') return benchmark.ceiling.value;
    return compare(recorded, random);
  };
  return {
    benchmark,
    shown,
    layers: regionLayer(benchmark),
    stratum: undefined,
    seconds: 0.1,
    metric: versionedName(benchmark.metric.name),
    inputs: {
      ...definitionInputs(benchmark),
      distribution: { property: published.property, bins: published.bins, recorded },
      stimuli: shown.map(({ stimuli }) => stimuli.ids),
      protocol: protocolInputs(protocol, sweep),
    },
    form: () => 'units',
    ceiling: () => ceilingPart(partOfCeiling(ceilingAfter(new RandomState(seed)))),
    async measure(layer, options = {}) {
      const units =
        layer.form === 'features' ? await unitsOfFeatures(layer.features, protocol) : layer;
      if (units.form !== 'units') throw new RangeError(`units are wanted, not the ${layer.form}`);
      const table = propertiesOf(units, { study, sweep, protocol });
      const column = study.columns.indexOf(published.property);
      const values = Float64Array.from(table.values, (row) => row[column]);
      // The samples of the model come first, those of the ceiling after them, as in the original.
      const random = new RandomState(seed);
      const raw = compare(values, random);
      const ceiling = ceilingAfter(random);
      return {
        ...normalised(raw, ceiling, options.detail === true, recorded.length),
        warnings: warningsOf(units, table),
        distribution: distributionOf(parts, units, values),
      };
    },
  };
}

/** Where the stimuli stand and how they are crossed: columns of a table, which its images do not tell. */
const protocolInputs = ({ places, stimulus, sweeps }: Protocol, sweep: Sweep): Digestible => ({
  ...{ ys: places.ys, xs: places.xs, y: stimulus.y, x: stimulus.x },
  orientation: sweeps.get('orientation')?.levels,
  levels: sweep.levels,
  rows: sweep.rows,
});

/** The sweep of a study, by rows of its stimulus set as the benchmark shows it. */
function sweepOfStudy({ benchmark, stimuli }: Parts, study: Study, protocol: Protocol): Sweep {
  if (study.set === 'texture') return textureSweep(stimuli);
  const sweep = protocol.sweeps.get(study.set);
  if (sweep) return sweep;
  throw new VentralError(
    'stimuli-mismatch',
    `${benchmark.file}: the stimuli have no set ${study.set}, which ${benchmark.distribution?.property} is measured on`,
    { file: benchmark.file, field: 'set', expected: study.set },
  );
}

/** A similarity as raw value or ceiling; its samples are told with the detail alone. */
const partOfCeiling = (ceiling: Similarity | number | null, detail = false) =>
  ceiling === null || typeof ceiling === 'number'
    ? ceiling
    : { ...ceiling, splits: detail ? [...ceiling.samples] : [] };

function normalised(
  raw: Similarity,
  ceiling: Similarity | number | null,
  detail: boolean,
  neurons: number,
): Omit<Measured, 'warnings'> {
  const limit = typeof ceiling === 'number' ? ceiling : ceiling?.value;
  const scale = limit ?? 1;
  const units = drawnUnits(
    'units',
    Array.from({ length: neurons }, (_, unit) => unit),
  );
  const draws = singleDraws(
    units,
    raw.samples.map((sample) => sample / scale),
  );
  // Units of a layer are drawn for that layer alone.
  const { draws: _own, ...interval } = estimated(raw.value / scale, draws);
  return {
    value: finite(raw.value / scale),
    error: finite(raw.error),
    ...interval,
    formula: limit === undefined ? 'raw' : 'raw/ceiling',
    errorOf: 'raw',
    errorKind: 'std over samples of units',
    raw: scorePart({ ...raw, splits: detail ? [...raw.samples] : [] }),
    ceiling: ceilingPart(partOfCeiling(ceiling, detail)),
  };
}

function warningsOf({ seen }: UnitLayer, { kept }: PropertyTable): Warning[] {
  if (kept.length >= FEW) return [];
  const detail = `${kept.length} of the ${seen.length} units at the stimulus have the property measured: each moves the distribution`;
  return [{ code: 'units-few', detail }];
}

/** The two distributions as counts, for whoever draws them. */
function distributionOf(
  { published, recorded }: Parts,
  { units, seen }: UnitLayer,
  values: Float64Array,
): NonNullable<Measured['distribution']> {
  const { property, unit, bins } = published;
  const side = (of: Float64Array) => ({
    counts: [...histogram(of, bins)],
    without_value: of.filter(Number.isNaN).length,
  });
  return {
    property,
    unit: unit ?? null,
    bins,
    neurons: side(recorded),
    units: { ...side(values), at_stimulus: seen.length, of_layer: units },
  };
}
