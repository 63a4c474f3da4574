import { setTimeout as sleep } from 'node:timers/promises';
import type { RandomState } from '../../src/numerics/random/random-state.js';
import type { Score } from '../../src/scoring/measure/score.js';
import type { Database } from '../../src/store/database/database.js';
import type { JobClaim } from '../../src/store/jobs/job-attempts.js';
import { JobStore } from '../../src/store/jobs/job-store.js';
import { WorkerStore } from '../../src/store/jobs/worker-store.js';
import type { Principal } from '../../src/store/records/principal.js';
import { spread } from '../running-service.js';

/** Rows of a real job, that those of simulated ones are made of. */
export interface Template {
  readonly card: unknown;
  readonly graph: unknown;
  readonly benchmarks: readonly string[];
  readonly scores: readonly Score[];
  readonly draws: ReadonlyMap<string, Uint8Array>;
}

/** When somebody submits a job, in seconds from the start. */
export interface Arrival {
  readonly at: number;
  readonly owner: string;
}

/** A stretch of time of a cluster. */
export interface Stretch {
  readonly arrivals: readonly Arrival[];
  readonly workers: number;
  /** Seconds that a job runs; drawn for each. */
  readonly duration: () => number;
}

const HEX = 16;
const principalOf = (owner: string): Principal => ({
  ...{ key: `key_${owner}`, owner, groups: [], role: 'admin' },
});

/** Quantiles in simulated seconds. */
export interface Waited {
  readonly jobs: number;
  readonly median: number;
  readonly p95: number;
  readonly most: number;
}

interface Happening {
  readonly at: number;
  readonly happens: () => Promise<void>;
}

/** What will happen, the earliest first. */
class EventQueue {
  readonly #events: Happening[] = [];

  add(at: number, happens: () => Promise<void>): void {
    const place = this.#events.findLastIndex((event) => event.at <= at);
    this.#events.splice(place + 1, 0, { at, happens });
  }

  next(): Happening | undefined {
    return this.#events.shift();
  }
}

/** Queue, tables and workers of a service, where only the model's run is a sleep. */
export class SimulatedCluster {
  readonly #database: Database;
  readonly #jobs: JobStore;
  readonly #random: RandomState;
  readonly #template: Template;
  #made = 0;
  #finished = 0;

  constructor(database: Database, random: RandomState, template: Template) {
    this.#database = database;
    this.#jobs = new JobStore(database, { uploads: 1e9, storage: 1e15, jobs: 1e9 });
    this.#random = random;
    this.#template = template;
  }

  get finished(): number {
    return this.#finished;
  }

  /** Registers a checkpoint, and submits its score. @returns the id of the job, and milliseconds of the submission */
  async submit(owner: string): Promise<{ readonly id: string; readonly took: number }> {
    const { card, graph, benchmarks } = this.#template;
    const n = `${Date.now().toString(HEX)}-${++this.#made}`;
    const digest = `sha256:${Buffer.from(n).toString('hex').padStart(64, '0')}`;
    const model = `mdl_${n}`;
    await this.#database.query(
      `insert into models (id, owner, digest, name, visibility, size, card, graph)
       values ($1, $2, $3, $1, 'public', 32000000, $4, $5)`,
      [model, owner, digest, JSON.stringify(card), JSON.stringify(graph)],
    );
    const began = performance.now();
    const { id } = await this.#jobs.create(principalOf(owner), {
      ...{ kind: 'score', owner, registration: model, model, modelName: model, card, digest },
      ...{ benchmarks, sources: benchmarks, keys: benchmarks.map((name) => `${n} ${name}`) },
    });
    return { id, took: performance.now() - began };
  }

  /** Takes the next job; its milliseconds. */
  async claim(worker: string | null = null) {
    const began = performance.now();
    const claim = await this.#jobs.attempts.claim(worker);
    return { claim, took: performance.now() - began };
  }

  /** Writes the scores of a job one by one, and its end, as a worker does. */
  async finish({ job }: JobClaim): Promise<void> {
    const { scores: made, draws } = this.#template;
    const scores = made.map((score) => ({
      ...score,
      name: job.modelName,
      value: this.#random.double(),
    }));
    const { attempts } = this.#jobs;
    for (const score of scores)
      await attempts.addScore(job.id, job.attempt, score, draws.get(score.benchmark));
    await attempts.finish(job.id, job.attempt, { kind: 'score', scores, draws, failures: [] });
    this.#finished++;
  }

  /** A progress event, as a worker writes them. */
  progress({ job }: JobClaim, share: number): Promise<boolean> {
    const told = { stage: 'activations', done: Math.round(share * 1000), total: 1000, share };
    return this.#jobs.attempts.setProgress(
      job.id,
      job.attempt,
      { ...told, elapsedSeconds: 100 * share, etaSeconds: 100 * (1 - share) },
      { event: true },
    );
  }

  /**
   * Runs a stretch of time until all of its jobs have ended, by a clock that stands still while the database works.
   * @returns waiting times by owner, in simulated seconds
   */
  async run({ arrivals, workers, duration }: Stretch) {
    const waits = new Map<string, number[]>();
    const submitted = new Map<string, number>();
    const took: number[] = [];
    const events = new EventQueue();
    let [now, busy, idle] = [0, 0, workers];
    const take = async (): Promise<boolean> => {
      const { claim } = await this.claim();
      if (!claim) return false;
      // No heartbeat renews it while the clock stands still.
      await this.#database.query(
        `update tickets set lease = now() + interval '1 day' where id = $1`,
        [claim.entry.id],
      );
      const { id, owner } = claim.job;
      const wait = now - (submitted.get(id) ?? now);
      waits.set(owner, [...(waits.get(owner) ?? []), wait]);
      const seconds = duration();
      busy += seconds;
      events.add(now + seconds, async () => {
        await this.progress(claim, 0.5);
        await this.finish(claim);
        if (!(await take())) idle++;
      });
      return true;
    };
    for (const { at, owner } of arrivals)
      events.add(at, async () => {
        const made = await this.submit(owner);
        submitted.set(made.id, at);
        took.push(made.took);
        if (idle === 0) return;
        idle--;
        // An idle worker looks every second.
        events.add(at + this.#random.double(), async () => {
          if (!(await take())) idle++;
        });
      });
    for (let next = events.next(); next; next = events.next()) {
      now = next.at;
      await next.happens();
    }
    return {
      ...{ jobs: arrivals.length, workers, hours: rounded(now / 3600) },
      utilisation: rounded(busy / (workers * now)),
      waitedSeconds: Object.fromEntries([...waits].map(([owner, all]) => [owner, waited(all)])),
      submitMilliseconds: spread(took),
    };
  }

  /** What as many busy workers ask of the database in real time, for some seconds. */
  async load(workers: number, seconds: number) {
    const registry = new WorkerStore(this.#database);
    const ending = performance.now() + seconds * 1000;
    const before = await this.#activity();
    const looks: number[] = [];
    const work = async (i: number) => {
      await sleep((i / workers) * 1000);
      const id = await registry.enter({
        ...{ version: '0', runtime: {}, threads: 2, concurrency: 1 },
        providers: [],
      });
      const { claim } = await this.claim(id);
      if (!claim) throw new Error('there are too few jobs');
      for (let look = 0; performance.now() < ending; look++) {
        const began = performance.now();
        const beat = look % 5 === 0;
        await (beat ? this.#jobs.attempts.beat([claim]) : this.#jobs.attempts.over([claim]));
        looks.push(performance.now() - began);
        if (beat) {
          await registry.beat(id, 'running');
          await registry.dead();
        }
        await this.progress(claim, Math.min(1, look / 100));
        await sleep(Math.max(0, began + 1000 - performance.now()));
      }
      await this.finish(claim);
      await registry.leave(id);
    };
    await Promise.all(Array.from({ length: workers }, (_, i) => work(i)));
    const after = await this.#activity();
    return {
      workers,
      transactionsPerSecond: Math.round((after.transactions - before.transactions) / seconds),
      busyBackends: rounded((after.active - before.active) / 1000 / seconds),
      lookMilliseconds: spread(looks),
    };
  }

  async #activity() {
    // Statistics of a backend are written when it is idle.
    await sleep(1500);
    const [row] = await this.#database.query<{ transactions: number; active: number }>(
      `select (xact_commit + xact_rollback)::bigint as transactions, active_time::float8 as active
       from pg_stat_database where datname = current_database()`,
    );
    return row;
  }
}

export const rounded = (value: number) => Math.round(value * 100) / 100;

function waited(seconds: readonly number[]): Waited {
  const { n, p50 } = spread(seconds);
  const sorted = seconds.toSorted((a, b) => a - b);
  const p95 = sorted[Math.min(n - 1, Math.floor(0.95 * n))];
  return {
    jobs: n,
    median: Math.round(p50),
    p95: Math.round(p95),
    most: Math.round(sorted[n - 1]),
  };
}
