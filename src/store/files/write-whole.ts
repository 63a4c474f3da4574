import { randomUUID } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/**
 * Writes a small file so that a reader sees all of it or none: temporary name in the same folder,
 * fsync, rename.
 * @param mode permission bits, as the file is made with
 */
export async function writeWhole(
  path: string,
  content: string | Uint8Array,
  mode = 0o666,
): Promise<void> {
  const temporary = join(dirname(path), `.${randomUUID()}.tmp`);
  try {
    const handle = await open(temporary, 'wx', mode);
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Whether {@link writeWhole} left this name, because the process was killed. */
export const isUnfinished = (name: string): boolean => /^\.[0-9a-f-]{36}\.tmp$/.test(name);

/** Makes a rename in the folder durable. */
export const syncFolder = (folder: string): Promise<void> => syncFile(folder);

/** Brings a file, or the names in a folder, to the disk. */
export async function syncFile(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
