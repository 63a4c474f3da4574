import { Readable } from 'node:stream';
import { quotedList } from '../errors/quoted.js';
import { VentralError } from '../errors/ventral-error.js';
import { type NpyArray, npyHeader, readNpy, writeNpy } from './npy.js';
import { openZip, writeZip, type ZipContent } from './zip.js';

/** NumPy's archives: a ZIP of npy files, as np.savez and np.savez_compressed write them. */

/** An open npz file; arrays are read on request. */
export interface NpzFile {
  /** Names of the arrays, in archive order, without `.npy`. */
  readonly names: readonly string[];
  /**
   * One array.
   * @throws VentralError `npy-invalid`, `zip-invalid`
   */
  read(name: string): Promise<NpyArray>;
  close(): Promise<void>;
}

/**
 * Opens an npz file.
 * @throws VentralError `file-missing`, `npy-invalid` for an archive without arrays, and as openZip does
 */
export async function openNpz(path: string, name: string = path): Promise<NpzFile> {
  const zip = await openZip(path, name);
  const names = zip.entries
    .filter((entry) => entry.name.endsWith('.npy'))
    .map((entry) => entry.name.slice(0, -'.npy'.length));
  if (names.length === 0) {
    await zip.close();
    throw new VentralError('npy-invalid', `${name} has no arrays: npy files expected in it`, {
      file: name,
      expected: 'npy files',
      found: 'none',
    });
  }
  return {
    names,
    async read(array) {
      if (!names.includes(array)) {
        throw new VentralError(
          'npy-invalid',
          `${name} has no array ${array}; it has ${quotedList(names)}`,
          {
            file: name,
            field: array,
            expected: array,
            found: quotedList(names),
          },
        );
      }
      return readNpy(await zip.read(`${array}.npy`), `${name}, array ${array}`);
    },
    close: () => zip.close(),
  };
}

/** An array for {@link writeNpz}: whole, or row blocks of numbers that together make `shape`. */
export type NpzContent =
  | { readonly name: string; readonly array: NpyArray }
  | {
      readonly name: string;
      readonly dtype: 'float32' | 'float64';
      readonly shape: readonly number[];
      readonly rows: () => AsyncIterable<Float32Array | Float64Array>;
    };

/** Writes an npz file (stored, as np.savez), whole or not at all; row blocks never are in memory together. */
export async function writeNpz(path: string, arrays: Iterable<NpzContent>): Promise<void> {
  await writeZip(path, Array.from(arrays, entryOf));
}

function entryOf(content: NpzContent): ZipContent {
  const name = `${content.name}.npy`;
  if ('array' in content) return { name, compress: false, data: writeNpy(content.array) };
  const { dtype, shape, rows } = content;
  async function* bytes() {
    yield npyHeader(dtype === 'float32' ? 'f4' : 'f8', shape);
    for await (const block of rows()) {
      yield Buffer.from(block.buffer, block.byteOffset, block.byteLength);
    }
  }
  return { name, compress: false, data: () => Readable.from(bytes(), { objectMode: false }) };
}
