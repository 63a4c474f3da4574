import type { Unpack } from '../store/file-source.js';
import { runChild } from './child.js';

const UNPACK_SECONDS = 3600;

/** Unpacks archives that were checked when they were uploaded, each in a process of its own. */
export const unpackInChild =
  (temporary: string, maxMemory: number): Unpack =>
  (archive, folder, signal) =>
    runChild({
      script: 'benchmark-child.js',
      task: { archive, folder, bytes: Number.MAX_SAFE_INTEGER },
      temporary,
      limits: { memory: maxMemory, seconds: UNPACK_SECONDS },
      signal,
    });
