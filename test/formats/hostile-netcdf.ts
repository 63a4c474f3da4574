import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../src/formats/package-root.js';
import { openZip, writeZip } from '../../src/formats/zip.js';

/** The HDF5 files of test/fixtures/hdf5, and what they try to read. */

/** What no answer may hold. */
export const CANARY = 'CANARY-9f1c27';

/** Length of a path in a file that stands for that of a canary. */
const PATH_LENGTH = 160;

/** Files by their names, which lead to the canaries of {@link plantCanaries} in this folder. */
export async function hostileFiles(folder: string): Promise<ReadonlyMap<string, Buffer>> {
  const zip = await openZip(join(packageRoot, 'test', 'fixtures', 'hdf5', 'hostile.zip'));
  try {
    const files = new Map<string, Buffer>();
    for (const { name } of zip.entries) {
      const bytes = await zip.read(name);
      place(bytes, '@', join(folder, 'canary.txt'));
      place(bytes, '%', join(folder, 'canary.nc'));
      files.set(name, bytes);
    }
    return files;
  } finally {
    await zip.close();
  }
}

/** Writes the path where `/@@@…` stands; more slashes before it lead to the same file. */
function place(bytes: Buffer, filler: string, path: string): void {
  const at = bytes.indexOf(`/${filler.repeat(PATH_LENGTH - 1)}`);
  if (at >= 0) bytes.write(path.padStart(PATH_LENGTH, '/'), at);
}

/** Files with a secret, under every name that the corpus tries, in a folder. */
export async function plantCanaries(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'canary.txt'), CANARY.repeat(40));
  const secret = (await hostileFiles(folder)).get('canary.nc');
  if (secret) writeFileSync(join(folder, 'canary.nc'), secret);
}

/** A benchmark archive on a recording of the corpus. */
export async function archiveOf(path: string, recordings: Uint8Array): Promise<void> {
  const yaml = [
    'identifier: hostile.{region}-pls',
    'version: 1',
    'regions: [V1]',
    'visual_degrees: 8',
    'stimuli: { csv: stimuli.csv }',
    'recordings: recordings.nc',
    'metric: { name: pls, components: 1 }',
    'cross_validation: { splits: 2, train_size: 0.5, seed: 1 }',
    'ceiling: internal-consistency',
    '',
  ].join('\n');
  const stimuli = 'stimulus_id\ns0\ns1\ns2\ns3\n';
  await writeZip(path, [
    { name: 'benchmark.yaml', data: Buffer.from(yaml), compress: true },
    { name: 'stimuli.csv', data: Buffer.from(stimuli), compress: true },
    { name: 'recordings.nc', data: Buffer.from(recordings), compress: true },
  ]);
}
