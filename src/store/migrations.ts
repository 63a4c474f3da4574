import { VentralError } from '../errors/ventral-error.js';
import type { Database } from './database.js';

/**
 * The schema, step by step: migration n takes a database from schema n to n + 1. What was released is
 * never edited, only followed by another one. Each entry is a list of statements.
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
];

/** Number of the schema that this version of ventral writes. */
export const SCHEMA = migrations.length;

/** Any number that nothing else locks on. */
const LOCK = 7_318_349;

/**
 * Brings the database to {@link SCHEMA}, one transaction a migration, under an advisory lock so that
 * two services on one PostgreSQL do not migrate at once. Throws `home-format` for a newer schema.
 */
export async function migrate(database: Database): Promise<void> {
  await database.query('create table if not exists schema_version (version integer not null)');
  for (;;) {
    const version = await database.transaction(async (queries) => {
      await queries.query('select pg_advisory_xact_lock($1)', [LOCK]);
      const [row] = await queries.query<{ version: number }>('select version from schema_version');
      const from = row?.version ?? 0;
      if (from >= SCHEMA) return from;
      for (const statement of migrations[from]) await queries.query(statement);
      await queries.query('delete from schema_version');
      await queries.query('insert into schema_version (version) values ($1)', [from + 1]);
      return from + 1;
    });
    if (version === SCHEMA) return;
    if (version > SCHEMA) {
      throw new VentralError(
        'home-format',
        `The database has schema ${version}, this ventral knows up to ${SCHEMA}: use the newer ventral that wrote it`,
      );
    }
  }
}
