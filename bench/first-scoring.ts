import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { shippedModels } from '../src/activations/model-file.js';
import { packageRoot } from '../src/formats/package-root.js';
import { runtimeIdentity } from '../src/runtime/session.js';
import { catalogEntriesOf } from '../src/scoring/benchmark/benchmark-data.js';
import { listBenchmarks } from '../src/scoring/registry/registry.js';
import { call, readsUntil, start } from './running-service.js';

/**
 * The first scoring of a new home: `npm start`, and nothing else, until the leaderboard shows every shipped model on the
 * benchmarks whose data ship (seven columns of V1). When each model had all of them, the most memory that the service and
 * its children held together, their processor seconds, and how long the service took to answer meanwhile.
 *
 *   node dist/bench/first-scoring.js [--models 8] [--rate 50] [--minutes 60] [--save]
 *
 * With fewer models it ends when so many have all columns; the cheapest come first. Linux only.
 */
const { values } = parseArgs({
  options: {
    models: { type: 'string' },
    rate: { type: 'string', default: '50' },
    minutes: { type: 'string', default: '60' },
    save: { type: 'boolean', default: false },
  },
});

const TICKS = 100;
const PAGE = 4096;

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
  readonly residentBytes: number;
  /** Its own and those of children that have ended. */
  readonly seconds: number;
}

function processes(): Process[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ');
        // The name of the program may hold blanks and brackets.
        const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        const ticks = fields.slice(11, 15).reduce((sum, each) => sum + Number(each), 0);
        return {
          ...{ pid: Number(name), parent: Number(fields[1]), command },
          ...{ residentBytes: Number(fields[21]) * PAGE, seconds: ticks / TICKS },
        };
      } catch {
        // It has ended.
        return [];
      }
    });
}

/** The service that npm started, with all below it. */
function familyOf(npm: number): Process[] {
  const all = processes();
  const below = (pids: ReadonlySet<number>): Process[] => {
    const found = all.filter(({ parent }) => pids.has(parent));
    return found.length === 0 ? [] : [...found, ...below(new Set(found.map(({ pid }) => pid)))];
  };
  const root = below(new Set([npm])).find(({ command }) =>
    /^\S*node \S*main\.js serve/.test(command),
  );
  return root ? [root, ...below(new Set([root.pid]))] : [];
}

const benchmarks = listBenchmarks()
  .filter((each) => catalogEntriesOf(each).length === 0)
  .map(({ id }) => id)
  .filter((id) => id.startsWith('Marques2020_'));

/** Shipped models by how many of the columns they have. */
async function columnsOf(url: string): Promise<Map<string, number>> {
  const { body } = await call(`${url}/leaderboard?limit=200`);
  const { columns, items } = JSON.parse(body.toString()) as {
    columns: { id: string; benchmark?: string }[];
    items: { model: string; scores: Record<string, { value: number | null } | null> }[];
  };
  const ids = columns.flatMap(({ id, benchmark = '' }) =>
    benchmarks.includes(benchmark) ? id : [],
  );
  return new Map(
    items.map(({ model, scores }) => [
      model,
      ids.filter((id) => typeof scores[id]?.value === 'number').length,
    ]),
  );
}

const seconds = (since: number) => Math.round((performance.now() - since) / 100) / 10;

async function scored(url: string, npm: number, models: number) {
  const began = performance.now();
  const at: Record<string, number> = {};
  const peak = { bytes: 0, processes: 0 };
  let processor = 0;
  let columns: ReadonlyMap<string, number> = new Map();
  while (Object.keys(at).length < models && seconds(began) < 60 * Number(values.minutes)) {
    await sleep(1000);
    const family = familyOf(npm);
    const bytes = family.reduce((sum, { residentBytes }) => sum + residentBytes, 0);
    if (bytes > peak.bytes) Object.assign(peak, { bytes, processes: family.length });
    processor = Math.max(
      processor,
      family.reduce((sum, each) => sum + each.seconds, 0),
    );
    columns = await columnsOf(url);
    for (const [model, count] of columns)
      if (count === benchmarks.length && !(model in at)) {
        at[model] = seconds(began);
        console.log(`${model}: ${count} columns after ${at[model]} s`);
      }
  }
  return {
    seconds: seconds(began),
    at,
    columns: Object.fromEntries(columns),
    processorSeconds: Math.round(processor),
    peak: { residentMiB: Math.round(peak.bytes / 2 ** 20), processes: peak.processes },
  };
}

// None of its units answers to a grating's phases on average, so that it has no properties.
const shipped = (await shippedModels()).filter((model) => model !== 'pixels');
const wanted = Math.min(shipped.length, Number(values.models ?? shipped.length));
const home = mkdtempSync(join(tmpdir(), 'ventral-bench-first-'));
const load = loadavg()[0];
try {
  const service = await start(home);
  const stop = new AbortController();
  try {
    const paths = ['/models', '/benchmarks', '/scores?limit=20', '/leaderboard', '/health'];
    const reading = readsUntil(
      stop.signal,
      paths.map((path) => `${service.url}${path}`),
      Number(values.rate),
    );
    const first = await scored(service.url, service.child.pid as number, wanted);
    stop.abort();
    const reads = await reading;
    const missing = shipped.filter((model) => !(model in first.at));
    const result = {
      computer: { processor: cpus()[0]?.model, cores: availableParallelism() },
      runtime: runtimeIdentity(availableParallelism()),
      load: { before: load, after: loadavg()[0] },
      readyMilliseconds: Math.round(service.ready),
      benchmarks,
      ...first,
      ...(missing.length > 0 ? { missing } : {}),
      reads,
    };
    console.log(JSON.stringify(result, null, 2));
    const folder = join(packageRoot, 'bench', 'results');
    mkdirSync(folder, { recursive: true });
    if (values.save)
      writeFileSync(join(folder, 'first-scoring.json'), `${JSON.stringify(result, null, 2)}\n`);
  } finally {
    stop.abort();
    await service.stop();
  }
} finally {
  rmSync(home, { recursive: true, force: true });
}
