import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { arch, availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import envPaths from 'env-paths';
import { packageRoot } from '../src/formats/package-root.js';
import { median } from '../src/numerics/statistics/statistics.js';
import { runtimeIdentity } from '../src/runtime/session.js';
import { type Arrays, i2nArrays, plsArrays } from './arrays.js';
import { check } from './check.js';
import { hasPython, type Original, original, withArrays } from './original.js';
import { type Measurement, measureOurs } from './ours.js';
import {
  type RegressionKind,
  regressionArrays,
  regressionKinds,
  type Size,
} from './regression-arrays.js';
import { resultOptions, writeResults } from './results-file.js';

/**
 * Our metrics beside the original definitions (bench/reference.py) on the same arrays, in turn, each
 * in a process of its own: ratio of times, both peak memories. Every round runs ours, then the
 * original on one and on two threads; medians over rounds, the better number of threads counts.
 * `--check` scores features that `ventral activations` wrote with scikit-learn too, split by split.
 * Says so and ends well where Debian's python3 with scikit-learn is missing.
 *
 * `--regressions` compares the kinds of 2026 (bench/regression-arrays.ts) in place of PLS and i2n, at each number of images.
 * `--threads` are those of the original; ours has one thread for each processor that it may use (`taskset -c 0` for one).
 *
 *   node dist/bench/reference.js [--features 20000,100000] [--rounds 3] [--no-i2n] [--save]
 *   node dist/bench/reference.js --regressions ridge,ridgecv [--images 1000,3000,8640] [--units 10000]
 *     [--targets 1000] [--subjects 8] [--rounds 1] [--save]
 *   node dist/bench/reference.js --check FEATURES.npz --benchmark ID|FILE [--home FOLDER]
 */

/** Our metric in a fresh process. */
function ours(kind: Arrays['kind'], folder: string): Measurement {
  const self = join(import.meta.dirname, 'reference.js');
  const { stdout, stderr, status } = spawnSync(process.execPath, [self, '--ours', kind, folder], {
    encoding: 'utf8',
    maxBuffer: 64 << 20,
  });
  if (status !== 0) throw new Error(`our own run failed: ${stderr}`);
  return JSON.parse(stdout);
}

interface Calls {
  readonly firstCall: number;
  readonly laterCalls: number;
}

interface Comparison {
  readonly name: string;
  readonly ratio: Calls;
  /** Of processor seconds. */
  readonly processorRatio: Calls;
  readonly ours: Calls & { readonly processor: Calls; readonly peakMiB: number };
  readonly original: {
    readonly seconds: number;
    readonly processor: number;
    readonly threads: number;
    readonly peakMiB: number;
  };
  /** Of `gemm` and `ridge`: float64 operations (1e9) a processor second. */
  readonly gflops?: { readonly ours: number; readonly original: number };
  readonly difference: number;
  readonly rounds: readonly {
    ours: Omit<Measurement, 'value' | 'splits'>;
    original: Readonly<Record<string, number>>;
  }[];
  readonly versions: Readonly<Record<string, string>>;
  readonly blas: unknown;
}

/** Interleaved rounds of both on the same arrays. */
function compare(
  name: string,
  arrays: Arrays,
  { rounds, threads = [1, 2] }: { readonly rounds: number; readonly threads?: readonly number[] },
): Comparison {
  return withArrays(arrays, (folder) => {
    const mine: Measurement[] = [];
    const theirs = new Map(threads.map((count): [number, Original[]] => [count, []]));
    for (let round = 0; round < rounds; round++) {
      mine.push(ours(arrays.kind, folder));
      for (const [threads, runs] of theirs) runs.push(original(arrays.kind, folder, threads));
    }
    return summary(name, mine, theirs);
  });
}

function summary(
  name: string,
  mine: readonly Measurement[],
  theirs: ReadonlyMap<number, readonly Original[]>,
): Comparison {
  const secondsOf = (runs: readonly Original[]) => median(runs.map((run) => run.seconds));
  const [threads, runs] = [...theirs].sort(([, a], [, b]) => secondsOf(a) - secondsOf(b))[0];
  const seconds = secondsOf(runs);
  const processor = median(runs.map((run) => run.processor));
  const wall = medians(mine);
  const used = medians(mine.map((run) => run.processor));
  const differences = mine[0].splits.map((split, k) => Math.abs(split - runs[0].splits[k]));
  return {
    name,
    ratio: over(seconds, wall),
    processorRatio: over(processor, used),
    ours: { ...wall, processor: used, peakMiB: Math.max(...mine.map((run) => run.peakMiB)) },
    original: { seconds, processor, threads, peakMiB: Math.max(...runs.map((run) => run.peakMiB)) },
    difference: Math.max(...differences),
    rounds: mine.map(({ value: _value, splits: _splits, ...run }, round) => ({
      ours: run,
      original: Object.fromEntries([...theirs].map(([n, all]) => [n, all[round].seconds])),
    })),
    versions: runs[0].versions,
    blas: runs[0].blas,
  };
}

const medians = (calls: readonly Calls[]): Calls => ({
  firstCall: median(calls.map((call) => call.firstCall)),
  laterCalls: median(calls.map((call) => call.laterCalls)),
});

const over = (seconds: number, { firstCall, laterCalls }: Calls): Calls => ({
  firstCall: seconds / firstCall,
  laterCalls: seconds / laterCalls,
});

function print(comparison: Comparison): void {
  const { name, ratio, processorRatio, ours: mine, original: theirs, gflops } = comparison;
  const seconds = (value: number) => `${value.toFixed(value < 10 ? 3 : 1)} s`;
  const ratios = (of: Calls) =>
    `${of.firstCall.toFixed(1)} the first call, ${of.laterCalls.toFixed(1)} later ones`;
  const { processor } = mine;
  console.log(`${name}
  original ${seconds(theirs.seconds)} on ${theirs.threads} threads, ${seconds(theirs.processor)} of the processor, peak ${theirs.peakMiB.toFixed(0)} MiB, BLAS ${JSON.stringify(comparison.blas)}
  ours     ${seconds(mine.firstCall)} the first call, ${seconds(mine.laterCalls)} later ones, ${seconds(processor.firstCall)} and ${seconds(processor.laterCalls)} of the processor, peak ${mine.peakMiB.toFixed(0)} MiB
  ratio    ${ratios(ratio)}; of processor seconds ${ratios(processorRatio)}
  largest difference of a split ${comparison.difference.toExponential(1)}`);
  if (gflops)
    console.log(`  GFLOP/s  ${gflops.ours.toFixed(1)}, the original ${gflops.original.toFixed(1)}`);
}

/** Keeps the comparisons under bench/results, machine and versions in the name, beside those of other names. */
function save(comparisons: readonly Comparison[], kind: 'reference' | 'regressions'): string {
  const { versions } = comparisons[0];
  const cpu = cpus()[0]
    .model.toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-');
  const parts = [
    ...[`${cpu}-${arch()}-${availableParallelism()}-threads`, `node-${process.versions.node}`],
    ...[`ort-${runtimeIdentity().ort}`, `sklearn-${versions.sklearn}`, `numpy-${versions.numpy}`],
  ];
  const folder = join(packageRoot, 'bench', 'results');
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${kind}_${parts.join('_')}.json`);
  const kept: Comparison[] = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : [];
  const made = new Set(comparisons.map(({ name }) => name));
  const all = [...kept.filter(({ name }) => !made.has(name)), ...comparisons];
  writeFileSync(path, `${JSON.stringify(all, null, 2)}\n`);
  return path;
}

/**
 * Float64 operations (1e9) of the product, and those that a ridge regression over images cannot do without: half of the
 * products of its images, the factor, and two solutions for each target.
 */
function operations(kind: RegressionKind, { images, units, targets }: Size): number | undefined {
  if (kind === 'gemm') return 2e-9 * Math.floor(images / 2) ** 2 * units;
  if (kind !== 'ridge' || units < images) return undefined;
  return 1e-9 * images ** 2 * (units + images / 3 + 2 * targets);
}

/** Compares one of the kinds of 2026 at each number of images. */
function compareKind(
  name: string,
  values: Readonly<
    Record<'images' | 'units' | 'targets' | 'subjects' | 'threads' | 'rounds', string>
  >,
  add: (comparison: Comparison) => void,
): void {
  const kind = regressionKinds.find((each) => each === name);
  if (!kind) throw new RangeError(`--regressions knows ${regressionKinds.join()}, found ${name}`);
  const [units, targets, subjects] = [values.units, values.targets, values.subjects].map(Number);
  for (const images of values.images.split(',').map(Number)) {
    const size = { images, units, targets, subjects };
    const title = `${kind}, ${images} images × ${units} units × ${targets} targets, ${subjects} subjects`;
    const threads = values.threads.split(',').map(Number);
    const comparison = compare(title, regressionArrays(kind, size), {
      rounds: Number(values.rounds),
      threads,
    });
    const work = operations(kind, size);
    const { ours: mine, original: theirs } = comparison;
    const gflops = work && {
      ours: work / mine.processor.laterCalls,
      original: work / theirs.processor,
    };
    add(gflops ? { ...comparison, gflops } : comparison);
  }
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      features: { type: 'string', default: '20000,100000' },
      rounds: { type: 'string', default: '3' },
      'no-i2n': { type: 'boolean', default: false },
      ...resultOptions,
      regressions: { type: 'string' },
      images: { type: 'string', default: '1000' },
      units: { type: 'string', default: '10000' },
      targets: { type: 'string', default: '1000' },
      subjects: { type: 'string', default: '8' },
      threads: { type: 'string', default: '1,2' },
      check: { type: 'string' },
      benchmark: { type: 'string' },
      home: {
        type: 'string',
        default: process.env.VENTRAL_HOME ?? envPaths('ventral', { suffix: '' }).data,
      },
      ours: { type: 'boolean', default: false },
    },
  });
  if (values.ours) {
    const [kind, folder] = positionals;
    console.log(JSON.stringify(await measureOurs(kind as Arrays['kind'], folder)));
    return;
  }
  if (!hasPython()) return;
  if (values.check) {
    const agree = await check(values.check, values.benchmark ?? '', values.home);
    process.exitCode = agree ? 0 : 1;
    return;
  }
  const rounds = Number(values.rounds);
  const { out } = values;
  const comparisons: Comparison[] = [];
  const add = (comparison: Comparison) => {
    print(comparison);
    comparisons.push(comparison);
  };
  if (values.regressions) {
    for (const kind of values.regressions.split(',')) compareKind(kind, values, add);
    if (values.save) console.log(`kept in ${save(comparisons, 'regressions')}`);
    if (out !== undefined) writeResults('regressions', comparisons, { out });
    return;
  }
  if (!values['no-i2n'])
    add(compare('i2n, 240 images × 24 objects, 100,000 trials', i2nArrays(100_000), { rounds }));
  for (const features of values.features.split(',').filter(Boolean).map(Number))
    add(compare(`V1-pls, 315 × 102, ${features} features`, plsArrays(features), { rounds }));
  if (values.save) console.log(`kept in ${save(comparisons, 'reference')}`);
  if (out !== undefined) writeResults('reference', comparisons, { out });
}

await main();
