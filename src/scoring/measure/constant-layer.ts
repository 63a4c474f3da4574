import type { ReducedLayer } from '../../activations/reduced-layer.js';
import type { Warning } from '../../metrics/metric.js';

/** The warning of a layer whose units all have one activation for every stimulus; none for another. */
export async function constantLayer(layer: ReducedLayer): Promise<Warning[]> {
  if (!(await isConstant(layer))) return [];
  return [
    {
      code: 'layer-constant',
      detail: 'every unit of the layer has the same activation for all stimuli',
    },
  ];
}

async function isConstant(layer: ReducedLayer): Promise<boolean> {
  if (layer.form === 'gram') return layer.gram.data.every((product) => product === 0);
  if (layer.form === 'read-out') return layer.fitting.data.every((product) => product === 0);
  // Of units that see a stimulus, the benchmark says itself why they have no property.
  if (layer.form === 'units') return false;
  const [features] = layer.features;
  const values = await features.columns(0, features.cols);
  return values.every((value, i) => value === values[i % features.cols]);
}
