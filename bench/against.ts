import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { packageRoot } from '../src/formats/package-root.js';
import { median } from '../src/numerics/statistics/statistics.js';
import { plsArrays } from './arrays.js';
import { writeMadeSet } from './made-set.js';
import type { MeasuredMap } from './measure-map.js';
import { withArrays } from './original.js';
import type { Measurement } from './ours.js';

/**
 * This checkout beside another one, in turn, each run in a process of its own: PLS on 20,000 units and the map of
 * EfficientNet-B1 (V1 and V2, 315 stimuli). The other one must be built.
 *
 *   node dist/bench/against.js OTHER-CHECKOUT [--rounds 3] [--save NAME]
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '3' }, save: { type: 'string' } },
});
const checkouts = { before: resolve(positionals[0]), after: packageRoot };
const rounds = Number(values.rounds);

function runIn<T>(checkout: string, script: string, ...words: readonly string[]): T {
  const path = join(checkout, 'dist', 'bench', script);
  const options = { encoding: 'utf8', maxBuffer: 64 << 20 } as const;
  const { stdout, stderr, status } = spawnSync(process.execPath, [path, ...words], options);
  if (status !== 0) throw new Error(`${path} failed: ${stderr}`);
  return JSON.parse(stdout.trim().split('\n').at(-1) as string);
}

/** Seconds of each checkout, round by round, and the ratio of the medians. */
function inTurn(name: string, seconds: (checkout: string, round: number) => number) {
  const times = { before: [] as number[], after: [] as number[] };
  for (let round = 0; round < rounds; round++)
    for (const which of ['before', 'after'] as const)
      times[which].push(seconds(checkouts[which], round));
  const ratio = median(times.after) / median(times.before);
  const text = (list: readonly number[]) => list.map((each) => each.toFixed(2)).join(', ');
  console.log(
    `${name}: before ${text(times.before)} s, after ${text(times.after)} s, ratio ${ratio.toFixed(3)}`,
  );
  return { name, ...times, ratio };
}

const folder = mkdtempSync(join(tmpdir(), 'ventral-against-'));
try {
  const metric = withArrays(plsArrays(20_000), (arrays) =>
    inTurn('PLS, 315 × 20,000 units, 10 splits, later calls', (checkout) => {
      const ours = runIn<Measurement>(checkout, 'reference.js', '--ours', 'pls', arrays);
      return ours.laterCalls;
    }),
  );
  const benchmark = await writeMadeSet(join(folder, 'set'), {
    ...{ stimuli: 315, repetitions: 5, side: 256, classes: 15, degrees: 4 },
    regions: { V1: 102, V2: 103 },
  });
  const map = inTurn('map of EfficientNet-B1, V1 and V2', (checkout, round) => {
    const home = join(folder, `home-${round}-${checkout === packageRoot}`);
    const task = JSON.stringify({ model: 'efficientnet-b1', benchmark, home });
    const { seconds } = runIn<MeasuredMap>(checkout, 'map.js', '--part', 'map', task);
    rmSync(home, { recursive: true, force: true });
    return seconds;
  });
  if (values.save) {
    const path = join(packageRoot, 'bench', 'results', `${values.save}.json`);
    writeFileSync(path, `${JSON.stringify({ metric, map }, null, 2)}\n`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
