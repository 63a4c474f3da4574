import { exposeValues } from '../onnx/expose.js';
import { type LayerInfo, listLayers } from '../onnx/layers.js';
import { Session, type Tensor } from '../runtime/session.js';
import type { ModelCard } from './card/card.js';
import { type ModelFile, openModelFile } from './model-file.js';
import type { StimulusSize } from './stimuli/stimulus-size.js';

/** A layer with its shape for one image; null if the network could not be run. */
export interface MeasuredLayer extends LayerInfo {
  readonly shape: readonly number[] | null;
  /** Number of units: the product of the shape. */
  readonly units: number | null;
}

/** The modules of a network; its values if names give no modules. */
export function modulesOrValues<T extends LayerInfo>(layers: readonly T[]): readonly T[] {
  const modules = layers.filter(({ kind }) => kind === 'module');
  return modules.length > 0 ? modules : layers;
}

/** Default image side. */
const SIDE = 224;

/**
 * The layers of a model, each with its shape without the batch axis, measured by running the network
 * once on an empty image of the card's (else the graph's) size.
 */
export async function measureLayers(
  reference: string,
  options: { readonly threads?: number; readonly card?: ModelCard } = {},
): Promise<MeasuredLayer[]> {
  const file = await openModelFile(reference, options.card ? { card: options.card } : {});
  const layers = listLayers(file.model);
  const values = [...new Set(layers.flatMap(({ value }) => value ?? []))];
  const shapes = await shapesOf(file, values, options);
  return layers.map((layer) => {
    const shape = (layer.value === null ? undefined : shapes.get(layer.value)) ?? null;
    return { ...layer, shape, units: shape?.reduce((product, size) => product * size, 1) ?? null };
  });
}

async function shapesOf(
  file: ModelFile,
  values: readonly string[],
  options: { readonly threads?: number },
): Promise<Map<string, readonly number[]>> {
  const session = await Session.open(exposeValues(file.model, values), {
    name: file.name,
    ...options,
  });
  try {
    const feeds = Object.fromEntries(
      session.inputs.map((input) => [input.name, emptyPicture(input, file)]),
    );
    const outputs = await session.run(feeds, values);
    return new Map(values.map((value) => [value, outputs[value].dims.slice(1)]));
  } finally {
    await session.close();
  }
}

/** An image of zeros of the size that card or graph say (else of `size`), one a batch. */
export function emptyPicture(
  input: Session['inputs'][number],
  file: Pick<ModelFile, 'card'>,
  size?: StimulusSize,
): Tensor {
  const spec = file.card?.input;
  const side = spec?.crop ?? (spec && spec.resize !== 'none' ? spec.resize.to : SIDE);
  const { width, height } = size ?? { width: side, height: side };
  const channelsLast = spec ? spec.layout === 'NHWC' : input.dims[1] !== 3 && input.dims[3] === 3;
  const free = channelsLast ? [1, height, width, 3] : [1, 3, height, width];
  const dims = input.dims.map((dim, axis) => dim ?? free[axis] ?? 1);
  const length = dims.reduce((product, size) => product * size, 1);
  if (input.dtype === 'float16') return { dtype: 'float16', dims, data: new Uint16Array(length) };
  if (input.dtype === 'uint8') return { dtype: 'uint8', dims, data: new Uint8Array(length) };
  return { dtype: 'float32', dims, data: new Float32Array(length) };
}
