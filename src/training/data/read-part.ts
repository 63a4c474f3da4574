import { open } from 'node:fs/promises';

/** Reads `length` bytes of a file at `offset`; fewer where it ends before. */
export async function readPart(path: string, offset: number, length: number): Promise<Uint8Array> {
  const handle = await open(path);
  try {
    const bytes = new Uint8Array(length);
    let have = 0;
    while (have < length) {
      const { bytesRead } = await handle.read(bytes, have, length - have, offset + have);
      if (bytesRead === 0) return bytes.subarray(0, have);
      have += bytesRead;
    }
    return bytes;
  } finally {
    await handle.close();
  }
}
