import { randomUUID } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { VentralError } from '../errors/ventral-error.js';

/** A name in the folder of `path` for what will be renamed to it once it is complete. */
export function temporaryName(path: string): string {
  return join(dirname(path), `.${basename(path)}.${randomUUID()}.tmp`);
}

/**
 * Makes the file `path` whole or not at all: `write` fills a temporary name in the same folder,
 * which is synced and renamed; on any error it is removed.
 * @throws VentralError `disk-full` and what `write` throws
 */
export async function replaceFile(
  path: string,
  write: (temporary: string) => Promise<void>,
): Promise<void> {
  const temporary = temporaryName(path);
  try {
    await write(temporary);
    const file = await open(temporary, 'r+');
    try {
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw ofPlace(error, temporary, path);
  }
}

function folderMissing(path: string, cause: unknown): VentralError {
  return new VentralError('file-missing', `${path}: the folder ${dirname(path)} does not exist`, {
    ...{ file: path, expected: 'a folder', found: 'none', cause },
  });
}

/** Names the file that was asked for in place of the temporary one. */
function ofPlace(error: unknown, temporary: string, path: string): VentralError {
  const { code, path: named } = error as { code?: unknown; path?: unknown };
  if (named !== temporary) return VentralError.from(error);
  if (code === 'ENOENT') return folderMissing(path, error);
  if (code === 'EISDIR')
    return new VentralError('bad-usage', `${path}: expected a file, found a folder`, {
      ...{ file: path, expected: 'a file', found: 'a folder', cause: error },
    });
  return VentralError.from(Object.assign(error as Error, { path }));
}

/** Writes text or bytes to `path`, whole or not at all; see {@link replaceFile}. */
export async function writeFileAtomic(path: string, content: string | Uint8Array): Promise<void> {
  await replaceFile(path, async (temporary) => {
    const file = await open(temporary, 'wx');
    try {
      await file.writeFile(content);
    } finally {
      await file.close();
    }
  });
}
