import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { packageRoot } from '../src/formats/package-root.js';
import { PYTHON } from './original.js';
import { followed } from './tree-memory.js';

/**
 * A score of recordings of the shape of Gifford2022 (ten people × 17 electrodes × 60 bins; nine gigabytes of float64) within
 * `--max-memory`: seconds and peak memory of the command. Needs Debian's netCDF4 and 12 GB of disk.
 *
 *   node dist/bench/large-targets.js [--images 16540] [--units 1000] [--metric ridge] [--max-memory 2GiB] [--save]
 */

const { values: options } = parseArgs({
  options: {
    images: { type: 'string', default: '16540' },
    units: { type: 'string', default: '1000' },
    metric: { type: 'string', default: 'ridge' },
    'max-memory': { type: 'string', default: '2GiB' },
    save: { type: 'boolean', default: false },
  },
});

const benchmark = `identifier: Large.IT-ridge
version: 1
region: IT
visual_degrees: 7
simulated: true
train: { stimuli: { csv: train.csv }, recordings: train.nc }
stimuli: { csv: test.csv }
recordings: test.nc
time_bins: { from: 0, to: 0.6, unit: s, as: neuroids }
fit_per: subject
metric: { name: ${options.metric} }
ceiling: internal-consistency
`;

type Report = Readonly<Record<'images' | 'units', number>> & {
  readonly metric: string;
  readonly maxMemory: string;
};

/** Replaces the result of the same size among those that are kept. */
function save(report: Report): void {
  const path = join(packageRoot, 'bench', 'results', 'large-targets.json');
  const kept: readonly Report[] = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : [];
  const size = ({ images, units, metric, maxMemory }: Report) =>
    [images, units, metric, maxMemory].join();
  const others = kept.filter((each) => size(each) !== size(report));
  const all = [...others, report].sort((a, b) => a.images - b.images || a.units - b.units);
  writeFileSync(path, `${JSON.stringify(all, undefined, 2)}\n`);
}

const folder = mkdtempSync(join(tmpdir(), 'ventral-bench-'));
try {
  const script = join(packageRoot, 'bench', 'eeg_recordings.py');
  const made = spawnSync(PYTHON, [script, folder, options.images, options.units], {
    stdio: 'inherit',
  });
  if (made.status !== 0) throw new Error('Python did not write the recordings');
  writeFileSync(join(folder, 'benchmark.yaml'), benchmark);
  const bytes = ['train', 'test'].map((name) => statSync(join(folder, `${name}.nc`)).size);
  const words = [
    ...['score', '--features', join(folder, 'features.npz')],
    ...['--benchmark', join(folder, 'benchmark.yaml'), '--json'],
    ...['--max-memory', options['max-memory'], '--home', join(folder, 'home')],
  ];
  const main = join(packageRoot, 'dist', 'program', 'cli', 'main.js');
  const { stdout, seconds, treeMiB, mainMiB } = await followed(process.execPath, [main, ...words]);
  const [{ value, raw, ceiling }] = JSON.parse(stdout).results ?? JSON.parse(stdout);
  const report = {
    ...{ images: Number(options.images), units: Number(options.units), bytes },
    ...{ maxMemory: options['max-memory'], metric: options.metric },
    ...{ seconds, treeMiB, mainMiB, value, raw: raw.value, ceiling: ceiling.value },
  };
  console.log(JSON.stringify(report, undefined, 2));
  if (options.save) save(report);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
