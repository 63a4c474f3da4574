import { extname } from 'node:path';
import type { Recordings, RecordingsRequest } from './recordings.js';
import { recordingsFromAssembly } from './recordings-from-assembly.js';
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
