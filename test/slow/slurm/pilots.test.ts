import { spawn, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { onServer } from '../../postgres.js';
import { main } from '../../service/process.js';
import {
  card,
  network,
  type RunningService,
  runningService,
} from '../../service/running-service.js';
import { makeKey } from '../../service/with-key.js';
import { madePlace, removePlace, type StorePlace } from '../../store/engines.js';
import { type SlurmCluster, startSlurm, whyNoSlurm } from './cluster.js';

/**
 * Debian's Slurm with two nodes of two slots: pilot jobs do forty jobs of a service on PostgreSQL while two of them are
 * preempted and a node is cut off: minutes, so that VENTRAL_TEST_SLURM=1 has to ask for it. With
 * SLURM_REPORT=bench/results/slurm.json it writes what happened.
 */

const JOBS = 40;
const SLOTS = 2;
const BENCHMARK = 'Simulatedpublic.V4-pls';
const why = whyNoSlurm();

let cluster: SlurmCluster;
let place: StorePlace;
let service: RunningService;
let admin: Awaited<ReturnType<typeof makeKey>>;
let home: string;
let url: string;
let model: string;

beforeAll(async () => {
  if (why) return;
  cluster = await startSlurm(['node1', 'node2'], SLOTS);
  place = await madePlace('postgresql', 'ventral-slurm-');
  url = withSecret(place.databaseUrl as string);
  service = await runningService({ ...place, concurrency: 0 });
  admin = await makeKey(service, { name: 'root', role: 'admin' });
  home = await mkdtemp(join(tmpdir(), 'ventral-pilots-'));
  const file = { name: 'file', filename: 'net.onnx', content: await network() };
  model = (await admin.upload([file, { name: 'card', content: await card() }])).body.id;
});
afterAll(async () => {
  if (why) return;
  await cluster.stop();
  await service.stop();
  await removePlace(place);
  await rm(home, { recursive: true, force: true });
});

/** A password that this server does not ask for. */
function withSecret(address: string): string {
  const parsed = new URL(address);
  parsed.password = 'the-secret-of-the-database';
  return parsed.href;
}

async function ventral(...words: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [main, '--home', home, ...words], {
    env: {
      ...cluster.environment,
      DATABASE_URL: url,
      VENTRAL_SERVICE: service.url,
      VENTRAL_KEY: admin.key,
    },
  });
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  if (err.startsWith('ventral: ')) throw new Error(err);
  return out;
}

/** Submits equal jobs: none has a result yet that another could be answered with. */
async function submit(count: number, benchmark: string): Promise<void> {
  for (let i = 0; i < count; i++)
    expect((await admin.post('/v1/scores', { model, benchmarks: [benchmark] })).status).toBe(202);
}

interface JobFacts {
  readonly state: string;
  readonly attempt: number;
  readonly faults: number;
  readonly results: number;
  readonly log: readonly string[];
}

const facts = async (): Promise<JobFacts[]> =>
  (
    await onServer(
      url,
      `select state, attempt, faults, log,
         (select count(*)::int from results where results.job = jobs.id) as results
       from jobs order by seq`,
    )
  ).rows;

const ended = async () => (await facts()).filter(({ state }) => state === 'succeeded').length;

async function until(look: () => Promise<boolean>, what: string): Promise<void> {
  for (const deadline = Date.now() + 600_000; !(await look()); await sleep(300))
    if (Date.now() > deadline) throw new Error(`${what}: not within ten minutes`);
}

/** How many pilot jobs run. */
const pilotsRun = async () =>
  (await cluster.ask('squeue', '--noheader', '--partition=low', '--states=RUNNING,COMPLETING'))
    .split('\n')
    .filter(Boolean).length;

/** Takes a slot of a node from its pilot job, by a job of higher priority, for some seconds. */
async function preempt(node: string): Promise<void> {
  const before = await restarts();
  await cluster.ask(
    'sbatch',
    '--partition=high',
    `--nodelist=${node}`,
    '--ntasks=1',
    '--output=/dev/null',
    '--wrap=sleep 5',
  );
  await until(async () => (await restarts()) > before, `a preemption on ${node}`);
}

/** How often pilot jobs were put back into the queue of Slurm. */
async function restarts(): Promise<number> {
  const shown = await cluster.ask('scontrol', '--oneliner', 'show', 'job');
  return [...shown.matchAll(/JobName=ventral-\S+ .*? Restarts=(\d+)/g)].reduce(
    (sum, [, count]) => sum + Number(count),
    0,
  );
}

/** What another user sees of the pilot jobs. */
function seenByOthers(): string {
  const ask = (...words: string[]) => {
    const { stdout, stderr } = spawnSync(words[0], words.slice(1), {
      ...{ uid: 65_534, gid: 65_534, cwd: '/', encoding: 'utf8' },
      env: { PATH: process.env.PATH, SLURM_CONF: cluster.environment.SLURM_CONF },
    });
    return `${stdout}${stderr}`;
  };
  const jobs = ask('scontrol', '--details', 'show', 'job');
  const ids = [...jobs.matchAll(/^JobId=(\d+)/gm)].map(([, id]) => id);
  return [
    jobs,
    ask('squeue', '--array', '--Format=all'),
    ask('ps', 'auxeww'),
    ...ids.slice(0, 2).map((id) => ask('scontrol', 'write', 'batch_script', id, '-')),
  ].join('\n');
}

const name = `pilot jobs of Slurm${why ? ` (skipped: ${why})` : ''}`;

describe.skipIf(why !== undefined)(name, { timeout: 1_800_000 }, () => {
  it('do forty jobs on two nodes, through two preemptions and the loss of a node, once each', async () => {
    await submit(JOBS, BENCHMARK);
    const began = Date.now();
    const up = () =>
      ventral(
        ...['slurm', 'up', '--max', String(2 * SLOTS), '--time', '30', '--drain-before', '1m'],
        ...['--', '--threads', '1'],
      );
    expect(await up()).toMatch(/^Submitted 4 pilot jobs as array \d+: 40 queued and 0 running\n$/);
    // There are as many as may be.
    expect(await up()).toMatch(/^Nothing submitted/);
    await until(async () => (await ended()) >= 2, 'two jobs');
    expect(await pilotsRun()).toBe(2 * SLOTS);
    const { pilots, queue } = JSON.parse(await ventral('slurm', 'status', '--json'));
    expect(pilots).toHaveLength(2 * SLOTS);
    expect(queue.workers).toBe(2 * SLOTS);
    const seen = seenByOthers();
    expect(seen).toContain('ventral-');
    for (const secret of [admin.key, 'the-secret-of-the-database'])
      expect(seen).not.toContain(secret);

    await preempt('node1');
    await preempt('node2');
    const preemptions = await restarts();
    await until(async () => (await ended()) >= JOBS / 2, 'half of the jobs');
    const lost = (await facts()).filter(({ state }) => state === 'running').length;
    await cluster.cut('node2');
    await until(async () => (await ended()) === JOBS, 'all jobs');
    const seconds = Math.round((Date.now() - began) / 1000);

    const jobs = await facts();
    expect(jobs.map(({ state, results }) => [state, results])).toEqual(
      Array(JOBS).fill(['succeeded', 1]),
    );
    const told = jobs.flatMap(({ log }) => log).join('\n');
    const handedBack = told.match(/The worker of the job was stopped/g)?.length ?? 0;
    const ends = told.match(/The job has succeeded/g)?.length;
    expect(ends).toBe(JOBS);
    // A preemption is no fault of a job; the loss of a node is one of those that were there.
    expect(jobs.reduce((sum, { faults }) => sum + faults, 0)).toBeLessThanOrEqual(lost);
    expect((await admin.get('/v1/scores?limit=100')).body.items).toHaveLength(JOBS);
    await until(async () => (await pilotsRun()) === 0, 'the end of the pilot jobs');
    const report = {
      slurm: cluster.version,
      nodes: 2,
      slots: 2 * SLOTS,
      jobs: JOBS,
      benchmark: BENCHMARK,
      seconds,
      preemptions,
      pilotJobsPutBack: await restarts(),
      handedBack,
      reclaimed: jobs.reduce((sum, { faults }) => sum + faults, 0),
      attempts: jobs.reduce((sum, { attempt }) => sum + attempt, 0),
      results: jobs.reduce((sum, { results }) => sum + results, 0),
    };
    const { SLURM_REPORT } = process.env;
    if (SLURM_REPORT) await writeFile(SLURM_REPORT, `${JSON.stringify(report, null, 2)}\n`);
  });

  it('return what they have to the queue when they are taken down', async () => {
    // Slurm lets what it put back wait for two minutes.
    await ventral('slurm', 'down');
    const before = await ended();
    await submit(JOBS, 'Simulatedpublic.IT-pls');
    await ventral('slurm', 'up', '--max', '1', '--', '--threads', '1');
    await until(async () => (await ended()) > before, 'a job that has ended');
    expect(await ventral('slurm', 'down')).toMatch(/1 running ones hand their jobs back/);
    await until(async () => (await pilotsRun()) === 0, 'the end of the pilot job');
    const jobs = await facts();
    expect(jobs.filter(({ state }) => !['succeeded', 'queued'].includes(state))).toEqual([]);
    expect(jobs.filter(({ state }) => state === 'queued').length).toBeGreaterThan(0);
    expect(
      jobs.filter(({ state, results }) => (state === 'succeeded') !== (results === 1)),
    ).toEqual([]);
    expect(readdirSync(join(home, 'slurm'))).toEqual(['logs']);
    const logs = readdirSync(join(home, 'slurm', 'logs'));
    for (const name of logs) {
      const log = readFileSync(join(home, 'slurm', 'logs', name), 'utf8');
      expect(log).not.toContain(admin.key);
      expect(log).not.toContain('the-secret-of-the-database');
    }
    expect((await readFile(join(home, 'slurm', 'logs', logs[0]), 'utf8')).length).toBeGreaterThan(
      0,
    );
  });
});
