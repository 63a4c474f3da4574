import type { Imported } from '../../src/importing/source/imported.js';
import { RandomState } from '../../src/numerics/random/random-state.js';
import { exposeValues } from '../../src/onnx/expose.js';
import { listLayers } from '../../src/onnx/layers.js';
import { readModel } from '../../src/onnx/model.js';
import { Session, type Tensor } from '../../src/runtime/session.js';

/** Numbers from 0 to 1, as pixels are, the same for a seed. */
export function seededInput(dims: readonly number[], seed: number): Tensor {
  const random = new RandomState(seed);
  const count = dims.reduce((product, size) => product * size, 1);
  const data = Float32Array.from({ length: count }, () => random.double());
  return { dtype: 'float32', dims, data };
}

/** The tensor with axis i of the result being axis `axes[i]` of it. */
export function turned({ dtype, dims, data }: Tensor, axes: readonly number[] = []): Tensor {
  if (axes.length === 0) return { dtype, dims, data };
  const strides = dims.map((_, axis) => dims.slice(axis + 1).reduce((a, b) => a * b, 1));
  const sizes = axes.map((axis) => dims[axis]);
  const values = data as Float32Array;
  const result = new Float32Array(values.length);
  for (let to = 0; to < result.length; to++) {
    let rest = to;
    let from = 0;
    for (let axis = sizes.length - 1; axis >= 0; axis--) {
      from += (rest % sizes[axis]) * strides[axes[axis]];
      rest = Math.floor(rest / sizes[axis]);
    }
    result[to] = values[from];
  }
  return { dtype, dims: sizes, data: result };
}

/** Undoes {@link turned}. */
export const inverse = (axes: readonly number[]) => axes.map((_, axis) => axes.indexOf(axis));

/** Every matched layer of the ONNX for an input of the source. */
export async function onnxLayers(imported: Imported, input: Tensor): Promise<Map<string, Tensor>> {
  const model = readModel(imported.model, 'imported');
  const values = imported.layers.map(({ value }) => value);
  const session = await Session.open(exposeValues(model, values), { threads: 1 });
  try {
    const axes = imported.inputAxes ? inverse(imported.inputAxes) : [];
    const outputs = await session.run({ [session.inputs[0].name]: turned(input, axes) });
    return new Map(
      imported.layers.map(({ layer, value, axes: lying }) => [
        layer,
        turned(outputs[value], lying ? inverse(lying) : []),
      ]),
    );
  } finally {
    await session.close();
  }
}

/** How far a layer of the ONNX is from that of the source; NaN for another shape, or where a number is none. */
export interface Difference {
  readonly absolute: number;
  /** To the largest element of the source's, where that is larger than 0.01. */
  readonly relative: number;
}

/** The largest difference of each layer between the source's runtime and the ONNX, on a seeded input. */
export async function differences(
  imported: Imported,
  seed: number,
): Promise<Map<string, Difference>> {
  const { source } = imported;
  if (source === undefined) throw new Error('there is no source to compare with');
  const input = seededInput(source.dims, seed);
  const found = await onnxLayers(imported, input);
  const result = new Map<string, Difference>();
  for await (const { layer, output } of source.run(input)) {
    const own = found.get(layer);
    result.set(
      layer,
      own ? difference(own, output) : { absolute: Number.NaN, relative: Number.NaN },
    );
  }
  return result;
}

/** How far the first is from the second. */
export function difference(a: Tensor, b: Tensor): Difference {
  const [x, y] = [a.data as Float32Array, b.data as Float32Array];
  let absolute = `${a.dims}` === `${b.dims}` ? 0 : Number.NaN;
  let largest = 0.01;
  for (let at = 0; at < y.length; at++) {
    const away = Math.abs(x[at] - y[at]);
    // Written so that NaN wins.
    if (!(away <= absolute)) absolute = Number.isNaN(absolute) ? absolute : away;
    largest = Math.max(largest, Math.abs(y[at]));
  }
  return { absolute, relative: absolute / largest };
}

/** The modules that `ventral layers` lists, with their values. */
export function namedModules({ model }: Imported): [string, string | null][] {
  return listLayers(readModel(model, 'imported'))
    .filter(({ kind }) => kind === 'module')
    .map(({ name, value }) => [name, value]);
}
