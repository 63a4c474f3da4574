import { extname } from 'node:path';
import type { Recordings, RecordingsRequest } from './recordings.js';
import {
  assemblyInBlocks,
  type OpenBlocks,
  recordingsFromAssembly,
} from './recordings-from-assembly.js';
import { recordingsFromTable } from './recordings-from-table.js';

/**
 * Reads recordings. Large files are read in blocks and never are in memory whole.
 * @throws VentralError `recordings-invalid`, `stimuli-mismatch`, `netcdf-invalid`, `csv-invalid`, `file-missing`
 */
export async function readRecordings(request: RecordingsRequest): Promise<Recordings> {
  return extname(request.path).toLowerCase() === '.csv'
    ? recordingsFromTable(request)
    : recordingsFromAssembly(request);
}

/**
 * Reads recordings of one bin of time, or of bins as neuroids, some presentations at a time: `open` gets what describes all of
 * them, and gives what takes their values. A table is in memory whole.
 * @throws as {@link readRecordings}
 */
export async function readRecordingsInBlocks(
  request: RecordingsRequest,
  open: OpenBlocks,
): Promise<void> {
  if (extname(request.path).toLowerCase() !== '.csv') return assemblyInBlocks(request, open);
  const { values, ...labels } = await recordingsFromTable(request);
  (await open(labels)).take(0, values);
}
