import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Unpack } from '../../store/files/file-source.js';
import { runChild } from './child.js';
import { requirePlainFiles } from './child-output.js';

const UNPACK_SECONDS = 3600;

/** Unpacks archives that were checked at upload, each in its own process. */
export const unpackInChild =
  (temporary: string, maxMemory: number): Unpack =>
  async (archive, folder, signal) => {
    // The only folder that the process may write.
    const own = `${folder}-unpacking`;
    const files = join(own, 'files');
    try {
      await runChild({
        script: 'benchmark-child.js',
        task: { archive, folder: files, bytes: Number.MAX_SAFE_INTEGER },
        temporary,
        reads: [archive],
        writes: [own],
        limits: { memory: maxMemory, seconds: UNPACK_SECONDS },
        signal,
      });
      await requirePlainFiles(files);
      await rename(files, folder);
    } finally {
      await rm(own, { recursive: true, force: true });
    }
  };
