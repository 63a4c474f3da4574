import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { Piscina } from 'piscina';
import { RandomState } from '../src/numerics/random/random-state.js';
import { averagedDraws } from '../src/scoring/draws/averaged-draws.js';
import type { GroupedModel, ModelGroups } from '../src/scoring/draws/model-groups.js';

/**
 * The groups of a board of a thousand models and sixty benchmarks by its average, as the service finds them: sums of draws of
 * each model, then all pairs in a thread; and again after one model got a new score. The draws are made up and in memory: reading them
 * from the database is not measured.
 *
 *   node dist/bench/board-groups.js [--models 1000] [--benchmarks 60] [--json bench/results/board-groups.json]
 */

const DRAWS = 1000;
const { values: options } = parseArgs({
  options: {
    models: { type: 'string', default: '1000' },
    benchmarks: { type: 'string', default: '60' },
    json: { type: 'string' },
  },
});
const [models, benchmarks] = [Number(options.models), Number(options.benchmarks)];
const random = new RandomState(1);
const drawn = () => Float32Array.from(random.standardNormal(DRAWS));
const shared = Array.from({ length: benchmarks }, () => [drawn(), drawn(), drawn()]);
const own = drawn();

/** The average of a model: sixty scores whose draws share what all models have. */
function model(k: number, value: number): GroupedModel {
  const parts = shared.map((rows, b) => {
    const [both, first, second] = rows.map((row, f) =>
      row.map((each, r) => value + 0.02 * each + 0.02 * own[(r + 7 * k + 31 * b + f) % DRAWS]),
    );
    const units = (of: 'neuroids' | 'images') => ({ of, count: 150, strata: 1, digest: of });
    return {
      ...{ benchmark: `b${b}`, version: 1, weight: 1 / benchmarks, digest: `b${b}` },
      draws: { units: [units('neuroids'), units('images')] as const, both, first, second },
    };
  });
  const draws = averagedDraws(parts);
  return { id: `m${k}`, value, se: 0.01, ...(draws ? { draws } : {}) };
}

const pool = new Piscina<readonly GroupedModel[], ModelGroups>({
  filename: new URL('../src/service/registry/group-worker.js', import.meta.url).href,
  maxThreads: 1,
  minThreads: 1,
});
const delay = monitorEventLoopDelay({ resolution: 5 });
const milliseconds = (from: number) => Math.round(performance.now() - from);

const values = random.standardNormal(models);
let at = performance.now();
const board = Array.from({ length: models }, (_, k) => model(k, 0.5 + 0.02 * values[k]));
const sums = milliseconds(at);
await pool.run(board.slice(0, 40));

async function groups(): Promise<{
  readonly wall: number;
  readonly cpu: number;
  found: ModelGroups;
}> {
  delay.reset();
  delay.enable();
  const [from, before] = [performance.now(), process.cpuUsage()];
  const found = await pool.run(board);
  const { user, system } = process.cpuUsage(before);
  return { wall: milliseconds(from), cpu: Math.round((user + system) / 1000), found };
}

const first = await groups();
at = performance.now();
board[7] = model(7, 0.6);
const sum = milliseconds(at);
const again = await groups();
delay.disable();
await pool.destroy();
const result = {
  ...{ models, benchmarks, draws: DRAWS, pairs: (models * (models - 1)) / 2 },
  separated: first.found.separated,
  sumsOfAllModelsMs: sums,
  groups: { wallMs: first.wall, cpuMs: first.cpu },
  afterOneNewScore: { sumMs: sum, wallMs: again.wall, cpuMs: again.cpu },
  eventLoopDelayMaxMs: Math.round(delay.max / 1e6),
  machine: { cpu: cpus()[0]?.model, cores: cpus().length, node: process.version },
};
console.log(JSON.stringify(result, undefined, 2));
if (options.json) {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
  writeFileSync(options.json, `${JSON.stringify({ version, ...result }, undefined, 2)}\n`);
}
