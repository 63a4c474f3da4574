import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { packageRoot } from '../src/formats/package-root.js';
import { RandomState } from '../src/numerics/random/random-state.js';
import type { Score } from '../src/scoring/measure/score.js';
import type { Database } from '../src/store/database/database.js';
import { openPostgresDatabase } from '../src/store/database/postgres-database.js';
import { openJobs } from '../src/store/jobs/open-jobs.js';
import { localPrincipal } from '../src/store/records/principal.js';
import {
  type Arrival,
  rounded,
  SimulatedCluster,
  type Template,
} from './cluster/simulated-cluster.js';
import { spread } from './running-service.js';

/**
 * A thousand checkpoints a day, and ten and a hundred times as many: the real queue and tables in PostgreSQL, and
 * models whose run takes as long, by a clock of the simulation, as real ones were measured to take. What as many workers ask
 * of the database is measured in real time.
 *
 *   DATABASE_URL=postgresql://… node dist/bench/cluster-simulation.js [--jobs 1000] [--deepest 100000] [--save]
 *
 * The database must be empty. The rows of simulated jobs are those of a real one, which a service and a worker do first.
 */

const BENCHMARKS = ['V1', 'V2', 'V4', 'IT'].map((region) => `Simulatedpublic.${region}-pls`);
const main = join(packageRoot, 'dist', 'program', 'cli', 'main.js');
const DAY = 86_400;
const TIMES = [1, 10, 100];
const DEPTHS = [1000, 10_000, 100_000];
/** Workers are as many as have a fifth of their time left. */
const UTILISATION = 0.8;
const SEED = 22;

/** Seconds that a model took on seven benchmarks with two threads (bench/results/first-scoring.json). */
function measuredSeconds(): number[] {
  const file = join(packageRoot, 'bench', 'results', 'first-scoring.json');
  const { at } = JSON.parse(readFileSync(file, 'utf8')) as { at: Record<string, number> };
  const ends = Object.values(at).toSorted((a, b) => a - b);
  return ends.map((end, i) => rounded(end - (ends[i - 1] ?? 0)));
}

const mean = (values: readonly number[]) =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

interface Started {
  readonly child: ChildProcess;
  readonly line: string;
}

async function start(words: readonly string[]): Promise<Started> {
  const child = spawn(process.execPath, [main, ...words], { stdio: ['ignore', 'pipe', 'ignore'] });
  let line = '';
  for await (const text of child.stdout.setEncoding('utf8')) {
    line += text;
    if (line.includes('\n')) break;
  }
  return { child, line };
}

async function end({ child }: Started): Promise<void> {
  child.kill('SIGTERM');
  if (child.exitCode === null) await once(child, 'exit');
}

const serve = (home: string) =>
  start([
    ...['serve', '--home', home, '--port', '0', '--concurrency', '0', '--no-score-shipped'],
    ...['--quota-jobs', '1000000', '--rate-limit', '1000000'],
  ]);
const urlOf = ({ line }: Started) => `${/ready at (\S+)/.exec(line)?.[1]}/v1`;

/** Scores a real network by a service and a worker. @returns its rows, and what the worker did to the database */
async function realJob(home: string, database: Database) {
  const service = await serve(home);
  const alone = await connections(database);
  const worker = await start(['worker', '--home', home, '--threads', '2']);
  try {
    const oracle = join(packageRoot, 'test', 'fixtures', 'oracle', '09-end-to-end', 'resnet');
    const form = new FormData();
    form.set('card', readFileSync(join(oracle, 'card.yaml'), 'utf8'));
    form.set('file', new Blob([readFileSync(join(oracle, 'model.onnx'))]), 'net.onnx');
    const url = urlOf(service);
    const upload = await fetch(`${url}/models`, { method: 'POST', body: form });
    const model = ((await upload.json()) as { id: string }).id;
    const asked = await fetch(`${url}/scores`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ model, benchmarks: BENCHMARKS }),
    });
    const { id } = (await asked.json()) as { id: string };
    let most = 0;
    for (;;) {
      most = Math.max(most, (await connections(database)) - alone);
      const [row] = await database.query<{ state: string; failures: unknown }>(
        'select state, failures from jobs where id = $1',
        [id],
      );
      if (row.state === 'succeeded') break;
      if (row.state === 'failed') throw new Error(`the job failed: ${JSON.stringify(row)}`);
      await sleep(100);
    }
    return { template: await templateOf(database, model, id), connectionsOfWorker: most };
  } finally {
    await end(worker);
    await end(service);
  }
}

async function connections(database: Database): Promise<number> {
  const [{ n }] = await database.query<{ n: number }>(
    `select count(*)::int as n from pg_stat_activity
     where datname = current_database() and backend_type = 'client backend'`,
  );
  return n;
}

async function templateOf(database: Database, model: string, job: string): Promise<Template> {
  const [{ card, graph }] = await database.query<{ card: unknown; graph: unknown }>(
    'select card, graph from models where id = $1',
    [model],
  );
  const rows = await database.query<{ benchmark: string; score: Score; bytes: Uint8Array | null }>(
    `select results.benchmark, score, bytes from results left join score_draws using (job, benchmark)
     where job = $1`,
    [job],
  );
  const draws = rows.flatMap(({ benchmark, bytes }) =>
    bytes ? [[benchmark, new Uint8Array(bytes)] as const] : [],
  );
  return {
    ...{ card, graph, benchmarks: BENCHMARKS },
    scores: rows.map(({ score }) => score),
    draws: new Map(draws),
  };
}

/** Bytes of each table with its indexes. */
async function sizes(database: Database): Promise<Record<string, number>> {
  await database.query('analyze');
  const rows = await database.query<{ name: string; bytes: number }>(
    `select relname as name, pg_total_relation_size(oid) as bytes from pg_class
     where relkind = 'r' and relnamespace = 'public'::regnamespace order by 2 desc`,
  );
  return Object.fromEntries(rows.map(({ name, bytes }) => [name, bytes]));
}

/** Bytes that tables have grown by, a job. */
function growth(
  before: Readonly<Record<string, number>>,
  after: Readonly<Record<string, number>>,
  jobs: number,
): Record<string, number> {
  const grown = Object.entries(after).map(([name, bytes]): [string, number] => [
    name,
    Math.round((bytes - (before[name] ?? 0)) / jobs),
  ]);
  return Object.fromEntries(grown.filter(([, bytes]) => bytes > 0));
}

/** A sweep submits four tenths at once, four people half over the day, and five now and then the rest. */
function arrivals(jobs: number, seconds: number, random: RandomState): Arrival[] {
  const at = () => random.double() * seconds;
  const shares: [string, number, () => number][] = [
    ['sweep', 0.4, () => seconds / 24],
    ...[1, 2, 3, 4].map((i): [string, number, () => number] => [`steady-${i}`, 0.125, at]),
    ...[1, 2, 3, 4, 5].map((i): [string, number, () => number] => [`occasional-${i}`, 0.02, at]),
  ];
  return shares
    .flatMap(([owner, share, when]) =>
      Array.from({ length: Math.round(jobs * share) }, () => ({ at: when(), owner })),
    )
    .toSorted((a, b) => a.at - b.at);
}

/** How fast the queue is where models take no time. */
async function throughput(cluster: SimulatedCluster, jobs: number) {
  for (let i = 0; i < jobs; i++) await cluster.submit(`owner-${i % 10}`);
  const began = performance.now();
  const claims: number[] = [];
  const work = async () => {
    for (;;) {
      const { claim, took } = await cluster.claim();
      if (!claim) return;
      claims.push(took);
      await cluster.finish(claim);
    }
  };
  await Promise.all(Array.from({ length: 8 }, work));
  const seconds = (performance.now() - began) / 1000;
  return { jobs, jobsPerSecond: rounded(jobs / seconds), claimMilliseconds: spread(claims) };
}

/** What a queue of a length costs those who submit, claim and look, in milliseconds. */
async function depth(database: Database, cluster: SimulatedCluster, queued: number) {
  const [{ n }] = await database.query<{ n: number }>(
    `select count(*)::int as n from jobs where state = 'queued'`,
  );
  await fill(database, queued - n);
  await database.query('analyze');
  const [submits, claims, lists]: number[][] = [[], [], []];
  for (let i = 0; i < 20; i++) submits.push((await cluster.submit('sweep')).took);
  for (let i = 0; i < 20; i++) {
    const { claim, took } = await cluster.claim();
    if (claim) await cluster.finish(claim);
    claims.push(took);
  }
  for (let i = 0; i < 5; i++) {
    const began = performance.now();
    await openJobs(database, localPrincipal, { offset: 0, limit: 20 });
    lists.push(performance.now() - began);
  }
  return { submit: spread(submits), claim: spread(claims), list: spread(lists) };
}

/** Copies a queued job, with its ticket, so many times. */
async function fill(database: Database, count: number): Promise<void> {
  await database.query(
    `with made as (
       insert into jobs (id, kind, state, owner, registration, model, digest, model_name, card, benchmarks, sources, keys, bytes, priority)
       select gen_random_uuid()::text, kind, 'queued', 'sweep', null, model, digest, model_name, card, benchmarks, sources, keys, bytes, -i
       from (select * from jobs order by seq desc limit 1) as one, generate_series(1, $1::int) as i
       returning id, priority)
     insert into tickets (queue, job, priority) select 'jobs', id, priority from made`,
    [count],
  );
  await database.query(
    `update jobs set entry = tickets.id from tickets where tickets.job = jobs.id and entry is null`,
  );
}

/** How long pages of a service take that has so many models. */
async function pages(home: string, database: Database) {
  const [{ models }] = await database.query<{ models: number }>(
    'select count(*)::int as models from models',
  );
  const service = await serve(home);
  try {
    const paths = ['/leaderboard?simulated=true&limit=50', '/models', '/scores', '/queue'];
    const found: Record<string, object> = {};
    for (const path of paths) {
      const times: number[] = [];
      let status = 0;
      for (let i = 0; i < 5; i++) {
        const began = performance.now();
        const answer = await fetch(`${urlOf(service)}${path}`);
        await answer.arrayBuffer();
        ({ status } = answer);
        times.push(Math.round(performance.now() - began));
      }
      found[path] = { status, first: times[0], later: Math.min(...times.slice(1)) };
    }
    return { models, milliseconds: found };
  } finally {
    await end(service);
  }
}

async function run(): Promise<void> {
  const { values } = parseArgs({
    options: {
      jobs: { type: 'string', default: '1000' },
      deepest: { type: 'string', default: '100000' },
      save: { type: 'boolean', default: false },
    },
  });
  const { DATABASE_URL: url } = process.env;
  if (!url) throw new Error('set DATABASE_URL to an empty PostgreSQL');
  const home = mkdtempSync(join(tmpdir(), 'ventral-bench-cluster-'));
  const service = await serve(home);
  await end(service);
  const database = await openPostgresDatabase(url);
  const random = new RandomState(SEED);
  const measured = measuredSeconds();
  const duration = () =>
    measured[Math.floor(random.double() * measured.length)] * (0.8 + 0.4 * random.double());
  const hosts = (times: number) => Math.ceil((1000 * times * mean(measured)) / DAY / UTILISATION);
  try {
    const { template, connectionsOfWorker } = await realJob(home, database);
    const cluster = new SimulatedCluster(database, random, template);
    const results: Record<string, unknown> = {
      machine: `${cpus()[0].model.trim()}, ${availableParallelism()} threads, Node ${process.versions.node}`,
      modelSeconds: { measured, mean: rounded(mean(measured)) },
      connectionsOfWorker,
      bytesOfRealJob: {
        scores: template.scores.map((score) => JSON.stringify(score).length),
        draws: [...template.draws.values()].map(({ byteLength }) => byteLength),
      },
    };
    const jobs = Number(values.jobs);
    const file = join(packageRoot, 'bench', 'results', 'cluster-simulation.json');
    /** Keeps what was measured, with how busy the machine was. */
    const keep = async (name: string, measure: () => Promise<unknown>) => {
      const found = await measure();
      results[name] = { load: rounded(loadavg()[0]), found };
      console.log(`${name}: ${JSON.stringify(results[name])}`);
      if (values.save) writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`);
    };
    for (const times of TIMES) {
      const before = await sizes(database);
      const seconds = (jobs * DAY) / (1000 * times);
      const workers = hosts(times);
      await keep(`times ${times}`, () =>
        cluster.run({ arrivals: arrivals(jobs, seconds, random), workers, duration }),
      );
      if (times === 1)
        await keep('bytes a job', async () => growth(before, await sizes(database), jobs));
    }
    await keep('models that take no time', () => throughput(cluster, Math.ceil(jobs / 2)));
    await keep('pages', () => pages(home, database));
    for (let i = 0; i < 250; i++) await cluster.submit(`owner-${i % 10}`);
    for (const times of TIMES)
      await keep(`database load, times ${times}`, () => cluster.load(hosts(times), 15));
    for (const queued of DEPTHS.filter((depth) => depth <= Number(values.deepest)))
      await keep(`queue of ${queued}`, () => depth(database, cluster, queued));
  } finally {
    await database.close();
    rmSync(home, { recursive: true, force: true });
  }
}

await run();
