import { VentralError } from '../../errors/ventral-error.js';
import { openZip, type ZipArchive, type ZipEntry } from '../../formats/zip.js';
import { readPickle } from '../pickle/pickle.js';
import { bufferSource, PickleBytes } from '../pickle/pickle-bytes.js';
import type { PickleValue, StorageReference } from '../pickle/pickle-values.js';
import type { Checkpoint } from '../source/checkpoint.js';
import { type CheckpointPlace, refuseCheckpoint } from '../source/checkpoint-fault.js';
import { storageOf } from '../tensor/storage-id.js';
import type { StorageBytes } from '../tensor/stored-tensor.js';
import { findStateDict, type WhichStateDict } from './find-state-dict.js';
import { findGlobal } from './pickle-globals.js';
import { storedTensors } from './stored-state-dict.js';

/**
 * Checkpoints that `torch.save` of PyTorch 1.6 and later writes: a ZIP archive with the pickle `NAME/data.pkl`, and
 * one stored entry `NAME/data/KEY` for each storage.
 */

/** Bytes of a pickle, which mostly holds no numbers itself: a large network's has 100 kB. */
const mostPickle = 64 * 2 ** 20;
/** Bytes of a storage that was deflated, against PyTorch's custom, by somebody who packed the archive again. */
const mostDeflated = 64 * 2 ** 20;

/** Opens such a file; see `openCheckpoint`. */
export async function openPytorchZip(file: string, which: WhichStateDict): Promise<Checkpoint> {
  const zip = await openZip(file);
  try {
    const root = rootFolder(zip, file);
    const pickle = await readPickleEntry(zip, `${root}/data.pkl`, file);
    const { tensors, ...found } = findStateDict(pickle, { file }, which);
    const storages = new Storages(zip, root, file, await isBigEndian(zip, root, file));
    return {
      file,
      format: 'pytorch',
      ...found,
      tensors: storedTensors(tensors, file, (reference) => storages.bytes(reference)),
      close: () => zip.close(),
    };
  } catch (error) {
    await zip.close();
    throw error;
  }
}

function rootFolder({ entries }: ZipArchive, file: string): string {
  const names = entries.map(({ name }) => name);
  if (names.some((name) => /^[^/]+\/constants\.pkl$/.test(name))) {
    throw new VentralError(
      'checkpoint-invalid',
      `${file} is a TorchScript archive, which is a program; save the weights of its module: torch.save(torch.jit.load(path).state_dict(), other)`,
      { file, expected: 'a state dict', found: 'a TorchScript archive' },
    );
  }
  const roots = names.flatMap((name) => /^([^/]+)\/data\.pkl$/.exec(name)?.[1] ?? []);
  if (roots.length !== 1) {
    const found = roots.length === 0 ? 'a ZIP archive without one' : `${roots.length} of them`;
    refuseCheckpoint({ file }, 'an entry NAME/data.pkl, as torch.save writes it', found);
  }
  return roots[0];
}

async function readPickleEntry(zip: ZipArchive, name: string, file: string): Promise<PickleValue> {
  const entry = zip.entries.find((candidate) => candidate.name === name) as ZipEntry;
  if (entry.size > mostPickle) {
    refuseCheckpoint({ file, field: name }, `at most ${mostPickle} bytes`, `${entry.size}`);
  }
  const content = await entryBytes(zip, entry);
  const bytes = new PickleBytes(bufferSource(content), file, name, 0, content.length);
  return readPickle(bytes, {
    find: (module, global, place) => findGlobal(file, module, global, place),
    persistent: (id, field) => storageOf(id, { file, field }),
  });
}

/** Content of a small entry; torch.save can be told to write no checksums, and then writes 0. */
const entryBytes = (zip: ZipArchive, { name, size, isStored, crc32 }: ZipEntry): Promise<Buffer> =>
  isStored && crc32 === 0 ? zip.readRange(name, 0, size) : zip.read(name);

async function isBigEndian(zip: ZipArchive, root: string, file: string): Promise<boolean> {
  const entry = zip.entries.find(({ name }) => name === `${root}/byteorder`);
  if (entry === undefined) return false;
  const order = entry.size > 16 ? '' : (await entryBytes(zip, entry)).toString('latin1');
  if (order !== 'little' && order !== 'big') {
    refuseCheckpoint({ file, field: entry.name }, '"little" or "big"', 'something else');
  }
  return order === 'big';
}

/** The entries `NAME/data/KEY`: checked against their checksums once, then read where they are needed. */
class Storages {
  readonly #entries: ReadonlyMap<string, ZipEntry>;
  readonly #checked = new Map<string, Promise<void>>();
  #inflated: { readonly name: string; readonly bytes: Promise<Buffer> } | undefined;

  constructor(
    readonly zip: ZipArchive,
    readonly root: string,
    readonly file: string,
    readonly bigEndian: boolean,
  ) {
    this.#entries = new Map(zip.entries.map((entry) => [entry.name, entry]));
  }

  bytes(reference: StorageReference): StorageBytes {
    const name = `${this.root}/data/${reference.key}`;
    const place = { file: this.file, field: name };
    const entry = this.#entries.get(name) ?? refuseCheckpoint(place, 'a storage', 'no entry');
    if (!entry.isStored && entry.size > mostDeflated) this.#refuseDeflated(entry, place);
    const read = async (from: number, to: number) => {
      if (!entry.isStored) return Buffer.from((await this.#inflate(name)).subarray(from, to));
      if (from === 0 && to === entry.size && entry.crc32 !== 0) return this.zip.read(name);
      await this.#check(entry);
      return this.zip.readRange(name, from, to);
    };
    const length = Math.min(entry.size, reference.byteOffset + reference.byteLength);
    return { length, bigEndian: this.bigEndian, read };
  }

  /** Content of a deflated entry; the last one is kept for the next tensor in it. */
  #inflate(name: string): Promise<Buffer> {
    if (this.#inflated?.name !== name) this.#inflated = { name, bytes: this.zip.read(name) };
    return this.#inflated.bytes;
  }

  #refuseDeflated(entry: ZipEntry, place: CheckpointPlace): never {
    const expected = `a stored entry, or one of at most ${mostDeflated} bytes`;
    return refuseCheckpoint(
      place,
      expected,
      `${entry.size} deflated bytes; save it with torch.save`,
    );
  }

  #check({ name, crc32 }: ZipEntry): Promise<void> {
    const checked = this.#checked.get(name) ?? (crc32 === 0 ? Promise.resolve() : this.#pass(name));
    this.#checked.set(name, checked);
    return checked;
  }

  async #pass(name: string): Promise<void> {
    for await (const _ of await this.zip.stream(name));
  }
}
