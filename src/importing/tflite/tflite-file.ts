import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { VentralError } from '../../errors/ventral-error.js';
import { invalidPart, valueText } from '../keras/refusals.js';
import { readExactly } from '../source/read-exactly.js';
import { FlatBytes, FlatTable } from './flat-table.js';
import { operatorNames } from './operator-names.js';

/**
 * A TensorFlow Lite file, read and checked (tensorflow/lite/schema/schema.fbs; the numbers of fields are
 * their places there).
 */

const MOST_BYTES = 2 ** 30;
const MOST_TENSORS = 50_000;
const MOST_OPERANDS = 1_000;
const MOST_AXES = 8;
const LONGEST_NAME = 512;

const elementTypes = [
  ...['float32', 'float16', 'int32', 'uint8', 'int64', 'string', 'bool', 'int16', 'complex64'],
  ...['int8', 'float64'],
] as const;

/** Type of the elements of a tensor. */
export type TfliteType = (typeof elementTypes)[number];

/** value = scale × (q − zeroPoint), for the whole tensor or along an axis. */
export interface TensorSteps {
  readonly scales: readonly number[];
  readonly zeroPoints: readonly number[];
  readonly axis: number;
}

/** A tensor of the network: a value that is computed, or a constant. */
export interface TfliteTensor {
  /** Its name in the file, made unique. */
  readonly name: string;
  readonly type: TfliteType;
  /** The batch first for values. */
  readonly shape: readonly number[];
  readonly quantization?: TensorSteps;
  /** Bytes of a constant, little-endian and row-major. */
  readonly data?: Uint8Array;
}

/** One operator; a missing optional input is undefined. */
export interface TfliteOperator {
  /** Such as `CONV_2D`. */
  readonly name: string;
  readonly inputs: readonly (number | undefined)[];
  readonly outputs: readonly number[];
  readonly options?: FlatTable;
  /** Which table `options` is (the union BuiltinOptions); 0 for none. */
  readonly optionsType: number;
}

/** The network of a file. */
export interface TfliteNetwork {
  readonly file: string;
  readonly tensors: readonly TfliteTensor[];
  /** In the order in which they are computed. */
  readonly operators: readonly TfliteOperator[];
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
}

/**
 * Reads a TensorFlow Lite file.
 * @throws VentralError `checkpoint-invalid`, `import-unsupported`, `file-missing`
 */
export async function readTflite(path: string): Promise<TfliteNetwork> {
  const file = basename(path);
  const handle = await open(path, constants.O_RDONLY).catch((error) => {
    throw VentralError.from(error);
  });
  try {
    const { size } = await handle.stat();
    if (size > MOST_BYTES)
      throw invalidPart(file, 'the file', `at most ${MOST_BYTES} bytes`, `${size}`);
    return parseTflite(file, await readExactly(handle, 0, size, { file }));
  } finally {
    await handle.close();
  }
}

/** The network of a file's bytes. */
export function parseTflite(file: string, bytes: Uint8Array): TfliteNetwork {
  const model = FlatTable.root(new FlatBytes(file, bytes), 'the model');
  if (model.uint32(0) !== 3) throw invalidPart(file, 'version', '3', model.uint32(0));
  const [graph, second] = model.tables(2, MOST_TENSORS, 'subgraph');
  if (graph === undefined) throw invalidPart(file, 'subgraphs', 'a network', 'none');
  if (second !== undefined) {
    throw new VentralError(
      'import-unsupported',
      `${file} has several subgraphs: networks with branches or loops of control are not imported`,
      { file, field: 'subgraphs', expected: 'one', found: 'several' },
    );
  }
  const buffers = model.tables(4, MOST_TENSORS, 'buffer');
  const tensors = readTensors(file, graph, buffers);
  const index = (at: number, what: string): number => {
    if (at >= 0 && at < tensors.length) return at;
    throw invalidPart(file, what, `a tensor below ${tensors.length}`, at);
  };
  const indices = (table: FlatTable, field: number) =>
    table.int32s(field, MOST_OPERANDS).map((at) => index(at, table.what));
  const names = model.tables(1, MOST_TENSORS, 'operator code').map(nameOf);
  const operators = graph.tables(3, MOST_TENSORS, 'operator').map((table) => {
    const name = names[table.uint32(0)];
    if (name === undefined)
      throw invalidPart(file, table.what, `a code below ${names.length}`, table.uint32(0));
    const options = table.table(4, `options of ${table.what}`);
    return {
      name,
      inputs: table
        .int32s(1, MOST_OPERANDS)
        .map((at) => (at === -1 ? undefined : index(at, table.what))),
      outputs: indices(table, 2),
      optionsType: table.uint8(3),
      ...(options && { options }),
    };
  });
  return { file, tensors, operators, inputs: indices(graph, 1), outputs: indices(graph, 2) };
}

/** Codes above 127 came later, in a field of their own. */
function nameOf(table: FlatTable): string {
  const code = Math.max(table.int8(0), table.int32(3));
  if (code === 32) return `custom ${valueText(table.text(1))}`;
  return operatorNames[code] ?? `operator ${code}`;
}

function readTensors(
  file: string,
  graph: FlatTable,
  buffers: readonly FlatTable[],
): TfliteTensor[] {
  const taken = new Set<string>();
  return graph.tables(0, MOST_TENSORS, 'tensor').map((table, i) => {
    const shape = table.int32s(0, MOST_AXES);
    if (shape.some((size) => size < 0)) throw invalidPart(file, table.what, 'sizes', shape);
    const type = elementTypes[table.int8(1)];
    if (type === undefined) throw invalidPart(file, table.what, 'a known type', table.int8(1));
    if (table.int32s(7, MOST_AXES).some((size, axis) => axis > 0 && size === -1)) {
      throw new VentralError(
        'import-unsupported',
        `${file}: ${table.what} has a size that is left open; convert the network with a fixed image size`,
        { file, field: table.what, expected: 'fixed sizes', found: 'an open one' },
      );
    }
    const buffer = buffers[table.uint32(2)];
    if (buffer === undefined)
      throw invalidPart(file, table.what, `a buffer below ${buffers.length}`, table.uint32(2));
    if (table.table(6, `sparsity of ${table.what}`) !== undefined)
      throw invalidPart(file, table.what, 'all elements', 'a sparse tensor');
    const data = dataOf(file, buffer);
    const quantization = quantizationOf(file, table, shape);
    return {
      name: uniqueName(table.text(3), i, taken),
      type,
      shape,
      ...(quantization && { quantization }),
      ...(data.length > 0 && { data }),
    };
  });
}

/** Files above 2 GB keep their buffers behind the tables. */
function dataOf(file: string, buffer: FlatTable): Uint8Array {
  if (buffer.uint64(1) > 1)
    throw invalidPart(file, buffer.what, 'bytes inside the tables', 'an offset behind them');
  return buffer.bytes(0);
}

function uniqueName(text: string, index: number, taken: Set<string>): string {
  // The converter joins the names of everything that it fused; the first is the result's.
  const [first] = text.split(';');
  const wanted = first === '' || first.length > LONGEST_NAME ? `tensor_${index}` : first;
  let name = wanted;
  for (let count = 1; taken.has(name); count++) name = `${wanted}_${count}`;
  taken.add(name);
  return name;
}

function quantizationOf(
  file: string,
  tensor: FlatTable,
  shape: readonly number[],
): TensorSteps | undefined {
  const table = tensor.table(4, `quantization of ${tensor.what}`);
  if (table === undefined) return undefined;
  const scales = table.float32s(2, MOST_BYTES);
  if (scales.length === 0) return undefined;
  const given = table.int64s(3, MOST_BYTES);
  const zeroPoints = scales.map((_, i) => given[i] ?? given[0] ?? 0);
  const axis = table.int32(6);
  const fits =
    scales.every((scale) => Number.isFinite(scale) && scale > 0) &&
    zeroPoints.every((point) => Math.abs(point) <= 2 ** 31) &&
    (scales.length === 1 || scales.length === shape[axis]);
  if (table.uint8(4) === 0 && fits) return { scales, zeroPoints, axis };
  throw invalidPart(file, table.what, 'a scale above 0, or one for each channel', scales);
}
