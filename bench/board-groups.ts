import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { RandomState } from '../src/numerics/random/random-state.js';
import { encodeDraws } from '../src/scoring/draws/encode-draws.js';
import type { KeyedModel, StoredPart, StoredRow } from '../src/service/registry/group-sums.js';
import { GroupThread } from '../src/service/registry/group-thread.js';

/**
 * The groups of a board of a thousand models and sixty benchmarks by its average, as the service finds them: stored draws are
 * handed to a thread, which sums and compares; and again after one model got a new score. The draws are made up and in memory:
 * reading them from the database is not measured.
 *
 *   node dist/bench/board-groups.js [--models 1000] [--benchmarks 60] [--json bench/results/board-groups.json]
 */

const DRAWS = 1000;
/** Models whose draws are handed over together, as the service does: some megabytes. */
const SLICE = 6;
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

/** The scores of a model, whose draws share what all models have. */
function row(k: number, value: number, key: string): StoredRow {
  const parts = shared.map((rows, b): StoredPart => {
    const [both, first, second] = rows.map((each, f) =>
      each.map((draw, r) => value + 0.02 * draw + 0.02 * own[(r + 7 * k + 31 * b + f) % DRAWS]),
    );
    const digest = `sha256:${'0'.repeat(64)}`;
    const units = (of: 'neuroids' | 'images') => ({ of, count: 150, strata: 1, digest });
    return {
      ...{ benchmark: `b${b}`, version: 1, weight: 1 / benchmarks, digest: `b${b}` },
      bytes: encodeDraws({ units: [units('neuroids'), units('images')], both, first, second }),
    };
  });
  return { key, average: true, parts };
}

/** What some work takes: until it is there, of all threads' processors, and how long the loop of this one was held. */
async function measured<R>(work: () => Promise<R>) {
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  const [from, before, loop] = [
    performance.now(),
    process.cpuUsage(),
    performance.eventLoopUtilization(),
  ];
  const found = await work();
  const { active } = performance.eventLoopUtilization(loop);
  const { user, system } = process.cpuUsage(before);
  delay.disable();
  return {
    found,
    wallMs: performance.now() - from,
    cpuMs: (user + system) / 1000,
    mainThreadMs: active,
    longestDelayMs: delay.max / 1e6,
  };
}

type Taken = Omit<Awaited<ReturnType<typeof measured>>, 'found'>;
const rounded = ({ wallMs, cpuMs, mainThreadMs, longestDelayMs }: Taken) => ({
  wallMs: Math.round(wallMs),
  cpuMs: Math.round(cpuMs),
  mainThreadMs: Math.round(mainThreadMs),
  longestDelayMs: Math.round(longestDelayMs),
});

const closing = new AbortController();
const thread = new GroupThread(closing.signal);
const values = random.standardNormal(models);
const board: KeyedModel[] = Array.from({ length: models }, (_, k) => ({
  ...{ id: `m${k}`, value: 0.5 + 0.02 * values[k], se: 0.01, key: `row ${k}` },
}));

let sums: Taken = { wallMs: 0, cpuMs: 0, mainThreadMs: 0, longestDelayMs: 0 };
await thread.lacking([]);
for (let k = 0; k < models; k += SLICE) {
  const rows = board.slice(k, k + SLICE).map(({ value, key }, i) => row(k + i, value, key));
  const slice = await measured(() => thread.add(rows));
  sums = {
    wallMs: sums.wallMs + slice.wallMs,
    cpuMs: sums.cpuMs + slice.cpuMs,
    mainThreadMs: sums.mainThreadMs + slice.mainThreadMs,
    longestDelayMs: Math.max(sums.longestDelayMs, slice.longestDelayMs),
  };
}
const first = await measured(() => thread.groups(board));

const again: Taken[] = [];
for (let time = 0; time < 5; time++) {
  const key = `new ${time}`;
  const renewed = row(7 + time, 0.6, key);
  board[7 + time] = { ...board[7 + time], value: 0.6, key };
  again.push(
    await measured(async () => {
      await thread.lacking(board.map((each) => each.key));
      await thread.add([renewed]);
      return thread.groups(board);
    }),
  );
}
closing.abort();
const [, , median] = again.toSorted((a, b) => a.wallMs - b.wallMs);
const result = {
  ...{ models, benchmarks, draws: DRAWS, pairs: (models * (models - 1)) / 2 },
  separated: first.found?.separated,
  sumsOfAllModels: rounded(sums),
  groups: rounded(first),
  /** The median of five. */
  afterOneNewScore: rounded(median),
  machine: { cpu: cpus()[0]?.model, cores: cpus().length, node: process.version },
};
console.log(JSON.stringify(result, undefined, 2));
if (options.json) {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
  writeFileSync(options.json, `${JSON.stringify({ version, ...result }, undefined, 2)}\n`);
}
