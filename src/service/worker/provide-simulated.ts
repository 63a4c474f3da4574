import type { Benchmark } from '../../scoring/benchmark/benchmark.js';
import { dataOf } from '../../scoring/benchmark/benchmark-data.js';
import { hasSimulated } from '../../scoring/benchmark/simulated-data.js';
import { runChild } from '../child/child.js';
import type { StimulusTask } from '../work/stimulus-questions.js';
import { measuringPaths } from '../work/task-paths.js';
import type { WorkOptions } from './work-options.js';

const MEMORY = 2 ** 31;
const SECONDS = 300;

/**
 * Generates missing data of simulated shipped benchmarks in a process that opens no uploaded file: other processes
 * may not write shared data. On failure the job generates them itself and reports the error.
 */
export async function provideSimulated(
  benchmarks: readonly Benchmark[],
  { home, temporary }: Pick<WorkOptions, 'home' | 'temporary'>,
  signal: AbortSignal,
): Promise<void> {
  for (const benchmark of benchmarks) {
    if (isMade(benchmark, home)) continue;
    const { file, id } = benchmark;
    await runChild({
      script: 'stimulus-child.js',
      task: { kind: 'describe', file, id, home } satisfies StimulusTask,
      temporary,
      ...measuringPaths({ home, benchmarks: [file] }),
      limits: { memory: MEMORY, seconds: SECONDS },
      signal,
    }).catch(() => signal.throwIfAborted());
  }
}

const isMade = (benchmark: Benchmark, home: string): boolean =>
  dataOf(benchmark).every(
    ({ source }) => source.kind !== 'generated' || hasSimulated(home, source.generate, source.seed),
  );
