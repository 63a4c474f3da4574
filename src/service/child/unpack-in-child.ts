import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Unpack } from '../../store/files/file-source.js';
import { runChild } from './child.js';
import { requirePlainFiles } from './child-output.js';

const UNPACK_SECONDS = 3600;

/** Unpacks archives that were checked when they were uploaded, each in a process of its own. */
export const unpackInChild =
  (temporary: string, maxMemory: number): Unpack =>
  async (archive, folder, signal) => {
    // All that the process may write: what lies beside the folder is not its business.
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
