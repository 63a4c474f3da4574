import { open, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { VentralError } from '../errors/ventral-error.js';
import { temporaryName } from './write-file-atomic.js';

/**
 * Checks, before the work, that a file can be written at a path: its folder exists and takes new files, and what has the
 * name now is a file, which is replaced.
 * @param option what named the path, for messages
 * @throws VentralError `file-missing` without the folder, `bad-usage` where the path is no place for a file,
 *   `permission-denied`, `disk-full`
 */
export async function requireOutputFile(option: string, path: string): Promise<void> {
  const refuse = (why: string) =>
    new VentralError('bad-usage', `${option} ${path}: ${why}`, { file: path });
  if (path === '') throw refuse('expected the name of a file');
  const there = await stat(path).catch(() => undefined);
  if (there?.isDirectory()) throw refuse('this is a folder, expected a file');
  if (there && !there.isFile()) throw refuse('this is not a regular file');
  if (/[/\\]$/.test(path)) throw refuse('expected the name of a file, found that of a folder');
  const folder = dirname(resolve(path));
  if (!(await stat(folder).catch(() => undefined))?.isDirectory())
    throw new VentralError('file-missing', `${option} ${path}: there is no folder ${folder}`, {
      file: path,
    });
  await requireNewFiles(option, path, folder);
}

/**
 * Checks, before the work, that a folder can be written at a path, which is made with its parents where it is missing.
 * @throws VentralError `bad-usage` where a file is in the way, `permission-denied`, `disk-full`
 */
export async function requireOutputFolder(option: string, path: string): Promise<void> {
  for (let folder = resolve(path); ; folder = dirname(folder)) {
    const there = await stat(folder).catch(() => undefined);
    if (there?.isDirectory()) return requireNewFiles(option, path, folder);
    if (there)
      throw new VentralError(
        'bad-usage',
        `${option} ${path}: ${folder} is a file, expected a folder`,
        {
          file: path,
        },
      );
  }
}

/** Makes a file in the folder, and removes it: permissions, read-only disks and quotas have no other common answer. */
async function requireNewFiles(option: string, path: string, folder: string): Promise<void> {
  const probe = temporaryName(join(folder, 'ventral'));
  try {
    await (await open(probe, 'wx')).close();
  } catch (cause) {
    const { code } = VentralError.from(cause);
    const known = code === 'disk-full' || code === 'disk-failed' ? code : 'permission-denied';
    const sentence = `${option} ${path}: no file can be written in ${folder}`;
    throw new VentralError(known, sentence, { file: path, cause });
  } finally {
    await rm(probe, { force: true });
  }
}
