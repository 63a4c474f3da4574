import { open, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { VentralError } from '../errors/ventral-error.js';
import { elementBytes } from './element-type.js';
import type { TensorInfo } from './graph.js';
import { type Model, readModel, writeModelWithGraph } from './model.js';
import { allNodes } from './operators.js';
import { messagePieces, records } from './wire.js';

/**
 * Weights that are in files beside the model (TensorProto.external_data). Only files inside the
 * model's own folder are read: no absolute path, no `..`, no link that leads out.
 */

/**
 * The external files of a model, as it names them.
 * @throws VentralError `onnx-external-data` for a name that leaves the folder and for external data outside of
 *   the graph's initializers
 */
export function externalFiles(model: Model): string[] {
  const files = new Set<string>();
  for (const tensor of model.graph.initializers) {
    if (tensor.data.at === 'external') files.add(locationOf(model, tensor));
  }
  const others = [...model.graph.sparseInitializers];
  for (const node of allNodes(model)) {
    for (const attribute of node.attributes) {
      others.push(...attribute.tensors);
      for (const graph of attribute.graphs)
        others.push(...graph.initializers, ...graph.sparseInitializers);
    }
  }
  const misplaced = others.find((tensor) => tensor.data.at === 'external');
  if (misplaced === undefined) return [...files];
  throw refused(model, misplaced, 'external data only for initializers of the graph', 'elsewhere');
}

function refused(model: Model, tensor: TensorInfo, expected: string, found: string): VentralError {
  const field = tensor.name || '(without a name)';
  return new VentralError(
    'onnx-external-data',
    `${model.name}: external data of tensor ${field} should be ${expected}, found ${found}`,
    { file: model.name, field, expected, found },
  );
}

function locationOf(model: Model, tensor: TensorInfo): string {
  const location = tensor.data.at === 'external' ? (tensor.data.entries.get('location') ?? '') : '';
  const parts = location.split(/[/\\]/);
  const leaves = parts.includes('..') || /^([/\\]|[A-Za-z]:)/.test(location);
  if (location === '' || leaves || location.includes('\0')) {
    throw refused(model, tensor, "in a file inside the model's folder", JSON.stringify(location));
  }
  return location;
}

/**
 * The model with its external weights inside, so that it is self-contained; the model itself where it
 * has none. The model should have passed checkGraph, which bounds its size. @param folder the model's own. Throws `onnx-external-data` for files that are missing,
 * too short or outside of the folder.
 */
export async function embedExternalData(model: Model, folder: string): Promise<Model> {
  if (externalFiles(model).length === 0) return model;
  const root = await realpath(folder);
  const embedded = new Map<Uint8Array, Uint8Array[]>();
  for (const tensor of model.graph.initializers) {
    if (tensor.data.at !== 'external') continue;
    const elements = await readElements(model, tensor, root);
    embedded.set(tensor.bytes, messagePieces(5, withElements(tensor, elements)));
  }
  const pieces = model.graph.records.flatMap((record) =>
    record.field === 5 ? (embedded.get(record.payload) ?? [record.raw]) : [record.raw],
  );
  return readModel(writeModelWithGraph(model, pieces), model.name);
}

/** Records of the tensor with raw_data in place of external_data (13) and data_location (14). */
function withElements(tensor: TensorInfo, elements: Uint8Array): Uint8Array[] {
  const kept = [...records(tensor.bytes)].filter(({ field }) => ![9, 13, 14].includes(field));
  return [...kept.map((record) => record.raw), ...messagePieces(9, [elements])];
}

async function readElements(model: Model, tensor: TensorInfo, root: string): Promise<Uint8Array> {
  const location = locationOf(model, tensor);
  const path = await realpath(join(root, location)).catch(() => {
    throw refused(model, tensor, "a file in the model's folder", `no file ${location}`);
  });
  if (!path.startsWith(root.endsWith(sep) ? root : root + sep)) {
    throw refused(
      model,
      tensor,
      "in a file inside the model's folder",
      `${location}, a link that leads out`,
    );
  }
  const entries = tensor.data.at === 'external' ? tensor.data.entries : new Map<string, string>();
  const count = tensor.dims.reduce((product, dim) => product * dim, 1);
  const needed = elementBytes(tensor.elementType, count) ?? 0;
  const offset = Number(entries.get('offset') ?? 0);
  const length = Number(entries.get('length') ?? needed);
  if (length !== needed) throw refused(model, tensor, `${needed} bytes`, `${length}`);
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const whole = [offset, length].every((n) => Number.isSafeInteger(n) && n >= 0);
    if (!whole || offset + length > size) {
      throw refused(
        model,
        tensor,
        `within the ${size} bytes of ${location}`,
        `bytes ${offset} to ${offset + length}`,
      );
    }
    const bytes = new Uint8Array(length);
    await file.read(bytes, 0, length, offset);
    return bytes;
  } finally {
    await file.close();
  }
}
