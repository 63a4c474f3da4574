import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type * as h5wasm from 'h5wasm';
import { VentralError } from '../errors/ventral-error.js';
import { type EmscriptenFs, ONLY_FILE, type OnlyFile, showOnlyFile } from './one-file.js';

/**
 * The HDF5 library (h5wasm: the C library as WebAssembly), set so that its errors are thrown.
 * It is the build for browsers, which knows no file of this machine: it sees the one that
 * {@link openOnlyFile} gives it. After an error its state cannot be trusted, so that the next file
 * gets a fresh instance.
 */
export type Hdf5Library = typeof h5wasm;

let current: Promise<Hdf5Library> | undefined;
let instances = 0;

/** The library, loaded at first use; a fresh instance after {@link discardHdf5Library}. */
export function hdf5Library(): Promise<Hdf5Library> {
  current ??= load();
  return current;
}

/** Marks the loaded instance as unusable. */
export function discardHdf5Library(): void {
  current = undefined;
}

async function load(): Promise<Hdf5Library> {
  // A query makes Node evaluate the module again, which is the only way to a new instance.
  const instance = instances++;
  const library: Hdf5Library =
    instance === 0
      ? await import('h5wasm')
      : await import(`${import.meta.resolve('h5wasm')}?instance=${instance}`);
  const module = await library.ready;
  module.activate_throwing_error_handler();
  for (let left = module.get_plugin_search_paths().length; left > 0; left--) {
    module.remove_plugin_search_path(0);
  }
  return library;
}

/**
 * Opens an HDF5 file in a library that sees nothing but this descriptor; the caller closes the file first,
 * then the descriptor.
 * @throws what the library throws
 */
export function openOnlyFile(
  library: Hdf5Library,
  descriptor: number,
  access: 'read' | 'write',
  hidden = 0,
): { readonly file: h5wasm.File; readonly disk: OnlyFile } {
  const disk = showOnlyFile(library.FS as unknown as EmscriptenFs, descriptor, access, hidden);
  const file =
    access === 'read'
      ? new library.File(ONLY_FILE, 'r')
      : new library.File(ONLY_FILE, 'w', { track_order: true });
  return { file, disk };
}

const signature = '\x89HDF\r\n\x1a\n';

/** Bytes before the HDF5 content of a MAT-file of version 7.3: its header and padding. */
const MATLAB_BLOCK = 512;

/**
 * Refuses what is plainly no HDF5 file, or one that is cut short, before the library sees it:
 * the signature and the end address of the superblock (HDF5 format specification, level 0A).
 * @returns bytes before the HDF5 content: those of MATLAB's header in a MAT-file of version 7.3, else 0
 * @throws VentralError `netcdf-invalid`, `file-missing`
 */
export function checkHdf5Start(path: string, name: string): number {
  const refuse = (found: string): never => {
    throw new VentralError('netcdf-invalid', `${name} is not a readable netCDF-4 file: ${found}`, {
      file: name,
      expected: 'an HDF5 file',
      found,
    });
  };
  const whole = readStart(path);
  const hidden = whole.start.toString('latin1', 0, 10) === 'MATLAB 7.3' ? MATLAB_BLOCK : 0;
  const start = whole.start.subarray(hidden);
  const size = whole.size - hidden;
  if (start.toString('latin1', 0, 3) === 'CDF') refuse('it is netCDF-3');
  if (start.toString('latin1', 0, 8) !== signature) refuse('the HDF5 signature is missing');
  const version = start[8];
  const old = version < 2;
  const width = start[old ? 13 : 9];
  // Old superblocks: 24 or 28 bytes of fields before base, free space and end address; new: 12 before base, extension, end.
  const first = old ? (version === 1 ? 28 : 24) : 12;
  if (version > 3 || width !== 8 || start.length < first + 24) return hidden;
  // MATLAB counts its header: the content starts at that base, and ends at an address of the whole file.
  const base = start.readBigUInt64LE(first) === BigInt(hidden) ? 0n : start.readBigUInt64LE(first);
  const end = base + start.readBigUInt64LE(first + 16) - BigInt(hidden);
  if (end > BigInt(size)) refuse(`it is cut short: ${size} of ${end} bytes`);
  return hidden;
}

function readStart(path: string): { start: Buffer; size: number } {
  try {
    const file = openSync(path, 'r');
    try {
      const start = Buffer.alloc(MATLAB_BLOCK + 64);
      return {
        start: start.subarray(0, readSync(file, start, 0, start.length, 0)),
        size: fstatSync(file).size,
      };
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw VentralError.from(error);
  }
}
