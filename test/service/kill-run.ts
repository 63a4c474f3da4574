import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { packageRoot } from '../../src/formats/package-root.js';
import { RandomState } from '../../src/numerics/random/random-state.js';
import { type HomeStore, openHomeStore } from '../../src/store/home-store.js';
import { type Engine, madePlace, removePlace, type StorePlace } from '../store/engines.js';
import { childrenOf, type Serving, servingIn, type Working, working } from './process.js';
import { type Answer, callUrl, card, multipart, network } from './running-service.js';

const script = (name: string) => join(packageRoot, 'test', 'service', name);
const V1 = 'FreemanZiemba2013public.V1-pls';
const V2 = 'FreemanZiemba2013public.V2-pls';
/** What a job is to the one who asks: nothing but its inputs. */
export interface Wish {
  readonly benchmarks: readonly string[];
  /** What the stub does: `steady=<milliseconds>.<which>`, or the real scoring process. */
  readonly what: string;
}

/**
 * So many different jobs of some hundred milliseconds, and some by the real scoring process.
 * @param slowly how many times as long the first take
 */
export const wishes = (steady: number, real: number, slowly = 1): Wish[] => [
  ...Array.from({ length: steady }, (_, i) => ({
    benchmarks: [V1, V2],
    what: `steady=${slowly * (100 + 37 * (i % 11))}.${i}`,
  })),
  ...Array.from({ length: real }, (_, i) => ({
    benchmarks: ['Simulated.V1-pls'],
    what: `real=${i}`,
  })),
];

/** What a run has seen; printed by the tests. */
export interface KillCounts {
  kills: number;
  readonly killed: Record<string, number>;
  jobs: number;
  /** Jobs that were dropped after three lost workers, and asked for again. */
  givenUp: number;
  attempts: number;
  events: number;
  uploads: number;
}

/** A service, two workers beside it where the database allows them, and somebody who kills them. */
export class KillRun {
  readonly counts: KillCounts = {
    ...{ kills: 0, killed: {}, jobs: 0, givenUp: 0, attempts: 0, events: 0, uploads: 0 },
  };
  readonly #place: StorePlace;
  readonly #random: RandomState;
  readonly #environment: NodeJS.ProcessEnv;
  readonly #workers = new Map<string, Working>();
  readonly #dead: number[] = [];
  #service!: Serving;
  /** When the first job came to its end. */
  #first: number | undefined;
  #killing = true;

  private constructor(place: StorePlace, seed: number) {
    this.#place = place;
    this.#random = new RandomState(seed);
    this.#environment = place.databaseUrl ? { DATABASE_URL: place.databaseUrl } : {};
  }

  static async start(engine: Engine, seed: number): Promise<KillRun> {
    const run = new KillRun(await madePlace(engine, 'ventral-kills-'), seed);
    await run.#serve();
    if (run.#place.databaseUrl) await Promise.all([run.#work('first'), run.#work('second')]);
    return run;
  }

  async #serve(): Promise<void> {
    const concurrency = this.#place.databaseUrl ? '0' : '1';
    const file = script('serve-with-stub.mjs');
    this.#service = await servingIn(this.#environment, file, this.#place.home, concurrency);
  }

  async #work(name: string): Promise<void> {
    const home = join(this.#place.home, name);
    const words = [script('worker-with-stub.mjs'), home];
    this.#workers.set(name, await working(this.#place.databaseUrl as string, words));
  }

  #next(below: number): number {
    return Math.floor(this.#random.randomSample(1)[0] * below);
  }

  /**
   * Kills one process after the other, each within this many milliseconds after the last one was started
   * again.
   */
  async kill(times: number, within = 0): Promise<void> {
    for (let kill = 0; kill < times; kill++) {
      await sleep(this.#next(within));
      const names = ['service', ...this.#workers.keys()];
      const name = names[this.#next(names.length)];
      const process = this.#workers.get(name) ?? this.#service;
      this.#dead.push(process.child.pid as number);
      await process.end('SIGKILL');
      this.counts.kills++;
      this.counts.killed[name] = (this.counts.killed[name] ?? 0) + 1;
      await (name === 'service' ? this.#serve() : this.#work(name));
    }
    this.#killing = false;
  }

  /** Asks until somebody answers; of whoever is killed in the middle nobody knows what was done. */
  async #ask(
    method: string,
    path: string,
    asked: Parameters<typeof callUrl>[2] = {},
  ): Promise<Answer> {
    for (;;) {
      const url = `${this.#service.url}${path}`;
      const answer = await callUrl(url, method, asked).catch(() => undefined);
      if (answer && answer.status < 500) return answer;
      await sleep(50);
    }
  }

  /** Asks for one job, and again where it was dropped; resolves to the one that came to its end. */
  async fulfil({ benchmarks, what }: Wish): Promise<void> {
    for (;;) {
      const { status, body } = await this.#ask('POST', '/v1/scores', {
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ model: 'pixels', benchmarks, layers: { V1: what, V2: what } }),
      });
      expect(status, JSON.stringify(body)).toBe(202);
      const ended = await this.#untilEnd(body.id);
      this.#first ??= performance.now();
      if (ended.state === 'succeeded') return;
      const types = ended.failures.map(
        ({ problem }: { problem: { type: string } }) => problem.type,
      );
      expect(new Set(types)).toEqual(new Set(['/problems/worker-lost']));
      this.counts.givenUp++;
    }
  }

  /** @returns milliseconds until the first job had come to its end */
  async fulfilAll(wishes: readonly Wish[]): Promise<number> {
    const began = performance.now();
    await Promise.all(wishes.map((wish) => this.fulfil(wish)));
    return (this.#first as number) - began;
  }

  async #untilEnd(id: string) {
    for (;;) {
      const { body } = await this.#ask('GET', `/v1/scores/${id}`);
      if (!['queued', 'running'].includes(body.state)) return body;
      await sleep(400);
    }
  }

  /** Registers different models until nobody kills any more. */
  async upload(): Promise<void> {
    const bytes = await network();
    while (this.#killing) {
      // An empty graph field more: other bytes, the same network.
      const content = Buffer.concat([
        bytes,
        Buffer.from(
          Array(++this.counts.uploads)
            .fill([0x72, 0])
            .flat(),
        ),
      ]);
      const parts = [
        { name: 'file', filename: 'net.onnx', content },
        { name: 'card', content: await card() },
      ];
      const { status, body } = await this.#ask('POST', '/v1/models', multipart(parts));
      expect([200, 201], JSON.stringify(body)).toContain(status);
      await sleep(6000);
    }
  }

  /** Ends everything in order, and checks what is left. */
  async end(): Promise<ReadonlyMap<string, unknown>> {
    // Jobs of which nobody was told, because the service was killed before it could answer.
    for (const state of ['queued', 'running'])
      while ((await this.#ask('GET', `/v1/scores?state=${state}`)).body.items.length > 0)
        await sleep(200);
    for (const pid of this.#dead) expect(childrenOf(pid)).toEqual([]);
    for (const worker of this.#workers.values())
      expect(await worker.end('SIGTERM')).toMatchObject({ status: 0 });
    expect(await this.#service.end('SIGTERM')).toMatchObject({ status: 0 });
    const { home } = this.#place;
    expect(await halfWritten(home)).toEqual([]);
    const store = await openHomeStore(home, this.#place);
    try {
      await this.#checkEvents(store);
      const digests = await store.models.neededDigests();
      const kept = (await readdir(join(home, 'models'))).map((name) => `sha256:${name}`);
      expect(kept.toSorted()).toEqual([...digests].toSorted());
      expect(kept).toHaveLength(this.counts.uploads);
      return await resultsOf(store);
    } finally {
      await store.close();
      await removePlace(this.#place);
    }
  }

  /** Numbers without gap or repeat, one end, and each result told once. */
  async #checkEvents(store: HomeStore): Promise<void> {
    const jobs = await store.database.query<{ id: string; attempt: number; results: number }>(
      'select id, attempt, (select count(*)::int from results where job = jobs.id) as results from jobs',
    );
    for (const { id, attempt, results } of jobs) {
      const events = await store.jobs.events.after(id, 0, 10_000);
      expect(events.map((event) => event.id)).toEqual(events.map((_, i) => i + 1));
      const of = (type: string) => events.filter((event) => event.type === type);
      expect([of('end').length, events.at(-1)?.type]).toEqual([1, 'end']);
      const told = of('result').map(({ data }) => (data as { benchmark: string }).benchmark);
      expect(told).toHaveLength(results);
      expect(new Set(told).size).toBe(results);
      this.counts.jobs++;
      this.counts.attempts += attempt;
      this.counts.events += events.length;
    }
  }
}

/** Every value by the inputs that decide it. */
async function resultsOf(store: HomeStore): Promise<Map<string, unknown>> {
  const rows = await store.database.query<{ layers: unknown; benchmark: string; value: number }>(
    'select layers, benchmark, value from results join jobs on jobs.id = results.job',
  );
  const values = new Map<string, unknown>();
  for (const { layers, benchmark, value } of rows) {
    const inputs = JSON.stringify([layers, benchmark]);
    if (values.has(inputs)) expect(values.get(inputs)).toBe(value);
    values.set(inputs, value);
  }
  return values;
}

/** Names under a home that stand for something half-written. */
async function halfWritten(home: string): Promise<string[]> {
  const names = await readdir(home, { recursive: true });
  return names.filter(
    (name) =>
      !name.startsWith('db') &&
      // Of these names a start removes what is older than a minute, and than ten.
      !/^\.[^/]*\.tmp$/.test(name) &&
      !/^([^/]+\/)?cache\/simulated\/scratch-/.test(name) &&
      /\.(tmp|part|new)$|(^|\/)tmp\/(?!service$)|\/unfinished\//.test(name),
  );
}

/** Fulfils all wishes while processes are killed so often, and once undisturbed; both come to the same. */
async function compareKilled(
  engine: Engine,
  options: { readonly kills: number; readonly seed: number; readonly wishes: readonly Wish[] },
): Promise<KillCounts> {
  const calm = await KillRun.start(engine, options.seed);
  await calm.kill(0);
  const pace = await calm.fulfilAll(options.wishes);
  const values = await calm.end();
  const disturbed = await KillRun.start(engine, options.seed);
  await Promise.all([
    // From the very start of a process until some jobs have ended.
    disturbed.kill(options.kills, 2 * pace),
    disturbed.upload(),
    disturbed.fulfilAll(options.wishes),
  ]);
  expect(await disturbed.end()).toEqual(values);
  return disturbed.counts;
}

/** So many in CI; `VENTRAL_TEST_KILLS=100` takes a quarter of an hour a database on two cores. */
const KILLS = Number(process.env.VENTRAL_TEST_KILLS ?? 10);

/** For a hundred kills on a busy machine. */
export const KILLS_PATIENCE_MS = 2_700_000;

/** Kills processes while nearly as many jobs run and models are uploaded. */
export async function expectKillsHarmless(engine: Engine): Promise<void> {
  // Two workers are through sooner than one, and of their kills a third misses both.
  const slowly = engine === 'postgresql' ? 8 : 1;
  const asked = wishes(Math.ceil(0.8 * KILLS), 3, slowly);
  const counts = await compareKilled(engine, { kills: KILLS, seed: 7, wishes: asked });
  process.stdout.write(`kills, ${engine} database: ${JSON.stringify(counts)}\n`);
  expect(counts.kills).toBe(KILLS);
  // Several of them while a job ran: on PostgreSQL a third meets the service, which has none.
  expect(counts.attempts).toBeGreaterThan(counts.jobs + KILLS / 20);
}
