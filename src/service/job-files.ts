import type { HomeStore } from '../store/home-store.js';

/** Where a worker gets the files of jobs, by digest. */
export interface JobFiles {
  /** Path of an uploaded model. */
  model(digest: string, signal: AbortSignal): Promise<string>;
  /** Folder of an uploaded benchmark. */
  benchmark(digest: string, signal: AbortSignal): Promise<string>;
}

/** The files of the home that the worker's own service keeps. */
export function homeFiles({
  files,
  benchmarkFiles,
}: Pick<HomeStore, 'files' | 'benchmarkFiles'>): JobFiles {
  return {
    model: async (digest) => files.path(digest),
    benchmark: async (digest) => benchmarkFiles.folder(digest),
  };
}
