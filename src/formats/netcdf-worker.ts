import { parentPort } from 'node:worker_threads';
import { type ErrorDetails, VentralError } from '../errors/ventral-error.js';
import { hdf5Library } from './hdf5-library.js';
import type { Hyperslab, NetcdfGroup, NetcdfValues } from './netcdf-content.js';
import { NetcdfReader } from './netcdf-reader.js';

/** The thread in which one netCDF file is read: it is told which, reports the contents, then serves blocks of values. */

/** The file, as the first message names it. */
export interface WorkerFile {
  readonly path: string;
  readonly name: string;
  /** Bytes before its HDF5 content. */
  readonly hidden: number;
}

/** A block of a variable that is asked for. */
export interface WorkerRequest {
  readonly path: string;
  readonly slab: Hyperslab;
}

/** The content of the file, or the values asked for, or why there are none. */
export interface WorkerAnswer {
  readonly root?: NetcdfGroup;
  readonly values?: NetcdfValues;
  readonly error?: { readonly message: string; readonly details: ErrorDetails };
}

function failure(thrown: unknown): WorkerAnswer {
  const { message, details } = VentralError.from(thrown);
  const { file, field, expected, found } = details;
  return { error: { message, details: { file, field, expected, found } as ErrorDetails } };
}

async function serve({ path, name, hidden }: WorkerFile): Promise<void> {
  try {
    const reader = await NetcdfReader.open(path, name, hidden);
    parentPort?.on('message', ({ path: variable, slab }: WorkerRequest) => {
      try {
        const values = reader.read(variable, slab);
        const moved = 'buffer' in values ? [values.buffer as ArrayBuffer] : [];
        parentPort?.postMessage({ values } satisfies WorkerAnswer, moved);
      } catch (thrown) {
        parentPort?.postMessage(failure(thrown));
      }
    });
    parentPort?.postMessage({ root: reader.root } satisfies WorkerAnswer);
  } catch (thrown) {
    parentPort?.postMessage(failure(thrown));
  }
}

parentPort?.once('message', serve);
// Most of what a small file takes; a failure is told once there is a file.
hdf5Library().catch(() => {});
