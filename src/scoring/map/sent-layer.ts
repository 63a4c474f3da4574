import type { ReducedLayer } from '../../activations/reduced-layer.js';
import { denseFeatures } from '../../numerics/algebra/features.js';
import type { Matrix } from '../../numerics/algebra/matrix.js';

/** A layer as it goes from thread to thread: plain values whose buffers can be moved. */
export type SentLayer =
  | Exclude<ReducedLayer, { readonly form: 'features' }>
  | {
      readonly form: 'features';
      readonly units: number;
      readonly features: readonly {
        readonly rows: number;
        readonly cols: number;
        readonly data: Float32Array | Float64Array;
      }[];
    };

/**
 * A copy of a layer whose buffers may be moved away; undefined for features of more than `most` bytes
 * (as float64), which are read in place.
 */
export async function sentLayer(layer: ReducedLayer, most: number): Promise<SentLayer | undefined> {
  if (layer.form === 'units')
    return {
      ...layer,
      responses: layer.responses.map((each) => ({ ...each, data: each.data.slice() })),
    };
  if (layer.form === 'gram') return { ...layer, gram: copied(layer.gram) };
  if (layer.form === 'read-out')
    return { ...layer, fitting: copied(layer.fitting), cross: copied(layer.cross) };
  const bytes = layer.features.reduce((sum, { rows, cols }) => sum + 8 * rows * cols, 0);
  if (bytes > most) return undefined;
  const features = [];
  for (const each of layer.features) {
    const { rows, cols } = each;
    features.push({ rows, cols, data: (await each.columns(0, cols)).slice() });
  }
  return { form: 'features', units: layer.units, features };
}

/** The layer that was sent. */
export function receivedLayer(sent: SentLayer): ReducedLayer {
  if (sent.form !== 'features') return sent;
  const features = sent.features.map(({ rows, cols, data }) => denseFeatures(rows, cols, data));
  return { form: 'features', units: sent.units, features };
}

/** The buffers of a layer that {@link sentLayer} copied. */
export function buffersOf(sent: SentLayer): ArrayBuffer[] {
  const parts =
    sent.form === 'gram'
      ? [sent.gram]
      : sent.form === 'read-out'
        ? [sent.fitting, sent.cross]
        : sent.form === 'units'
          ? sent.responses
          : sent.features;
  return parts.map(({ data }) => data.buffer as ArrayBuffer);
}

const copied = ({ rows, cols, data }: Matrix): Matrix => ({ rows, cols, data: data.slice() });
