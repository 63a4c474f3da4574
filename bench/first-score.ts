import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { packageRoot } from '../src/formats/package-root.js';
import { median } from '../src/numerics/statistics/statistics.js';
import { resultOptions, writeResults } from './results-file.js';

/**
 * What somebody waits for who scores a small network for the first time, from the command line in a home that has
 * nothing: seconds from the command to the score, by model; and those of `ventral --version`, the start alone.
 *
 *   node dist/bench/first-score.js [--rounds 5] [--save]
 */
const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, ...resultOptions },
});

const main = join(packageRoot, 'dist', 'program', 'cli', 'main.js');
const MODELS = ['pixels', 'gabor-v1', 'resnet-20'];
const BENCHMARK = 'Simulatedpublic.V1-pls';

function seconds(words: readonly string[]): number {
  const home = mkdtempSync(join(tmpdir(), 'ventral-bench-first-'));
  try {
    const started = performance.now();
    execFileSync(process.execPath, [main, ...words, '--home', home], { stdio: 'pipe' });
    return (performance.now() - started) / 1000;
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

/** The first command reads the program from the disk, and is not counted. */
function spread(words: readonly string[]) {
  seconds(words);
  const rounds = Array.from({ length: Number(values.rounds) }, () => seconds(words));
  return { median: median(rounds), least: Math.min(...rounds), rounds };
}

const results = {
  machine: `${cpus()[0].model.trim()}, ${availableParallelism()} threads, Node ${process.versions.node}`,
  start: spread(['--version']),
  score: Object.fromEntries(
    MODELS.map((model) => [model, spread(['score', model, '--benchmark', BENCHMARK])]),
  ),
};
for (const [what, { median: middle, least }] of [
  ['the start alone', results.start] as const,
  ...Object.entries(results.score),
])
  console.log(`${what}: ${middle.toFixed(2)} s, at best ${least.toFixed(2)} s`);
writeResults('first-score', results, values);
