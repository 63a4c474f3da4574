import { type Model, readModel, writeModel } from '../../onnx/model.js';
import { bytesRecord, concatenate, integerRecord, records } from '../../onnx/wire.js';

/** The oldest operator set whose graphs are checked (src/onnx/checks/check-graph.ts). */
const OLDEST = 9;

/** Operators of which the sets 7, 8 and 9 of ONNX say the same, their newer optional outputs aside. */
const unchanged = new Set([
  ...['Add', 'AveragePool', 'Concat', 'Conv', 'Dropout', 'GlobalAveragePool', 'MaxPool', 'Mul'],
  ...['Relu', 'Reshape', 'Softmax'],
]);

/** A file of operator set 7 or 8 as one of set 9, where that changes no operator of it; others as they are. */
export function withRaisedOpset(bytes: Uint8Array, name: string): Uint8Array {
  const model = readModel(bytes, name);
  const opset = model.opsets.get('') ?? OLDEST;
  const known = model.graph.nodes.every(({ operator }) => unchanged.has(operator));
  if (opset >= OLDEST || opset < 7 || !known || model.opsets.size !== 1) return bytes;
  const kept = model.records.filter(({ field }) => field !== 8);
  const standard = bytesRecord(8, concatenate([bytesRecord(1, ''), integerRecord(2, OLDEST)]));
  const raised: Model = { ...model, records: [...kept, ...records(standard)] };
  return writeModel(raised);
}
