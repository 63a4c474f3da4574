import { parentPort, workerData } from 'node:worker_threads';
import { type ErrorDetails, VentralError } from '../errors/ventral-error.js';
import type { Hyperslab, NetcdfGroup, NetcdfValues } from './netcdf-content.js';
import { NetcdfReader } from './netcdf-reader.js';

/** The thread in which one netCDF file is read: it reports the contents, then serves blocks of values. */

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

const { path, name, hidden } = workerData as { path: string; name: string; hidden: number };

function failure(thrown: unknown): WorkerAnswer {
  const { message, details } = VentralError.from(thrown);
  const { file, field, expected, found } = details;
  return { error: { message, details: { file, field, expected, found } as ErrorDetails } };
}

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
