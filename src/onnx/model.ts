import { VentralError } from '../errors/ventral-error.js';
import {
  type Graph,
  type GraphNode,
  type ReadState,
  readEntry,
  readGraph,
  readNode,
  startReading,
} from './graph.js';
import { checkSchema } from './schema.js';
import {
  concatenate,
  messagePieces,
  ReadBudget,
  records,
  text,
  WireError,
  type WireRecord,
} from './wire.js';

/**
 * An ONNX file in memory: decoded as far as ventral reads it, all bytes kept as views on the file's
 * (a model of 500 MB is not copied to be read). Source: onnx.proto3 of ONNX 1.20, IR version 3 on.
 */

/** A function of the model's own that nodes may call like an operator. */
export interface ModelFunction {
  readonly name: string;
  readonly domain: string;
  /** Tells functions of one name apart; mostly empty. */
  readonly overload: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly nodes: readonly GraphNode[];
}

/** A decoded ModelProto. */
export interface Model {
  /** The file's name, for sentences. */
  readonly name: string;
  readonly irVersion: number;
  readonly producer: string;
  /** Version of each operator domain; the standard domain is `''`. */
  readonly opsets: ReadonlyMap<string, number>;
  readonly graph: Graph;
  readonly functions: readonly ModelFunction[];
  readonly metadata: ReadonlyMap<string, string>;
  readonly records: readonly WireRecord[];
  /** Values that depend on random numbers, where every node that draws them has a seed. */
  readonly seeded?: ReadonlySet<string>;
  /** Set where the graph is the part of a larger one that depends on the image alone. */
  readonly imagePart?: {
    readonly whole: Model;
    /** Inputs that a value of the whole needs beside the image; values that need none are missing. */
    readonly needs: ReadonlyMap<string, readonly string[]>;
  };
}

/** Wire type of every field that ModelProto has. */
const FIELDS: Record<number, number> = {
  1: 0,
  2: 2,
  3: 2,
  4: 2,
  5: 0,
  6: 2,
  7: 2,
  8: 2,
  14: 2,
  20: 2,
  25: 2,
  26: 2,
};

/** How files start that people mistake for ONNX. */
const MAGIC: [string, string][] = [
  ['PK\x03\x04', 'a ZIP archive (a PyTorch checkpoint, or a package?)'],
  ['\xff\xd8\xff', 'a JPEG image'],
  ['\x89PNG', 'a PNG image'],
  ['\x89HDF', 'an HDF5 file (Keras?)'],
  ['version https://git-lfs', 'a Git LFS pointer, not the file itself'],
  ['\x80\x02', 'a Python pickle'],
  ['%PDF', 'a PDF'],
];

/**
 * Reads an ONNX file. `name` is what the user calls it.
 * @throws VentralError `not-onnx` (other bytes, or none), `onnx-truncated` (an ONNX file that ends too early) or
 *   `onnx-invalid` (damaged inside, or what another reader could take for something else)
 */
export function readModel(bytes: Uint8Array, name: string): Model {
  if (bytes.length === 0) throw notOnnx(name, 'nothing: the file is empty');
  const found = topLevel(bytes, name);
  const graphs = found.filter((record) => record.field === 7);
  if (graphs.length === 0) throw truncated(name, bytes, 'it ends before the graph');
  const opsets = opsetsOf(found, name);
  if (opsets.size === 0) {
    throw truncated(name, bytes, 'it ends before its operator set');
  }
  const state = startReading();
  try {
    checkSchema(bytes, new ReadBudget());
    const graph = readGraph(graphs[0].payload, state);
    return {
      name,
      irVersion: found.find((record) => record.field === 1)?.value ?? 0,
      producer: textOf(found, 2),
      opsets,
      graph,
      functions: found.filter((record) => record.field === 25).map((r) => readFunction(r, state)),
      metadata: new Map(
        found.filter((r) => r.field === 14).map((r) => readEntry(r.payload, state)),
      ),
      records: found,
    };
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    const words = {
      many: 'has too many parts for a network',
      deep: 'nests subgraphs too deep',
      cut: 'is damaged inside its graph',
      malformed: 'is damaged inside its graph',
      unknown: `has a field ${error.field} that ONNX does not know`,
      type: `has a field ${error.field} of another type than in ONNX`,
      repeated: `has field ${error.field} twice; ONNX allows it once`,
      range: `has a value out of its range in field ${error.field}`,
    };
    throw new VentralError('onnx-invalid', `${name} ${words[error.kind]}`, {
      file: name,
      field: 'graph',
      found: error.message,
      cause: error,
    });
  }
}

const textOf = (found: readonly WireRecord[], field: number) => {
  const record = found.find((r) => r.field === field);
  return record === undefined ? '' : text(record);
};

function notOnnx(name: string, found: string): VentralError {
  return new VentralError('not-onnx', `${name} is not an ONNX model: found ${found}`, {
    file: name,
    expected: 'an ONNX model',
    found,
  });
}

function truncated(name: string, bytes: Uint8Array, why: string): VentralError {
  return new VentralError(
    'onnx-truncated',
    `${name} is cut short: after ${bytes.length} bytes ${why}`,
    { file: name, expected: 'a whole ONNX model', found: `${bytes.length} bytes; ${why}` },
  );
}

/**
 * The records of the model. Bytes count as an ONNX file that was cut once they started like one: an
 * IR version, and nothing but fields that a model has.
 */
function topLevel(bytes: Uint8Array, name: string): WireRecord[] {
  const found: WireRecord[] = [];
  try {
    for (const record of records(bytes)) {
      if (FIELDS[record.field] !== undefined && FIELDS[record.field] !== record.wire) {
        throw new WireError('malformed', 0, record.field);
      }
      found.push(record);
      if (!isOnnx(found)) throw new WireError('malformed', 0, record.field);
    }
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    const cut = error.kind === 'cut' && (error.field === 0 || FIELDS[error.field] !== undefined);
    if (found.length > 0 && cut && hasIrVersion(found)) {
      throw truncated(name, bytes, 'unexpected end of data');
    }
    throw notOnnx(name, describeBytes(bytes));
  }
  if (!hasIrVersion(found)) throw notOnnx(name, describeBytes(bytes));
  return found;
}

const hasIrVersion = (found: readonly WireRecord[]) =>
  found.some((record) => record.field === 1 && record.value >= 1 && record.value < 1000);

/** Producer names are short and printable: TensorFlow's SavedModel, which starts alike, has a graph there. */
function isOnnx(found: readonly WireRecord[]): boolean {
  const last = found[found.length - 1];
  if (found.length === 1 && FIELDS[last.field] === undefined) return false;
  if (last.field === 1) return last.value >= 1 && last.value < 1000;
  if (last.field !== 2 && last.field !== 3) return true;
  return last.payload.length < 4096 && last.payload.every((byte) => byte >= 0x20);
}

function describeBytes(bytes: Uint8Array): string {
  const head = String.fromCharCode(...bytes.subarray(0, 24));
  const known = MAGIC.find(([magic]) => head.startsWith(magic));
  if (known !== undefined) return known[1];
  const hex = [...bytes.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
  return `${bytes.length} bytes that start with ${hex}`;
}

function opsetsOf(found: readonly WireRecord[], name: string): Map<string, number> {
  const opsets = new Map<string, number>();
  try {
    for (const record of found.filter((r) => r.field === 8)) {
      let domain = '';
      let version = 0;
      for (const part of records(record.payload)) {
        if (part.field === 1 && part.wire === 2) domain = text(part);
        else if (part.field === 2 && part.wire === 0) version = part.value;
      }
      opsets.set(domain === 'ai.onnx' ? '' : domain, version);
    }
  } catch {
    throw new VentralError('onnx-invalid', `${name} has a damaged opset_import`, {
      file: name,
      field: 'opset_import',
    });
  }
  return opsets;
}

function readFunction(record: WireRecord, state: ReadState): ModelFunction {
  const found = { name: '', domain: '', overload: '' };
  const inputs: string[] = [];
  const outputs: string[] = [];
  const nodes: GraphNode[] = [];
  for (const part of state.budget.records(record.payload)) {
    if (part.wire !== 2) continue;
    if (part.field === 1) found.name = text(part);
    else if (part.field === 4) inputs.push(text(part));
    else if (part.field === 5) outputs.push(text(part));
    else if (part.field === 7) nodes.push(readNode(part, state));
    else if (part.field === 10) found.domain = text(part);
    else if (part.field === 13) found.overload = text(part);
  }
  return { ...found, inputs, outputs, nodes };
}

/** Bytes of the model, as it was read, unknown fields included. */
export function writeModel(model: Model): Uint8Array {
  return concatenate(model.records.map((record) => record.raw));
}

/**
 * Bytes of the model with other records in its graph (`raw` of each is written). Everything outside
 * the graph is kept.
 */
export function writeModelWithGraph(model: Model, graph: readonly Uint8Array[]): Uint8Array {
  return concatenate(modelPieces(model, graph));
}

/** The bytes of {@link writeModelWithGraph} in pieces, which are not copied. */
export function modelPieces(model: Model, graph: readonly Uint8Array[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let written = false;
  for (const record of model.records) {
    if (record.field !== 7) pieces.push(record.raw);
    // One by one: a graph may have more pieces than a call takes arguments.
    else if (!written) for (const piece of messagePieces(7, graph)) pieces.push(piece);
    written ||= record.field === 7;
  }
  return pieces;
}
