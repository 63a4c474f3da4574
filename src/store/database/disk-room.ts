import { statfsSync } from 'node:fs';

/**
 * Bytes reserved for the log of the embedded database: below them no write is started, so that a started write
 * never finds a full disk.
 */
export const RESERVE_BYTES = 64 * 2 ** 20;

/**
 * Bytes that this user may still write to the disk of a folder.
 * @throws as statfs(2) does
 */
export function freeBytes(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}
