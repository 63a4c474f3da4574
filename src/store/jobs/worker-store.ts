import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { VentralError } from '../../errors/ventral-error.js';
import type { Execution, Provider } from '../../runtime/provider.js';
import type { Database } from '../database/database.js';
import { jsonText } from '../database/json-text.js';
import { SCHEMA } from '../database/migrations.js';
import { pidSpace, processStart } from '../files/process-identity.js';
import { HEARTBEAT_SECONDS } from './job-queue.js';

/** A worker that takes jobs, or is ending. */
export interface WorkerRecord {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  /** Of ventral. */
  readonly version: string;
  /** What its numbers depend on: see `runtimeIdentity`; and its processor. */
  readonly runtime: unknown;
  readonly threads: number;
  /** What jobs may ask for beside the CPU. */
  readonly providers: readonly Execution[];
  /** Concurrent jobs. */
  readonly concurrency: number;
  readonly state: 'running' | 'draining';
  readonly startedAt: Date;
  readonly heartbeatAt: Date;
  /** Ids of the jobs that it has. */
  readonly jobs: readonly string[];
}

/** A worker's description of itself. */
export type WorkerIdentity = Pick<
  WorkerRecord,
  'version' | 'runtime' | 'threads' | 'concurrency' | 'providers'
>;

/** SQL condition: a worker sent a recent heartbeat. */
const ALIVE = `heartbeat_at > now() - interval '${HEARTBEAT_SECONDS} seconds'`;

/** The workers that use a database. */
export class WorkerStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Enters this process. @returns the id of the worker */
  async enter(identity: WorkerIdentity): Promise<string> {
    const { version, runtime, threads, concurrency, providers } = identity;
    const id = randomUUID();
    await this.#database.query(
      `insert into workers (id, host, machine, pid, process, version, runtime, threads, concurrency, providers, state)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'running')`,
      [
        ...[id, hostname(), pidSpace(), process.pid, processStart(process.pid) ?? null],
        ...[version, jsonText(runtime), threads, concurrency, jsonText(providers)],
      ],
    );
    return id;
  }

  /** Writes the heartbeat of a worker, and removes workers without recent heartbeats. */
  async beat(id: string, state: WorkerRecord['state']): Promise<void> {
    await this.#database.query(
      'update workers set heartbeat_at = now(), state = $2 where id = $1',
      [id, state],
    );
    await this.#database.query(
      `delete from workers where heartbeat_at < now() - interval '1 hour'`,
    );
  }

  async leave(id: string): Promise<void> {
    await this.#database.query('delete from workers where id = $1', [id]);
  }

  /** Forgets all, where this process has the database to itself. */
  async clear(): Promise<void> {
    await this.#database.query('delete from workers');
  }

  /** Active workers, oldest first. */
  async list(): Promise<WorkerRecord[]> {
    return this.#database.query<WorkerRecord & Record<string, unknown>>(
      `select id, host, pid, version, runtime, threads, concurrency, providers, state,
       started_at as "startedAt", heartbeat_at as "heartbeatAt",
       array(select jobs.id from jobs where jobs.worker = workers.id and jobs.state = 'running' order by seq) as jobs
       from workers where ${ALIVE} order by started_at, id`,
    );
  }

  /** How many more jobs all workers with a provider could do now; all workers have the CPU. */
  async idle(provider?: Provider): Promise<number> {
    const able = `state = 'running' and ${ALIVE} and ($1::text is null or providers @> jsonb_build_array(jsonb_build_object('provider', $1::text)))`;
    const [{ idle }] = await this.#database.query<{ idle: number }>(
      `select (select coalesce(sum(concurrency), 0) from workers where ${able})::int
       - (select count(*) from jobs where state = 'running'
          and ($1::text is null or worker in (select id from workers where ${able})))::int as idle`,
      [provider ?? null],
    );
    return Math.max(0, idle);
  }

  /**
   * Removes the workers of this machine whose processes have died: their jobs need not wait until the heartbeat is
   * overdue.
   * @returns their ids
   */
  async dead(): Promise<string[]> {
    const here = await this.#database.query<{ id: string; pid: number; process: string | null }>(
      'select id, pid, process from workers where machine = $1',
      [pidSpace()],
    );
    return here
      .filter(({ pid, process: start }) => processStart(pid) !== start)
      .map(({ id }) => id);
  }

  /** Notes which ventral the service is that uses the database. */
  async claimVersion(version: string): Promise<void> {
    await this.#database.query('update installation set version = $1', [version]);
  }

  /**
   * @throws VentralError `version-skew` where the database was migrated or is used by another version than this
   *   one: numbers and rows of two versions do not mix
   */
  async requireSameVersion(version: string): Promise<void> {
    const there = await this.#database.query<{ name: string | null }>(
      `select to_regclass('installation')::text as name`,
    );
    const [row] = there[0]?.name
      ? await this.#database.query<{ schema: number; version: string | null }>(
          'select schema_version.version as schema, installation.version from schema_version, installation',
        )
      : [];
    const used = row?.version ?? null;
    if (row?.schema === SCHEMA && (used === null || used === version)) return;
    const found = row ? `schema ${row.schema}, ventral ${used ?? 'unknown'}` : 'no tables';
    throw new VentralError(
      'version-skew',
      `This is ventral ${version} with schema ${SCHEMA}, the database has ${found}: start the service first, and run the same version on every host`,
      { expected: `schema ${SCHEMA}, ventral ${version}`, found },
    );
  }
}
