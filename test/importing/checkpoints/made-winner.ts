import { writeFile } from 'node:fs/promises';
import { build } from '../../../models/efficientnet-b1/build.js';
import { storedFloats } from '../../../src/importing/graft/weight-bytes.js';
import { readModel } from '../../../src/onnx/model.js';
import { dictionary, p, storage, tensor, zipped } from './made-checkpoints.js';

const strides = (dims: readonly number[]) =>
  dims.map((_, i) => dims.slice(i + 1).reduce((a, b) => a * b, 1));

/**
 * Writes a checkpoint as the training of the 2022 winner did: timm's names under a prefix, batch counters and an
 * epoch beside them. The weights are those of our EfficientNet-B1, random.
 */
export async function writeWinner(path: string, prefix: string): Promise<void> {
  const { initializers } = readModel(build(), 'efficientnet-b1').graph;
  const entries: [string, Buffer][] = [];
  const storages: Record<string, Uint8Array> = {};
  for (const weight of initializers) {
    const values = storedFloats(weight);
    if (values === undefined || !weight.name.includes('.')) continue;
    const key = `${entries.length}`;
    storages[key] = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    const stored = storage(key, values.length);
    entries.push([`${prefix}${weight.name}`, tensor(stored, weight.dims, strides(weight.dims))]);
  }
  const counter = entries.length.toString();
  storages[counter] = p.little(8, 7);
  const counted = tensor(storage(counter, 1, 'LongStorage'), [], []);
  entries.push([`${prefix}bn1.num_batches_tracked`, counted]);
  const state = dictionary(Object.fromEntries(entries)).subarray(2, -1);
  await writeFile(path, zipped(dictionary({ epoch: p.int(7), model: state }), storages));
}
