import { constants, type FileHandle, open, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { VentralError } from '../errors/ventral-error.js';
import { elementBytes } from './element-type.js';
import type { TensorInfo } from './graph.js';
import type { Model } from './model.js';
import { allNodes } from './operators.js';
import { concatenate, records, varintBytes } from './wire.js';

/**
 * Weights that are in files beside the model (TensorProto.external_data). Only files inside the
 * model's own folder are read: no absolute path, no `..`, no link that leads out.
 */

/** Most bytes of a packed model: a protobuf, and so the runtime, takes no more. */
export const MOST_MODEL_BYTES = 2 ** 31 - 1;

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
 * Bytes of the model with its external weights inside, so that it is self-contained. The model should have passed checkGraph,
 * which bounds its size.
 * @param folder the model's own
 * @throws VentralError `onnx-external-data` for files that are missing, too short, no plain files or outside of the
 *   folder, and for more than {@link MOST_MODEL_BYTES}
 */
export async function embedExternalData(model: Model, folder: string): Promise<Uint8Array> {
  const pieces = await packedPieces(model, folder);
  const bytes = new Uint8Array(sizeOf(pieces));
  let at = 0;
  for await (const chunk of chunksOf(pieces, model)) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

/**
 * Writes the bytes of {@link embedExternalData} to a new file, a chunk at a time.
 * @throws VentralError what {@link embedExternalData} throws
 */
export async function packExternalData(
  model: Model,
  folder: string,
  output: string,
): Promise<void> {
  const pieces = await packedPieces(model, folder);
  const file = await open(output, 'wx');
  try {
    for await (const chunk of chunksOf(pieces, model)) await file.writeFile(chunk);
  } finally {
    await file.close();
  }
}

/**
 * Checks that the external files of a model are there, and long enough for what it says of them; reads none.
 * @throws VentralError what {@link embedExternalData} throws
 */
export async function requireExternalData(model: Model, folder: string): Promise<void> {
  await packedPieces(model, folder);
}

/** Bytes of a packed model that are still in a file. */
interface Stored {
  readonly tensor: TensorInfo;
  readonly path: string;
  readonly at: number;
  readonly length: number;
}

type Piece = Uint8Array | Stored;

const sizeOf = (pieces: readonly Piece[]) => pieces.reduce((sum, { length }) => sum + length, 0);

/** A length-delimited record around `pieces`. */
const around = (field: number, pieces: readonly Piece[]): Piece[] => [
  concatenate([varintBytes(field * 8 + 2), varintBytes(sizeOf(pieces))]),
  ...pieces,
];

/** The packed model in the order of its file: what is in memory, and where the rest is. */
async function packedPieces(model: Model, folder: string): Promise<Piece[]> {
  const root = await realpath(folder);
  const files = new Map<string, Promise<FoundFile>>();
  const tensors = new Map<Uint8Array, Piece[]>();
  for (const tensor of model.graph.initializers) {
    if (tensor.data.at !== 'external') continue;
    const location = locationOf(model, tensor);
    const file = files.get(location) ?? findFile(model, tensor, location, root);
    files.set(location, file);
    const stored = storedIn(model, tensor, location, await file);
    tensors.set(tensor.bytes, around(5, withElements(tensor, stored)));
  }
  const graph: Piece[] = [];
  for (const record of model.graph.records) {
    const packed = record.field === 5 ? tensors.get(record.payload) : undefined;
    graph.push(...(packed ?? [record.raw]));
  }
  const [first] = model.records.filter(({ field }) => field === 7);
  const pieces = model.records.flatMap((record) => {
    if (record.field !== 7) return [record.raw];
    return record === first ? around(7, graph) : [];
  });
  requireSize(model, sizeOf(pieces));
  return pieces;
}

function requireSize(model: Model, bytes: number): void {
  if (bytes <= MOST_MODEL_BYTES) return;
  throw new VentralError(
    'onnx-external-data',
    `${model.name} has ${bytes} bytes with its external data, and the runtime takes a model of at most ${MOST_MODEL_BYTES}: export it in float16`,
    { file: model.name, expected: `at most ${MOST_MODEL_BYTES} bytes`, found: `${bytes}` },
  );
}

/**
 * Refuses a model whose external data alone are more than a file may have, which is no fault of its graph.
 * @throws VentralError `onnx-external-data`
 */
export function requireOneFile(model: Model): void {
  const sizes = model.graph.initializers.map((tensor) =>
    tensor.data.at === 'external' ? neededBytes(tensor) : 0,
  );
  requireSize(
    model,
    sizes.reduce((sum, size) => sum + size, 0),
  );
}

/** Bytes that the shape of a tensor says. */
const neededBytes = ({ dims, elementType }: TensorInfo): number =>
  elementBytes(
    elementType,
    dims.reduce((product, dim) => product * dim, 1),
  ) ?? 0;

/** Records of the tensor with raw_data in place of external_data (13) and data_location (14). */
function withElements(tensor: TensorInfo, elements: Stored): Piece[] {
  const kept = [...records(tensor.bytes)].filter(({ field }) => ![9, 13, 14].includes(field));
  return [...kept.map((record) => record.raw), ...around(9, [elements])];
}

interface FoundFile {
  readonly path: string;
  readonly size: number;
}

async function findFile(
  model: Model,
  tensor: TensorInfo,
  location: string,
  root: string,
): Promise<FoundFile> {
  const refuse = (found: string) => refused(model, tensor, "a file in the model's folder", found);
  const path = await realpath(join(root, location)).catch(() => {
    throw refuse(`no file ${location}`);
  });
  const blobs = hubBlobs(root);
  if (!isInside(path, root) && (blobs === undefined || !isInside(path, blobs)))
    throw refuse(`${location}, a link that leads out`);
  const found = await stat(path);
  if (!found.isFile()) throw refuse(`${location}, which is no plain file`);
  return { path, size: found.size };
}

const isInside = (path: string, folder: string) =>
  path.startsWith(folder.endsWith(sep) ? folder : folder + sep);

/**
 * The hub's own clients keep a snapshot as links: those of `models--OWNER--NAME/snapshots/COMMIT` lead to
 * `models--OWNER--NAME/blobs`.
 */
function hubBlobs(root: string): string | undefined {
  const found = /^(.*[/\\]models--[^/\\]+)[/\\]snapshots[/\\][0-9a-f]{40}(?:[/\\]|$)/.exec(root);
  return found ? join(found[1], 'blobs') : undefined;
}

function storedIn(
  model: Model,
  tensor: TensorInfo,
  location: string,
  { path, size }: FoundFile,
): Stored {
  const entries = tensor.data.at === 'external' ? tensor.data.entries : new Map<string, string>();
  const needed = neededBytes(tensor);
  const at = integer(entries.get('offset') ?? '0');
  const length = integer(entries.get('length') ?? `${needed}`);
  if (length !== needed) throw refused(model, tensor, `${needed} bytes`, `${length}`);
  const whole = [at, length].every((n) => Number.isSafeInteger(n) && n >= 0);
  if (whole && at + length <= size) return { tensor, path, at, length };
  const found = `bytes ${at} to ${at + length}`;
  throw refused(model, tensor, `within the ${size} bytes of ${location}`, found);
}

const integer = (text: string) => (/^-?\d+$/.test(text) ? Number(text) : Number.NaN);

/** Bytes that are read at a time. */
const CHUNK = 2 ** 22;

async function* chunksOf(pieces: readonly Piece[], model: Model): AsyncGenerator<Uint8Array> {
  let current: { readonly path: string; readonly file: FileHandle } | undefined;
  try {
    for (const piece of pieces) {
      if (piece instanceof Uint8Array) {
        yield piece;
        continue;
      }
      if (current?.path !== piece.path) {
        await current?.file.close();
        current = { path: piece.path, file: await openPlain(piece.path) };
      }
      yield* chunksIn(current.file, piece, model);
    }
  } finally {
    await current?.file.close();
  }
}

/** The file of a real path; one that was exchanged for a link or a pipe since is not followed or waited for. */
const openPlain = (path: string) =>
  open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);

async function* chunksIn(file: FileHandle, piece: Stored, model: Model) {
  const { tensor, at, length } = piece;
  for (let done = 0; done < length; ) {
    const chunk = new Uint8Array(Math.min(CHUNK, length - done));
    const { bytesRead } = await file.read(chunk, 0, chunk.length, at + done);
    if (bytesRead === 0)
      throw refused(model, tensor, `${length} bytes`, `${done}: the file was cut meanwhile`);
    yield chunk.subarray(0, bytesRead);
    done += bytesRead;
  }
}
