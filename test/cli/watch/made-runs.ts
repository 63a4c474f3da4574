import { RandomState } from '../../../src/numerics/random/random-state.js';
import { readModel } from '../../../src/onnx/model.js';
import { tensorElements } from '../../../src/onnx/tensor-elements.js';
import {
  dictionary,
  p,
  safetensors,
  storage,
  tensor,
  zipped,
} from '../../importing/checkpoints/made-checkpoints.js';
import { madeCheckpoint, seriesCard } from '../../scoring/made-series.js';

/** Checkpoints of one network in the three formats, as a training writes them. */

/** The card, with a layer for each region of the benchmark `objects`. */
export const runsCard = JSON.stringify({
  ...JSON.parse(seriesCard),
  region_layer_map: { V4: 'conv2', IT: 'pool' },
});

/** Weights of the network of `madeCheckpoint`, by their names. */
function weightsOf(trained: number): [string, readonly number[], Float32Array][] {
  const { graph } = readModel(madeCheckpoint({ trained }), 'made');
  return graph.initializers.map((each) => [
    each.name,
    each.dims,
    tensorElements(each) as Float32Array,
  ]);
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array) =>
  new Uint8Array(buffer, byteOffset, byteLength);

/** As `torch.save` writes it; a step stands beside the state dict, as Lightning has it. */
export function madeTorch(trained: number, step?: number): Uint8Array {
  const storages: Record<string, Uint8Array> = {};
  const entries = weightsOf(trained).map(([name, dims, elements], i) => {
    storages[i] = bytesOf(elements);
    const strides = dims.map((_, axis) =>
      dims.slice(axis + 1).reduce((product, size) => product * size, 1),
    );
    return [name, tensor(storage(`${i}`, elements.length), dims, strides)] as const;
  });
  const state = Object.fromEntries(entries);
  if (step === undefined) return zipped(dictionary(state), storages);
  const inner = dictionary(state).subarray(2, -1);
  return zipped(dictionary({ state_dict: inner, global_step: p.int(step) }), storages);
}

/** As safetensors writes it. */
export function madeSafetensors(trained: number): Buffer {
  let at = 0;
  const weights = weightsOf(trained);
  const header = Object.fromEntries(
    weights.map(([name, shape, { byteLength }]) => {
      const offsets = [at, at + byteLength];
      at += byteLength;
      return [name, { dtype: 'F32', shape, data_offsets: offsets }];
    }),
  );
  return safetensors(
    header,
    Buffer.concat(weights.map(([, , elements]) => Buffer.from(bytesOf(elements)))),
  );
}

/** An export of the network with weights of its own, for `--graph`. */
export const madeGraph = (): Uint8Array => madeCheckpoint({ trained: 0.123 });

/** A file of that many bytes that nothing can be made of. */
export const noise = (bytes: number): Uint8Array =>
  Uint8Array.from(new RandomState(7).standardNormal(bytes), (value) => 128 + 40 * value);
