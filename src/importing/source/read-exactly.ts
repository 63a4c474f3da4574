import type { FileHandle } from 'node:fs/promises';
import { type CheckpointPlace, refuseCheckpoint } from './checkpoint-fault.js';

/**
 * `count` bytes of a file from `at`, in memory of their own.
 * @throws VentralError `checkpoint-invalid` where it ends before
 */
export async function readExactly(
  handle: FileHandle,
  at: number,
  count: number,
  place: CheckpointPlace,
): Promise<Buffer> {
  const bytes = Buffer.from(new ArrayBuffer(count));
  for (let filled = 0; filled < count; ) {
    const { bytesRead } = await handle.read(bytes, filled, count - filled, at + filled);
    if (bytesRead === 0) refuseCheckpoint(place, `${count} bytes`, `${filled} before the end`);
    filled += bytesRead;
  }
  return bytes;
}
