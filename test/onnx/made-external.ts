import { readModel, writeModelWithGraph } from '../../src/onnx/model.js';
import { bytesRecord, concatenate, integerRecord, records } from '../../src/onnx/wire.js';

/** A model with its weights in one file beside it, as PyTorch exports large ones. */
export function madeExternal(
  bytes: Uint8Array,
  location: string,
): { readonly model: Uint8Array; readonly data: Uint8Array } {
  const model = readModel(bytes, 'made');
  const chunks: Uint8Array[] = [];
  let at = 0;
  const pieces = model.graph.records.map((record) => {
    const tensor =
      record.field === 5
        ? model.graph.initializers.find((each) => each.bytes === record.payload)
        : undefined;
    if (tensor?.data.at !== 'raw') return record.raw;
    const { length } = tensor.data.bytes;
    const entries = { location, offset: `${at}`, length: `${length}` };
    chunks.push(tensor.data.bytes);
    at += length;
    const kept = [...records(tensor.bytes)].filter(({ field }) => field !== 9);
    return bytesRecord(
      5,
      concatenate([
        ...kept.map(({ raw }) => raw),
        ...Object.entries(entries).map(([key, value]) =>
          bytesRecord(13, concatenate([bytesRecord(1, key), bytesRecord(2, value)])),
        ),
        integerRecord(14, 1),
      ]),
    );
  });
  return { model: writeModelWithGraph(model, pieces), data: concatenate(chunks) };
}
