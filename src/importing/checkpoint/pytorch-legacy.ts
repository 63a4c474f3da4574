import { type FileHandle, open } from 'node:fs/promises';
import { readPickle } from '../pickle/pickle.js';
import { fileSource, PickleBytes } from '../pickle/pickle-bytes.js';
import {
  describeValue,
  PickleDict,
  type PickleValue,
  type StorageReference,
} from '../pickle/pickle-values.js';
import type { Checkpoint } from '../source/checkpoint.js';
import { type CheckpointPlace, refuseCheckpoint, shortened } from '../source/checkpoint-fault.js';
import { readExactly } from '../source/read-exactly.js';
import { storageOf } from '../tensor/storage-id.js';
import { dtypeBytes, type StorageBytes } from '../tensor/stored-tensor.js';
import { findStateDict, type WhichStateDict } from './find-state-dict.js';
import { findGlobal } from './pickle-globals.js';
import { storedTensors } from './stored-state-dict.js';

/**
 * Checkpoints that `torch.save` wrote before PyTorch 1.6: five pickles (magic number, version, system, content,
 * keys of the storages), then the storages in that order, each a count of elements and the elements.
 */

const magicNumber = 0x1950a86a20f9469cfc6cn;
const version = 1001;
/** Bytes of all pickles together, which hold no numbers themselves. */
const mostPickle = 64 * 2 ** 20;

/** Opens such a file; see `openCheckpoint`. */
export async function openPytorchLegacy(file: string, which: WhichStateDict): Promise<Checkpoint> {
  const handle = await open(file);
  try {
    const { size } = await handle.stat();
    const pickles = readPickles(handle, size, file);
    const { tensors, ...found } = findStateDict(pickles.content, { file }, which);
    const stretches = locateStorages(handle, size, file, pickles);
    const bytesOf = ({ key, byteOffset, byteLength }: StorageReference): StorageBytes => {
      const place = { file, field: `storage ${shortened(key)}` };
      const stretch = stretches.get(key) ?? refuseCheckpoint(place, 'its bytes', 'none');
      const length = Math.min(stretch.length, byteOffset + byteLength);
      const read = (from: number, to: number) =>
        readExactly(handle, stretch.at + from, to - from, place);
      return { length, bigEndian: false, read };
    };
    return {
      file,
      format: 'pytorch-legacy',
      ...found,
      tensors: storedTensors(tensors, file, bytesOf),
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** The header before the numbers. */
interface Pickles {
  readonly content: PickleValue;
  /** Keys of the storages, in the order of the file. */
  readonly keys: PickleValue;
  /** Bytes of an element, by key. */
  readonly widths: ReadonlyMap<string, number>;
  /** Where the storages start. */
  readonly end: number;
}

function readPickles({ fd }: FileHandle, size: number, file: string): Pickles {
  const widths = new Map<string, number>();
  const bytes = new PickleBytes(
    fileSource(fd, size, file),
    file,
    '',
    0,
    Math.min(size, mostPickle),
  );
  const next = () =>
    readPickle(bytes, {
      find: (module, name, place) => findGlobal(file, module, name, place),
      persistent: (id, field) => knownStorage(id, { file, field }, widths),
    });
  expectValue(next(), magicNumber, file, 'the magic number');
  expectValue(next(), version, file, 'the version of the format');
  const system = next();
  if (system instanceof PickleDict && system.get('little_endian') === false) {
    refuseCheckpoint({ file }, 'numbers of a little-endian machine', 'those of a big-endian one');
  }
  return { content: next(), keys: next(), widths, end: bytes.at };
}

function expectValue(value: PickleValue, expected: PickleValue, file: string, field: string): void {
  if (value !== expected) refuseCheckpoint({ file, field }, String(expected), describeValue(value));
}

/** A storage by its persistent id; one key has one type. */
function knownStorage(
  id: PickleValue,
  place: CheckpointPlace,
  widths: Map<string, number>,
): StorageReference {
  const storage = storageOf(id, place);
  const width = storage.dtype === 'bytes' ? 1 : dtypeBytes(storage.dtype);
  if ((widths.get(storage.key) ?? width) !== width) {
    refuseCheckpoint(place, 'one type for each storage', `two for ${shortened(storage.key)}`);
  }
  widths.set(storage.key, width);
  return storage;
}

interface Stretch {
  readonly at: number;
  readonly length: number;
}

/** Walks over the storages, of which each says its count of elements in eight bytes. */
function locateStorages(
  { fd }: FileHandle,
  size: number,
  file: string,
  { keys, widths, end }: Pickles,
): Map<string, Stretch> {
  if (!Array.isArray(keys)) {
    refuseCheckpoint({ file, field: 'the keys of the storages' }, 'a list', describeValue(keys));
  }
  const source = fileSource(fd, size, file);
  const stretches = new Map<string, Stretch>();
  let at = end;
  for (const named of keys) {
    const key = typeof named === 'object' ? '' : String(named);
    const place = { file, field: `storage ${shortened(key)}` };
    const width = widths.get(key) ?? refuseCheckpoint(place, 'a tensor that uses it', 'none');
    if (stretches.has(key)) refuseCheckpoint(place, 'it once', 'it twice');
    if (at + 8 > size) refuseCheckpoint(place, 'its length', 'the end of the file');
    const length = Number(source.read(at, 8).readBigUInt64LE()) * width;
    if (length > size - at - 8) {
      refuseCheckpoint(place, `${length} bytes`, `${size - at - 8} before the end of the file`);
    }
    stretches.set(key, { at: at + 8, length });
    at += 8 + length;
  }
  return stretches;
}
