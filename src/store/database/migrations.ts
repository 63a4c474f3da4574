import { VentralError } from '../../errors/ventral-error.js';
import type { Database, Queries } from './database.js';
import { historyTables } from './history-tables.js';
import { broughtScoreboards, scoreboardTables } from './scoreboard-tables.js';

/**
 * The schema, step by step: migration n takes a database from schema n to n + 1. Released migrations are never
 * edited, only followed by new ones. Each entry is a list of statements.
 */
const migrations: readonly (readonly string[])[] = [
  [
    `create table models (
      id text primary key,
      seq bigint generated always as identity,
      digest text not null unique,
      name text not null,
      visibility text not null,
      size bigint not null,
      card jsonb,
      graph jsonb not null,
      created_at timestamptz not null default now()
    )`,
    'create unique index models_seq on models (seq)',
    `create table jobs (
      id text primary key,
      seq bigint generated always as identity,
      state text not null check (state in ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
      model text not null,
      digest text not null,
      model_name text not null,
      card jsonb not null,
      benchmarks jsonb not null,
      keys jsonb not null,
      layers jsonb,
      input jsonb,
      attempt integer not null default 0,
      progress jsonb,
      failures jsonb not null default '[]',
      created_at timestamptz not null default now(),
      started_at timestamptz,
      finished_at timestamptz
    )`,
    'create unique index jobs_seq on jobs (seq)',
    `create index jobs_open on jobs (seq) where state in ('queued', 'running')`,
    'create index jobs_digest on jobs (digest, seq)',
    `create table results (
      job text not null references jobs (id),
      benchmark text not null,
      key text not null,
      score jsonb not null,
      created_at timestamptz not null default now(),
      primary key (job, benchmark)
    )`,
    'create index results_key on results (key)',
  ],
  [
    `create table benchmarks (
      id text primary key,
      seq bigint generated always as identity,
      digest text not null unique,
      file text not null,
      visibility text not null,
      size bigint not null,
      summary jsonb not null,
      created_at timestamptz not null default now()
    )`,
    'create unique index benchmarks_seq on benchmarks (seq)',
    'alter table jobs add column sources jsonb',
    'update jobs set sources = benchmarks',
    'alter table jobs alter column sources set not null',
  ],
  [
    `alter table jobs add column kind text not null default 'score' check (kind in ('score', 'layer-map'))`,
    'alter table jobs alter column kind drop default',
    'create index jobs_kind on jobs (kind, seq)',
    'alter table jobs add column holdout boolean',
    // Plain json: a map is kept and given back as it is, about a megabyte of it.
    `create table layer_maps (
      job text primary key references jobs (id),
      key text not null,
      map json not null,
      created_at timestamptz not null default now()
    )`,
    'create index layer_maps_key on layer_maps (key)',
    // The job whose map this is: its own, or that of an earlier job of equal inputs.
    'alter table jobs add column map_of text references layer_maps (job)',
  ],
  [
    // Registrations and jobs belong to an owner; until now there was one user.
    `alter table models add column owner text not null default 'local', add column group_name text`,
    'alter table models alter column owner drop default',
    'alter table models drop constraint models_digest_key',
    'create unique index models_owner_digest on models (digest, owner)',
    `alter table benchmarks add column owner text not null default 'local', add column group_name text`,
    'alter table benchmarks alter column owner drop default',
    'alter table benchmarks drop constraint benchmarks_digest_key',
    'create unique index benchmarks_owner_digest on benchmarks (digest, owner)',
    `alter table jobs add column owner text not null default 'local', add column registration text,
      add column priority integer not null default 0, add column webhook jsonb,
      add column last_event integer not null default 0`,
    'alter table jobs alter column owner drop default',
    // The registration of the model, null for a shipped one; it may be removed later.
    'update jobs set registration = models.id from models where models.digest = jobs.digest',
    // Usage of an ended job: peakRssMiB, cacheHits, cacheMisses.
    'alter table jobs add column usage jsonb',
    // Its entry in the queue; the worker that has or had it; how often one was lost with it; why it is
    // where it is; its last lines of log; and the threads that all its parts are computed with.
    `alter table jobs add column entry uuid, add column worker text,
      add column faults integer not null default 0, add column reason text,
      add column log text[] not null default '{}', add column threads integer`,
    `create table workers (
      id text primary key,
      host text not null,
      machine text not null,
      pid integer not null,
      process text,
      version text not null,
      runtime jsonb not null,
      threads integer not null,
      concurrency integer not null,
      state text not null check (state in ('running', 'draining')),
      started_at timestamptz not null default now(),
      heartbeat_at timestamptz not null default now()
    )`,
    // Parts of a job that several workers compute, and their results, until the job has ended.
    `create table parts (
      job text not null references jobs (id) on delete cascade,
      part integer not null,
      task json not null,
      state text not null check (state in ('open', 'done', 'failed')),
      runtime jsonb,
      reason text,
      primary key (job, part)
    )`,
    `create table cells (
      job text not null references jobs (id) on delete cascade,
      key text not null,
      bytes bytea not null,
      primary key (job, key)
    )`,
    'create index jobs_finished on jobs (finished_at)',
    'create index jobs_started on jobs (started_at)',
    'create index jobs_owner on jobs (owner, seq)',
    'create index jobs_registration on jobs (registration, seq)',
    // What leaderboards read, without opening the JSON.
    `alter table results
      add column value double precision generated always as ((score ->> 'value')::double precision) stored,
      add column error double precision generated always as ((score ->> 'error')::double precision) stored,
      add column ci_low double precision generated always as ((score #>> '{ci,0}')::double precision) stored,
      add column ci_high double precision generated always as ((score #>> '{ci,1}')::double precision) stored,
      add column selection boolean generated always as ((score ->> 'selection')::boolean) stored,
      add column simulated boolean generated always as ((score ->> 'simulated')::boolean) stored,
      add column region text generated always as (score ->> 'region') stored,
      add column version integer generated always as ((score ->> 'version')::integer) stored,
      add column by_flag boolean generated always as (score #>> '{layerChoice,by}' = 'flag') stored`,
    `create table events (
      job text not null references jobs (id) on delete cascade,
      id integer not null,
      type text not null check (type in ('state', 'progress', 'result', 'end')),
      data json not null,
      created_at timestamptz not null default now(),
      primary key (job, id)
    )`,
    `create table keys (
      id text primary key,
      seq bigint generated always as identity,
      name text not null,
      role text not null check (role in ('admin', 'member', 'reader')),
      owner text not null,
      groups text[] not null default '{}',
      hash text not null unique,
      created_at timestamptz not null default now(),
      expires_at timestamptz,
      revoked_at timestamptz
    )`,
    `create table audit (
      id text primary key,
      seq bigint generated always as identity,
      created_at timestamptz not null default now(),
      key text,
      owner text not null,
      action text not null,
      target text,
      detail jsonb
    )`,
    // Recent registrations of an owner.
    'create unique index audit_seq on audit (seq)',
    'create index audit_owner on audit (owner, created_at)',
    `create table idempotency (
      principal text not null,
      method text not null,
      path text not null,
      key text not null,
      token text not null,
      lease timestamptz not null,
      fingerprint text,
      made text,
      answer json,
      created_at timestamptz not null default now(),
      primary key (principal, method, path, key)
    )`,
    'create index idempotency_created on idempotency (created_at)',
    // Webhook deliveries of ended jobs.
    'create index jobs_webhook on jobs (id) where webhook is not null',
    `create table deliveries (
      id text primary key,
      job text not null unique references jobs (id) on delete cascade,
      state text not null default 'waiting' check (state in ('waiting', 'delivered', 'failed')),
      attempts integer not null default 0,
      next_at timestamptz not null default now(),
      tries jsonb not null default '[]'
    )`,
    `create index deliveries_due on deliveries (next_at) where state = 'waiting'`,
    // Which database a folder of files belongs to; see HOME/format.json.
    'create table installation (id uuid not null default gen_random_uuid(), version text)',
    'insert into installation default values',
    ...scoreboardTables,
  ],
  [
    `alter table jobs drop constraint jobs_kind_check,
      add constraint jobs_kind_check check (kind in ('score', 'layer-map', 'training'))`,
    `alter table events drop constraint events_type_check,
      add constraint events_type_check check (type in ('state', 'progress', 'metric', 'result', 'end'))`,
    // Of a training: what is asked, what it depends on, the checkpoint that came out, and the bytes that
    // its owner may store with its checkpoints (null: any number).
    'alter table jobs add column recipe json, add column run jsonb, add column network text, add column storage bigint',
    // Their bytes are stored as those of models are.
    `create table checkpoints (
      job text not null references jobs (id) on delete cascade,
      name text not null,
      seq bigint generated always as identity,
      stage text not null,
      epoch integer,
      digest text not null,
      size bigint not null,
      created_at timestamptz not null default now(),
      primary key (job, name)
    )`,
    'create unique index checkpoints_seq on checkpoints (seq)',
    'create index checkpoints_digest on checkpoints (digest)',
  ],
  ['alter table jobs add column detail boolean not null default false'],
  [
    // Who signed in with a browser: the hash of what its cookie holds.
    `create table sessions (
      hash text primary key,
      seq bigint generated always as identity,
      key text not null references keys (id) on delete cascade,
      created_at timestamptz not null default now(),
      expires_at timestamptz not null
    )`,
    'create index sessions_key on sessions (key, seq)',
  ],
  [
    // What counts against the quota beside files: rows, and what an archive was unpacked to (null: not
    // measured yet, see `measureUnpacked`).
    `alter table models add column record_bytes bigint generated always as
      (octet_length(name) + coalesce(octet_length(card::text), 0) + octet_length(graph::text)) stored`,
    `alter table benchmarks add column unpacked bigint, add column record_bytes bigint generated always as
      (octet_length(file) + octet_length(summary::text)) stored`,
    'alter table jobs add column bytes bigint not null default 0',
    `update jobs set bytes = 1024 + octet_length(concat(model, card, benchmarks, sources, keys, layers, input, recipe))
      + coalesce((select sum(octet_length(data::text) * case when type = 'result' then 2 else 1 end)
          from events where events.job = jobs.id), 0)
      + coalesce((select octet_length(map::text) from layer_maps where layer_maps.job = jobs.id), 0)`,
    // Storage that uploads under way may fill.
    `create table reservations (
      id text primary key,
      seq bigint generated always as identity,
      owner text not null,
      holder text not null,
      bytes bigint not null,
      lease timestamptz not null
    )`,
    'create index reservations_owner on reservations (owner)',
    // Answers are kept up to a number and size an owner.
    `alter table idempotency add column owner text not null default 'local', add column bytes integer not null default 0`,
    'alter table idempotency alter column owner drop default',
    `update idempotency set owner = keys.owner from keys where keys.id = idempotency.principal`,
    'update idempotency set bytes = octet_length(answer::text) where answer is not null',
    'create index idempotency_owner on idempotency (owner, created_at)',
  ],
  [
    // The queue of jobs (see job-queue.ts); until now pg-boss kept it, in a schema that may be of other programs too.
    `create table tickets (
      id uuid primary key default gen_random_uuid(),
      seq bigint generated always as identity,
      queue text not null check (queue in ('jobs', 'parts')),
      job text not null,
      part integer,
      priority integer not null,
      takes integer not null default 0,
      lease timestamptz
    )`,
    'create index tickets_next on tickets (queue, priority desc, seq)',
    `do $$ begin
      if to_regclass('pgboss.job') is not null then
        insert into tickets (id, queue, job, part, priority)
        select id, name, data ->> 'job', (data ->> 'part')::integer, priority from pgboss.job
        where state::text in ('created', 'retry', 'active') and (
          (name = 'jobs' and exists (select from jobs where jobs.entry = pgboss.job.id))
          or (name = 'parts' and exists (select from parts where parts.job = data ->> 'job'))
        ) order by created_on, id;
      end if;
    end $$`,
  ],
  [
    // Scores that were computed elsewhere: what their receipt says of it, and the receipt.
    'alter table jobs add column brought jsonb',
    `create table receipts (
      job text primary key references jobs (id) on delete cascade,
      receipt json not null
    )`,
    `create unique index jobs_brought on jobs (owner, (brought ->> 'digest')) where brought is not null and state = 'succeeded'`,
    broughtScoreboards,
  ],
  // Principal components on which a map compares layers too, and pooled maps that it has as rows.
  ['alter table jobs add column pca integer, add column pool jsonb'],
  [
    // The draws behind the interval of a score (scoring/draws/encode-draws.ts), for paired differences.
    `create table score_draws (
      job text not null,
      benchmark text not null,
      bytes bytea not null,
      primary key (job, benchmark),
      foreign key (job, benchmark) references results (job, benchmark) on delete cascade
    )`,
    'alter table score_draws alter column bytes set storage external',
  ],
  [
    // What boards and lists are filtered by, as cards say it; parameters else as the check of the graph counted them.
    `alter table models
      add column weights text generated always as (card ->> 'weights') stored,
      add column parameters bigint generated always as (
        case when coalesce(card ->> 'parameters', graph ->> 'parameters') ~ '^[0-9]{1,15}$'
          then coalesce(card ->> 'parameters', graph ->> 'parameters')::bigint end) stored,
      add column family text generated always as (card ->> 'family') stored,
      add column training_data jsonb generated always as (card -> 'training_data') stored,
      add column published text generated always as (card ->> 'date') stored,
      add column licence text generated always as (coalesce(card ->> 'licence', card #>> '{source,licence}')) stored`,
  ],
  historyTables,
  // Whether a map chooses within the training part of each split, too, and the nulls whose floors stand beside results.
  ['alter table jobs add column nested boolean, add column floors jsonb'],
  // Of an upload in pieces: the digest that its bytes must have (see upload-store.ts).
  ['alter table reservations add column digest text'],
  [
    // What a job is to be computed on, where not every worker has it, and what a worker has beside the CPU.
    'alter table jobs add column provider text',
    'alter table tickets add column provider text',
    `alter table workers add column providers jsonb not null default '[]'`,
  ],
];

/** All that makes the schema, as text. */
export const schemaText = JSON.stringify(migrations);

/** Number of the schema that this version of ventral writes. */
export const SCHEMA = migrations.length;

/** Any number that nothing else locks on. */
const LOCK = 7_318_349;

/**
 * Brings the database to {@link SCHEMA}, one transaction a migration, under an advisory lock so that
 * two services on one PostgreSQL do not migrate at once.
 * @throws VentralError `home-format` for a newer schema
 * @param until an earlier schema to stop at
 */
export async function migrate(database: Database, until = SCHEMA): Promise<void> {
  while ((await database.transaction((queries) => step(queries, until))) < until);
}

/** The same inside a transaction that does more. */
export async function migrateWithin(queries: Queries, until = SCHEMA): Promise<void> {
  while ((await step(queries, until)) < until);
}

/** Takes the database one schema further, if it is not there yet. @returns its schema */
async function step(queries: Queries, until: number): Promise<number> {
  // Other processes wait here during a migration.
  await queries.query('set local statement_timeout = 0');
  await queries.query('select pg_advisory_xact_lock($1)', [LOCK]);
  await queries.query('create table if not exists schema_version (version integer not null)');
  const [row] = await queries.query<{ version: number }>('select version from schema_version');
  const from = row?.version ?? 0;
  if (from > SCHEMA) {
    throw new VentralError(
      'home-format',
      `The database has schema ${from}, this ventral supports up to ${SCHEMA}: use the newer ventral that wrote it`,
    );
  }
  if (from === SCHEMA) await identify(queries);
  if (from >= until) return from;
  for (const statement of migrations[from]) await queries.query(statement);
  await queries.query('delete from schema_version');
  await queries.query('insert into schema_version (version) values ($1)', [from + 1]);
  return from + 1;
}

/** Gives a prepared database its id, which others have from their migration. */
const identify = (queries: Queries) =>
  queries.query('insert into installation select where not exists (select from installation)');
