import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { writeAssembly } from '../../src/data/assembly.js';
import { readRecordings, readRecordingsInBlocks } from '../../src/data/read-recordings.js';
import { openStimulusSet } from '../../src/data/stimulus-set.js';

const folder = mkdtempSync(join(tmpdir(), 'ventral-empty-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('a file of more bins of time than a call takes arguments is refused in words', async () => {
  const path = join(folder, 'many.nc');
  const bins = Array.from({ length: 130_000 }, (_, i) => i);
  const along = (
    dim: string,
    dtype: 'string' | 'float64',
    values: readonly (string | number)[],
  ) => ({
    dim,
    dtype,
    values,
  });
  await writeAssembly(path, {
    dims: ['presentation', 'neuroid', 'time_bin'],
    shape: [1, 1, bins.length],
    dtype: 'float64',
    values: new Float64Array(bins.length),
    coords: new Map([
      ['stimulus_id', along('presentation', 'string', ['a'])],
      ['neuroid_id', along('neuroid', 'string', ['n'])],
      ['time_bin_start', along('time_bin', 'float64', bins)],
      [
        'time_bin_end',
        along(
          'time_bin',
          'float64',
          bins.map((bin) => bin + 1),
        ),
      ],
    ]),
    attributes: {},
  });
  const csv = join(folder, 'stimuli.csv');
  writeFileSync(csv, 'stimulus_id\na\n');
  const stimuli = await openStimulusSet({ identifier: 'made', csv });
  const outside = { path, stimuli, timeBins: [[-9, -8]] as const };
  const refusal = {
    code: 'recordings-invalid',
    message: expect.stringContaining('bins from 0 to 130000 ms found'),
  };
  await expect(readRecordings(outside)).rejects.toMatchObject(refusal);
  await expect(readRecordingsInBlocks(outside, () => ({ take() {} }))).rejects.toMatchObject(
    refusal,
  );
  await expect(readRecordings({ path, stimuli, timeStep: 200 })).rejects.toMatchObject({
    code: 'recordings-invalid',
    message: expect.stringContaining('at most 20000 time bins expected, 130000 found'),
  });
});
