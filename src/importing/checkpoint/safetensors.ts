import { type FileHandle, open } from 'node:fs/promises';
import { VentralError } from '../../errors/ventral-error.js';
import type { Checkpoint, StoredDtype, StoredTensor } from '../source/checkpoint.js';
import { type CheckpointPlace, refuseCheckpoint, shortened } from '../source/checkpoint-fault.js';
import { readExactly } from '../source/read-exactly.js';
import { dtypeBytes, type StorageBytes, storedTensor } from '../tensor/stored-tensor.js';
import { elementCount, rowMajorStrides } from '../tensor/strides.js';

/**
 * safetensors: eight bytes of length, a JSON header, then the numbers, little-endian and without gaps. The format is
 * described in https://github.com/huggingface/safetensors (README, "Format"), whose bounds are held here.
 */

const mostHeader = 100_000_000;
/** Signs of structure in a header; ten or so for each tensor. */
const mostStructure = 2 ** 21;
const mostDims = 64;
const [QUOTE, COLON, BACKSLASH, COMMA, BRACKET, BRACE] = Buffer.from('":\\,[{');

const dtypes: Record<string, StoredDtype> = {
  F64: 'float64',
  F32: 'float32',
  F16: 'float16',
  BF16: 'bfloat16',
  I64: 'int64',
  I32: 'int32',
  I16: 'int16',
  I8: 'int8',
  U8: 'uint8',
  BOOL: 'bool',
};

/** Types of the format that are not read. */
const unread = /^(F8_\w+|F4|F6_\w+|U16|U32|U64|C64)$/;

/** Opens such a file; see `openCheckpoint`. */
export async function openSafetensors(file: string): Promise<Checkpoint> {
  const handle = await open(file);
  try {
    const { size } = await handle.stat();
    const headerBytes = await headerLength(handle, size, file);
    const place = { file, field: 'the header' };
    const text = await readExactly(handle, 8, headerBytes, place);
    const start = 8 + headerBytes;
    const entries = readHeader(text, size - start, place);
    if (entries.length === 0) refuseCheckpoint(place, 'tensors', 'none');
    checkCoverage(entries, size - start, place);
    const tensors = new Map(
      entries.map((entry) => [entry.name, tensorAt(handle, start, entry, file)] as const),
    );
    return { file, format: 'safetensors', path: '', tensors, close: () => handle.close() };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function headerLength(handle: FileHandle, size: number, file: string): Promise<number> {
  const place = { file, field: 'the length of the header' };
  const length = Number((await readExactly(handle, 0, 8, place)).readBigUInt64LE());
  const most = Math.min(mostHeader, size - 8);
  if (length > most) refuseCheckpoint(place, `at most ${most} bytes`, `${length}`);
  return length;
}

/** A tensor in the header; `begin` and `end` count bytes after the header. */
interface Entry {
  readonly name: string;
  readonly dtype: StoredDtype;
  readonly dims: readonly number[];
  readonly begin: number;
  readonly end: number;
}

function readHeader(text: Buffer, dataBytes: number, place: CheckpointPlace): Entry[] {
  let structure = 0;
  for (const sign of text) if (sign === COMMA || sign === BRACKET || sign === BRACE) structure++;
  if (structure > mostStructure) {
    refuseCheckpoint(place, `at most ${mostStructure} values`, `${structure}`);
  }
  const json = parsed(text, place);
  const entries: Entry[] = [];
  let keys = 0;
  for (const [name, value] of Object.entries(json)) {
    const fields = isObject(value)
      ? value
      : refuseCheckpoint({ ...place, field: shortened(name) }, 'an object', typeof value);
    keys += 1 + Object.keys(fields).length;
    if (name === '__metadata__') checkMetadata(fields, place);
    else entries.push(entryOf(name, fields, dataBytes, place.file));
  }
  const written = keysIn(text);
  if (written !== keys) refuseCheckpoint(place, 'each key once', `${written - keys} doubled`);
  return entries;
}

function parsed(text: Buffer, place: CheckpointPlace): Record<string, unknown> {
  let json: unknown;
  if (text[0] !== BRACE) refuseCheckpoint(place, '"{" at the start', 'another sign');
  try {
    json = JSON.parse(new TextDecoder('utf8', { fatal: true }).decode(text));
  } catch (cause) {
    const message = `${place.file}: the header is not JSON: ${shortened((cause as Error).message)}`;
    throw new VentralError('checkpoint-invalid', message, { ...place, expected: 'JSON', cause });
  }
  return isObject(json) ? json : refuseCheckpoint(place, 'a JSON object', 'other JSON');
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Keys of a valid JSON text, doubled ones too, of which `JSON.parse` keeps the last: each has a colon after it. */
function keysIn(text: Buffer): number {
  let count = 0;
  let isInside = false;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === QUOTE) isInside = !isInside;
    else if (isInside && text[i] === BACKSLASH) i++;
    else if (!isInside && text[i] === COLON) count++;
  }
  return count;
}

function checkMetadata(fields: Record<string, unknown>, place: CheckpointPlace): void {
  for (const [key, value] of Object.entries(fields)) {
    if (typeof value === 'string') continue;
    refuseCheckpoint({ ...place, field: `__metadata__ ${shortened(key)}` }, 'a text', typeof value);
  }
}

function entryOf(
  name: string,
  fields: Record<string, unknown>,
  dataBytes: number,
  file: string,
): Entry {
  const place = { file, field: shortened(name) };
  const { dtype, shape, data_offsets: offsets, ...others } = fields;
  const [other] = Object.keys(others);
  if (other !== undefined) {
    refuseCheckpoint(place, 'dtype, shape and data_offsets', `also ${shortened(other)}`);
  }
  const type = dtypeOf(dtype, place);
  const dims = wholeNumbers(shape, mostDims, 'a shape', place);
  const range = wholeNumbers(offsets, 2, 'data_offsets [begin, end]', place);
  const [begin, end] = range;
  if (range.length !== 2 || begin > end || end > dataBytes) {
    refuseCheckpoint(place, `data_offsets within ${dataBytes} bytes`, `[${range.join(', ')}]`);
  }
  const needed = elementCount(dims) * dtypeBytes(type);
  if (needed !== end - begin) {
    const said = `[${dims.join(', ')}] of ${dtype}`;
    refuseCheckpoint(place, `${needed} bytes for ${said}`, `${end - begin}`);
  }
  return { name, dtype: type, dims, begin, end };
}

function dtypeOf(dtype: unknown, place: CheckpointPlace): StoredDtype {
  const found = typeof dtype === 'string' ? shortened(dtype) : typeof dtype;
  if (typeof dtype === 'string' && Object.hasOwn(dtypes, dtype)) return dtypes[dtype];
  if (typeof dtype === 'string' && unread.test(dtype)) {
    const message = `${place.file}: the tensor ${place.field} is ${found}, which is not supported`;
    throw new VentralError('import-unsupported', message, { ...place, found });
  }
  return refuseCheckpoint(place, `a dtype (${Object.keys(dtypes).join(', ')})`, found);
}

function wholeNumbers(
  value: unknown,
  most: number,
  what: string,
  place: CheckpointPlace,
): number[] {
  const isWhole = (number: unknown) => Number.isSafeInteger(number) && (number as number) >= 0;
  if (Array.isArray(value) && value.length <= most && value.every(isWhole)) return value;
  return refuseCheckpoint(place, what, Array.isArray(value) ? 'other values' : typeof value);
}

/** @throws VentralError `checkpoint-invalid` unless the tensors fill the data end to end, without overlap or hole */
function checkCoverage(entries: readonly Entry[], dataBytes: number, place: CheckpointPlace): void {
  const ordered = [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end);
  let at = 0;
  for (const { name, begin, end } of ordered) {
    if (begin !== at) {
      const found = `${begin}, which leaves ${begin > at ? 'a hole' : 'an overlap'}`;
      refuseCheckpoint({ ...place, field: shortened(name) }, `its data to start at ${at}`, found);
    }
    at = end;
  }
  if (at !== dataBytes) {
    refuseCheckpoint(place, `${at} bytes of data, as its tensors have`, `${dataBytes}`);
  }
}

function tensorAt(handle: FileHandle, start: number, entry: Entry, file: string): StoredTensor {
  const { name, dtype, dims, begin, end } = entry;
  const place = { file, field: shortened(name) };
  const bytes: StorageBytes = {
    length: end - begin,
    bigEndian: false,
    read: (from, to) => readExactly(handle, start + begin + from, to - from, place),
  };
  return storedTensor({ dtype, dims, strides: rowMajorStrides(dims), start: 0 }, bytes, place);
}
