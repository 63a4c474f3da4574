import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(
  process.env.VENTRAL_SHARED ?? join(import.meta.dirname, '..', '..', '..', 'shared'),
  'data',
);

/** Folder of real data made by others, or undefined if it is not available (none of it belongs to the project). */
export function sharedData(name: string): string | undefined {
  const folder = join(root, name);
  if (existsSync(folder)) return folder;
  process.stderr.write(
    `${name} is not at hand (VENTRAL_SHARED says where); its tests are skipped\n`,
  );
  return undefined;
}
