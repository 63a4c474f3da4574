import type { RequestHandler } from 'express';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Database } from '../../store/database/database.js';

const kinds = ['kind'] as const;
/** Seconds: a score takes some, a layer map over thousands of stimuli an hour. */
const JOB_SECONDS = [0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600, 14_400];
const HTTP_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 60];
const OVERLAP_MS = 60_000;
const MEBIBYTES = [128, 256, 512, 1024, 2048, 4096, 8192];

interface EndedJob {
  readonly id: string;
  readonly kind: string;
  readonly state: string;
  readonly finished_at: Date;
  readonly waited: number | null;
  readonly ran: number | null;
  readonly peak: number | null;
  readonly cache_hits: number | null;
  readonly cache_misses: number | null;
}

/**
 * What Prometheus reads of a service: HTTP latency by route, the queue, and of each job that ended since
 * the service started, on whatever host, how long it waited and ran, its memory, and what came from the
 * cache of activations. Jobs are read from the database when they are asked for.
 */
export class Metrics {
  readonly #registry = new Registry();
  readonly #database: Database;
  readonly #http: Histogram<'method' | 'route' | 'status'>;
  readonly #depth: Gauge<'kind' | 'state'>;
  readonly #oldest: Gauge;
  readonly #ended: Counter<'kind' | 'state'>;
  readonly #waited: Histogram<'kind'>;
  readonly #ran: Histogram<'kind'>;
  readonly #peak: Histogram<'kind'>;
  readonly #cache: Counter<'outcome'>;
  /** By the clock of the database, which all hosts share. */
  readonly #started: Date;
  #readUntil: Date;
  #counted = new Set<string>();

  private constructor(database: Database, started: Date) {
    this.#database = database;
    this.#started = started;
    this.#readUntil = started;
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
    this.#http = new Histogram({
      ...{ name: 'ventral_http_seconds', help: 'Time until a response has ended', registers },
      ...{ labelNames: ['method', 'route', 'status'], buckets: HTTP_SECONDS },
    });
    this.#depth = new Gauge({
      ...{ name: 'ventral_jobs_open', help: 'Queued and running jobs', registers },
      labelNames: ['kind', 'state'],
    });
    this.#oldest = new Gauge({
      ...{
        name: 'ventral_jobs_oldest_wait_seconds',
        help: 'Waiting time of the oldest queued job',
      },
      registers,
    });
    this.#ended = new Counter({
      ...{ name: 'ventral_jobs_ended_total', help: 'Ended jobs', registers },
      labelNames: ['kind', 'state'],
    });
    const perKind = (name: string, help: string, buckets: number[]) =>
      new Histogram({ name, help, registers, labelNames: kinds, buckets });
    this.#waited = perKind('ventral_job_wait_seconds', 'From submission to start', JOB_SECONDS);
    this.#ran = perKind('ventral_job_run_seconds', 'From start to end', JOB_SECONDS);
    this.#peak = perKind('ventral_job_peak_mebibytes', 'Peak resident memory', MEBIBYTES);
    this.#cache = new Counter({
      ...{ name: 'ventral_activation_cache_total', help: 'Layers looked up in the cache' },
      ...{ registers, labelNames: ['outcome'] },
    });
  }

  /** Counts from now on. */
  static async open(database: Database): Promise<Metrics> {
    const [{ now }] = await database.query<{ now: Date }>('select now() as now');
    return new Metrics(database, now);
  }

  /** Measures every request under the pattern of its route (below /v1), which strangers cannot multiply. */
  measure(): RequestHandler {
    return (request, response, next) => {
      const end = this.#http.startTimer();
      response.once('close', () => {
        const pattern = request.route?.path;
        const route = typeof pattern === 'string' ? pattern.replace(/^\/v1(?=\/)/, '') : 'other';
        end({ method: request.method, route, status: response.statusCode });
      });
      next();
    };
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** The text that Prometheus reads. */
  async text(): Promise<string> {
    await this.#readQueue();
    await this.#readEnded();
    return this.#registry.metrics();
  }

  async #readQueue(): Promise<void> {
    const rows = await this.#database.query<{
      kind: string;
      state: string;
      n: number;
      oldest: number | null;
    }>(
      `select kind, state, count(*)::int as n,
       extract(epoch from now() - min(created_at) filter (where state = 'queued'))::float8 as oldest
       from jobs where state in ('queued', 'running') group by kind, state`,
    );
    this.#depth.reset();
    for (const { kind, state, n } of rows) this.#depth.set({ kind, state }, n);
    this.#oldest.set(Math.max(0, ...rows.map(({ oldest }) => oldest ?? 0)));
  }

  async #readEnded(): Promise<void> {
    // A transaction may commit a little after its own time, so that the last minute is read again.
    const since = Math.max(+this.#started, +this.#readUntil - OVERLAP_MS);
    const rows = await this.#database.query<EndedJob>(
      `select id, kind, state, finished_at,
       extract(epoch from started_at - created_at)::float8 as waited,
       extract(epoch from finished_at - started_at)::float8 as ran,
       (usage ->> 'peakRssMiB')::float8 as peak,
       (usage ->> 'cacheHits')::float8 as cache_hits, (usage ->> 'cacheMisses')::float8 as cache_misses
       from jobs where finished_at >= $1`,
      [new Date(since)],
    );
    for (const job of rows) if (!this.#counted.has(job.id)) this.#count(job);
    this.#counted = new Set(rows.map(({ id }) => id));
    this.#readUntil = new Date(
      rows.reduce((latest, job) => Math.max(latest, +job.finished_at), +this.#readUntil),
    );
  }

  #count({ kind, state, waited, ran, peak, cache_hits, cache_misses }: EndedJob): void {
    this.#ended.inc({ kind, state });
    if (waited !== null) this.#waited.observe({ kind }, waited);
    if (ran !== null) this.#ran.observe({ kind }, ran);
    if (peak !== null) this.#peak.observe({ kind }, peak);
    if (cache_hits) this.#cache.inc({ outcome: 'hit' }, cache_hits);
    if (cache_misses) this.#cache.inc({ outcome: 'miss' }, cache_misses);
  }
}
