import { mkdir, readFile } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { locateData } from '../../data/data-folder.js';
import { packageRoot } from '../../formats/package-root.js';
import { writeFileAtomic } from '../../formats/write-file-atomic.js';
import type { Benchmark } from '../benchmark/benchmark.js';
import { catalogEntriesOf, type Locate } from '../benchmark/benchmark-data.js';

/** One published self-check of a benchmark, run on the real data. */
export interface BenchmarkFinding {
  readonly check: string;
  readonly measured: number;
  readonly published: number;
  readonly tolerance: number;
  /** Why it does not decide. */
  readonly advisory?: string;
}

/** Record of a benchmark whose published self-checks were reproduced here. */
interface Verification {
  readonly benchmark: string;
  readonly version: number;
  readonly findings: readonly BenchmarkFinding[];
}

const path = (benchmark: Benchmark, home: string) =>
  join(home, 'verified', `${benchmark.id}@${benchmark.version}.json`);

/** Whether a finding is within its tolerance. */
export const holds = ({ measured, published, tolerance }: BenchmarkFinding): boolean =>
  Math.abs(measured - published) <= tolerance;

/** Whether every finding that decides is within its tolerance, and there is one. */
export function isReproduced(findings: readonly BenchmarkFinding[]): boolean {
  const required = findings.filter(({ advisory }) => advisory === undefined);
  return required.length > 0 && required.every(holds);
}

/**
 * Whether `ventral benchmarks verify` has reproduced the published self-checks under this home (design §3):
 * of a shipped benchmark, on the published bytes. A user's file under a shipped name is not verified.
 */
export async function isVerified(
  benchmark: Benchmark,
  home: string,
  locate: Locate = (entry) => locateData(entry, home),
): Promise<boolean> {
  if (benchmark.simulated || !benchmark.folder.startsWith(join(packageRoot, 'benchmarks') + sep))
    return false;
  for (const entry of catalogEntriesOf(benchmark)) if ((await locate(entry)).ownBytes) return false;
  try {
    const found = JSON.parse(await readFile(path(benchmark, home), 'utf8')) as Verification;
    return found.version === benchmark.version && isReproduced(found.findings);
  } catch {
    return false;
  }
}

/** Remembers the findings; the benchmark counts as verified where all of them hold. */
export async function recordVerification(
  benchmark: Benchmark,
  home: string,
  findings: readonly BenchmarkFinding[],
): Promise<void> {
  await mkdir(join(home, 'verified'), { recursive: true });
  const kept: Verification = { benchmark: benchmark.id, version: benchmark.version, findings };
  await writeFileAtomic(path(benchmark, home), `${JSON.stringify(kept, null, 2)}\n`);
}
