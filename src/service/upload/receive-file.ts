import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Readable } from 'node:stream';
import { VentralError } from '../../errors/ventral-error.js';
import type { Space } from '../../store/records/reservation-store.js';
import type { ReceivedFile } from './upload.js';

/** Copies a file of this machine under a temporary name, with its digest; throws `file-missing`, `disk-full`. */
export function receiveFile(source: string, folder: string): Promise<ReceivedFile> {
  return receiveStream(createReadStream(source), folder, {
    filename: basename(source),
    most: Number.POSITIVE_INFINITY,
  });
}

/**
 * Writes a stream under a temporary name, with its digest.
 * @throws VentralError `too-large`, `storage-exceeded`, `disk-full`, or what the stream throws; then nothing is
 *   left
 */
export async function receiveStream(
  source: Readable,
  folder: string,
  {
    filename,
    most,
    space,
    keep = true,
  }: {
    readonly filename: string;
    readonly most: number;
    /** Asked before bytes are written. */
    readonly space?: Space;
    /**
     * Whether the file is needed; with false only its digest is computed and nothing is written.
     */
    readonly keep?: boolean;
  },
): Promise<ReceivedFile> {
  const path = join(folder, `copy-${randomUUID()}`);
  const hash = createHash('sha256');
  let size = 0;
  const target = await open(path, 'wx', 0o600);
  try {
    // Breaking out of the loop must not destroy the stream: a refusal is still sent.
    for await (const chunk of source.iterator({
      destroyOnReturn: false,
    }) as AsyncIterable<Buffer>) {
      hash.update(chunk);
      size += chunk.length;
      if (size > most)
        throw new VentralError('too-large', `The file is larger than ${most} bytes`, { field: '' });
      if (!keep) continue;
      await space?.hold(size);
      await target.writeFile(chunk);
    }
    await target.sync();
    return { path, digest: `sha256:${hash.digest('hex')}`, size, filename };
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  } finally {
    await target.close();
    source.resume();
  }
}
