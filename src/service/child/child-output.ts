import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { VentralError } from '../../errors/ventral-error.js';

/**
 * Checks that the output of a child is a regular file: this process would follow a link to places that the child
 * cannot see.
 * @throws VentralError `process-died`
 */
export async function requirePlainFile(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (!found?.isFile() || found.nlink !== 1) throw odd('a file');
}

/**
 * The same for a folder that holds nothing but plain files.
 * @throws VentralError `process-died`
 */
export async function requirePlainFiles(folder: string): Promise<void> {
  const found = await lstat(folder).catch(() => undefined);
  if (!found?.isDirectory()) throw odd('a folder');
  for (const name of await readdir(folder)) await requirePlainFile(join(folder, name));
}

const odd = (expected: string) =>
  new VentralError('process-died', `The process that did the work did not write ${expected}`);
