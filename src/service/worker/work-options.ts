import type { Logger } from 'pino';
import type { Execution } from '../../runtime/provider.js';
import type { FileSource } from '../../store/files/file-source.js';
import type { HomeStore } from '../../store/home-store.js';

/** What work may use, and how it speaks. */
export interface WorkOptions {
  readonly tables: WorkTables;
  readonly files: FileSource;
  readonly home: string;
  /** Parent of each process's private empty folder. */
  readonly temporary: string;
  readonly log: Logger;
  /** Bytes that a job may hold in memory beyond the network's own (`--max-memory`). */
  readonly maxMemory: number;
  /** Bytes of scratch disk that a job may use (`--max-scratch`). */
  readonly maxScratch: number;
  /** Bytes that the cache of activations may keep (`--max-cache`). */
  readonly maxCache: number;
  readonly threads: number;
  /** What jobs may ask for beside the CPU; nothing unless said. */
  readonly offers?: readonly Execution[];
  /** Compiled module that scores. */
  readonly script?: string;
  /** Most seconds of a process. */
  readonly seconds?: number;
  /** Milliseconds without a job after which a worker has nothing left to do; without it a worker waits for more. */
  readonly untilEmpty?: number;
}

/** The tables that work needs. */
export type WorkTables = Pick<HomeStore, 'database' | 'jobs' | 'models' | 'benchmarks'>;
