import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../src/formats/package-root.js';
import { type Arrays, writeArrays } from './arrays.js';

/** The original definitions under Debian's own Python. */

export const PYTHON = '/usr/bin/python3';
const SCRIPT = join(packageRoot, 'bench', 'reference.py');

/** What bench/reference.py prints. */
export interface Original {
  readonly value: number;
  readonly splits: readonly number[];
  readonly iterations?: readonly (readonly number[])[];
  readonly seconds: number;
  /** Processor seconds of all threads, which another process on the machine disturbs less. */
  readonly processor: number;
  readonly peakMiB: number;
  readonly versions: Readonly<Record<string, string>>;
  readonly blas: unknown;
}

/** Whether the original can run here; says so where it cannot. */
export function hasPython(): boolean {
  const { status } = spawnSync(PYTHON, ['-c', 'import numpy, scipy, sklearn']);
  if (status !== 0)
    console.log(
      `${PYTHON} with numpy, scipy and scikit-learn is not here: nothing to compare with`,
    );
  return status === 0;
}

/** Whether PyTorch is here to be compared with; says so where it is not. */
export function hasTorch(): boolean {
  const { status } = spawnSync(PYTHON, ['-c', 'import torch']);
  if (status !== 0) console.log(`${PYTHON} with PyTorch is not here: nothing to compare with`);
  return status === 0;
}

/** Runs the original on a folder of arrays; BLAS picks its own kernel and cache size. */
export function original(kind: Arrays['kind'], folder: string, threads: number): Original {
  const { OPENBLAS_CORETYPE: _kernel, OPENBLAS_L2_SIZE: _cache, ...environment } = process.env;
  const { stdout, stderr, status } = spawnSync(PYTHON, [SCRIPT, kind, folder], {
    encoding: 'utf8',
    env: { ...environment, OPENBLAS_NUM_THREADS: String(threads) },
    maxBuffer: 64 << 20,
  });
  if (status !== 0) throw new Error(`${PYTHON} ${SCRIPT} failed: ${stderr}`);
  return JSON.parse(stdout);
}

/** Writes arrays to a folder of their own for the time of `use`. */
export function withArrays<T>(arrays: Arrays, use: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'ventral-bench-'));
  try {
    writeArrays(folder, arrays);
    return use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
