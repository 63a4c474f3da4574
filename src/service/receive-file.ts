import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { ReceivedFile } from './upload.js';

/** Copies a file of this machine under a temporary name, with its digest; throws `file-missing`, `disk-full`. */
export async function receiveFile(source: string, folder: string): Promise<ReceivedFile> {
  const path = join(folder, `copy-${randomUUID()}`);
  const hash = createHash('sha256');
  let size = 0;
  const target = await open(path, 'wx', 0o600);
  try {
    for await (const chunk of createReadStream(source) as AsyncIterable<Buffer>) {
      hash.update(chunk);
      size += chunk.length;
      await target.writeFile(chunk);
    }
    await target.sync();
    return { path, digest: `sha256:${hash.digest('hex')}`, size, filename: basename(source) };
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  } finally {
    await target.close();
  }
}
