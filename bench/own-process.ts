import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/**
 * A part of a bench (bench/map.ts by default) in a process of its own, so that each has its own peak memory; its
 * last line is JSON.
 */
export function inOwnProcess<T>(part: string, task: unknown, bench = 'map'): T {
  const script = join(import.meta.dirname, `${bench}.js`);
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [script, '--part', part, JSON.stringify(task)],
    { encoding: 'utf8', maxBuffer: 64 << 20 },
  );
  if (status !== 0) throw new Error(`${part} failed: ${stderr}`);
  return JSON.parse(stdout.trim().split('\n').at(-1) as string);
}
