import type { Id } from '../data/ids.js';
import { VentralError } from '../errors/ventral-error.js';
import { denseFeatures } from '../numerics/algebra/features.js';
import { matrix } from '../numerics/algebra/matrix.js';
import { nonFinite } from '../numerics/algebra/non-finite.js';
import { requireFinite } from './gram-source.js';
import type { MetricResult, NeuralMetric, Source, Target } from './metric.js';
import { type PlsOptions, pls } from './pls.js';

/**
 * The metric `reverse-pls` (spec §1.10): recordings predict the units of a layer, so neuroids of the
 * result are units. Splits are positional on the layer's order, strata follow the stimuli.
 * @throws VentralError `recordings-invalid` for missing values and what `pls` throws
 */
async function reversePls(
  source: Source,
  target: Target,
  options: PlsOptions,
): Promise<MetricResult> {
  const { features } = source;
  await requireFinite(source);
  const missing = nonFinite(target.values.data);
  if (missing)
    throw new VentralError('recordings-invalid', `The recordings lack ${missing.count} values`, {
      found: `${missing.count} missing values`,
    });
  const units = new Float64Array(await features.columns(0, features.cols));
  const rowOf = new Map(target.stimulusIds.map((id, i) => [id, i]));
  const ofSource = (classes: readonly Id[] | undefined) =>
    classes && source.stimulusIds.map((id) => classes[rowOf.get(id) ?? -1] ?? '');
  const recordings = denseFeatures(target.values.rows, target.values.cols, target.values.data);
  return pls(
    { stimulusIds: target.stimulusIds, features: recordings },
    {
      stimulusIds: source.stimulusIds,
      neuroidIds: Array.from({ length: features.cols }, (_, unit) => unit),
      values: matrix(features.rows, features.cols, units),
      strata: ofSource(target.strata),
      groups: ofSource(target.groups),
    },
    options,
  );
}

/** The metric `reverse-pls`. */
export const reversePlsMetric: NeuralMetric = {
  kind: 'neural',
  version: 2,
  perNeuroid: false,
  defaults: { components: 25 },
  normalisation: 'squared',
  text: {
    name: 'Reverse partial least squares',
    words:
      'Partial least squares regression predicts each unit of the layer from the neuroids, fitted on the training stimuli of each split; r is the Pearson correlation on the test stimuli.',
    raw: 'mean over splits of the median r over units',
  },
  run: reversePls,
};
