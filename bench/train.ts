import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { packageRoot } from '../src/formats/package-root.js';
import { runtimeIdentity } from '../src/runtime/session.js';
import { hasTorch, PYTHON } from './original.js';
import { inOwnProcess } from './own-process.js';
import { resultOptions, writeResults } from './results-file.js';
import {
  bytesOf,
  ownSteps,
  type TrainedSteps,
  type TrainTask,
  tensorflowSteps,
} from './train-step.js';

/**
 * A whole step of SGD against PyTorch in both layouts: the same network, batch and threads, every run a process
 * of its own, all in turn; and the small case against tfjs. Says the least time of a step over all rounds, the
 * processor time and the peak memory of the process.
 *
 *   node dist/bench/train.js [--only resnet-18] [--rounds 3] [--steps 4] [--no-torch] [--save]
 */

const cases = [
  { network: 'resnet-18', side: 32, batch: 64 },
  { network: 'efficientnet-b1', side: 64, batch: 16 },
  { network: 'efficientnet-b1', side: 240, batch: 8 },
  { network: 'resnet-50', side: 224, batch: 8 },
  { network: 'small', side: 16, batch: 16 },
] as const;

type Case = (typeof cases)[number];
type Side = 'ventral' | 'contiguous' | 'channels_last' | 'tfjs';

const OPTIMIZER = { rate: 0.01, momentum: 0.9, weight_decay: 1e-4 } as const;
const THREADS = 2;

function run(side: Side, task: TrainTask): TrainedSteps {
  if (side === 'ventral' || side === 'tfjs') return inOwnProcess(side, task, 'train');
  const script = join(packageRoot, 'bench', 'train_torch.py');
  const given = JSON.stringify({ ...task, layout: side });
  const { stdout, stderr, status } = spawnSync(PYTHON, [script, given], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${PYTHON} ${script} failed: ${stderr}`);
  return JSON.parse(stdout);
}

interface Measured {
  readonly side: Side;
  /** Least milliseconds of a step, by round. */
  readonly rounds: readonly number[];
  readonly imagesPerSecond: number;
  /** Least processor milliseconds of a step. */
  readonly processor: number;
  readonly peakMiB: number;
  readonly losses: readonly number[];
}

function measured(side: Side, batch: number, runs: readonly TrainedSteps[]): Measured {
  const rounds = runs.map(({ steps }) => Math.min(...steps));
  return {
    side,
    rounds,
    imagesPerSecond: (batch * 1000) / Math.min(...rounds),
    processor: Math.min(...runs.flatMap(({ processor }) => processor)),
    peakMiB: Math.max(...runs.map(({ peakMiB }) => peakMiB)),
    losses: runs[0].losses.slice(0, 3),
  };
}

async function compare(
  one: Case,
  folder: string,
  options: { rounds: number; steps: number; torch: boolean },
) {
  const model = join(folder, `${one.network}.onnx`);
  writeFileSync(model, await bytesOf(one.network));
  const task = { ...one, ...OPTIMIZER, model, threads: THREADS, warm: 2, steps: options.steps };
  const torch = options.torch ? (['contiguous', 'channels_last'] as const) : [];
  const sides: readonly Side[] = [
    'ventral',
    ...(one.network === 'small' ? ['tfjs' as const] : torch),
  ];
  const runs = new Map(sides.map((side) => [side, [] as TrainedSteps[]]));
  for (let round = 0; round < options.rounds; round++)
    for (const side of sides) runs.get(side)?.push(run(side, task));
  const found = sides.map((side) => measured(side, one.batch, runs.get(side) ?? []));
  console.log(`${one.network} at ${one.side}, batch ${one.batch}`);
  for (const { side, rounds, imagesPerSecond, processor, peakMiB, losses } of found) {
    const [least, rate] = [Math.min(...rounds).toFixed(1), imagesPerSecond.toFixed(1)];
    const loss = losses.map((value) => value.toFixed(4)).join(' ');
    console.log(
      `  ${side.padEnd(14)}${least.padStart(8)} ms ${rate.padStart(8)} images/s  processor ${processor.toFixed(0).padStart(6)} ms  peak ${peakMiB} MiB  loss ${loss}`,
    );
  }
  const [own, ...others] = found;
  const ratio = own.imagesPerSecond / Math.max(...others.map((other) => other.imagesPerSecond));
  const work = Math.min(...others.map((other) => other.processor)) / own.processor;
  if (others.length > 0)
    console.log(
      `  ${ratio.toFixed(2)} times the better of the others; by processor time ${work.toFixed(2)}`,
    );
  return { ...one, found, ...(others.length > 0 ? { ratio, byProcessorTime: work } : {}) };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    allowNegative: true,
    options: {
      part: { type: 'string' },
      only: { type: 'string' },
      rounds: { type: 'string', default: '3' },
      steps: { type: 'string', default: '4' },
      torch: { type: 'boolean', default: true },
      ...resultOptions,
    },
    allowPositionals: true,
  });
  if (values.part) {
    const task: TrainTask = JSON.parse(process.argv.at(-1) as string);
    const steps = values.part === 'tfjs' ? tensorflowSteps : ownSteps;
    console.log(JSON.stringify(await steps(task)));
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), 'ventral-train-'));
  const [rounds, steps] = [Number(values.rounds), Number(values.steps)];
  const torch = values.torch && hasTorch();
  const results = [];
  for (const one of cases) {
    const title = `${one.network}@${one.side}`;
    if (values.only && !values.only.split(',').some((name) => title.startsWith(name))) continue;
    results.push(await compare(one, folder, { rounds, steps, torch }));
  }
  rmSync(folder, { recursive: true });
  const machine = { processor: cpus()[0].model, threads: THREADS, node: process.version };
  writeResults('train', { ...machine, ort: runtimeIdentity().ort, steps, results }, values);
}

await main();
