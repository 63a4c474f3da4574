import type { FileHandle } from 'node:fs/promises';

/** Reads `length` bytes at `offset`; fewer where the file ends before. */
export async function readAt(
  handle: FileHandle,
  offset: number,
  length: number,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let have = 0;
  while (have < length) {
    const { bytesRead } = await handle.read(bytes, have, length - have, offset + have);
    if (bytesRead === 0) return bytes.subarray(0, have);
    have += bytesRead;
  }
  return bytes;
}
