import { setImmediate as turn } from 'node:timers/promises';
import type { ModelFacts } from '../../scoring/model/model-facts.js';
import type { Database } from '../database/database.js';
import { jsonText } from '../database/json-text.js';
import type { BenchmarkRecord, BenchmarkSummary } from './benchmark-store.js';
import type { Visibility } from './model-store.js';
import { asking, type Principal, SERVICE_OWNER, seen } from './principal.js';
import {
  type BoardScore,
  type Cell,
  cellColumns,
  type ModelRow,
  modelsOf,
  type StoredModel,
  scoreOf,
  type WantedBenchmark,
} from './result-store.js';

/** What a service ships: its benchmarks, as the service describes them, and its models with what their cards say of them. */
export interface Catalog<B = unknown> {
  readonly benchmarks: readonly B[];
  readonly models: Readonly<Record<string, ModelFacts>>;
}

/** What a registration of a model was. */
export interface ModelState {
  readonly name: string;
  readonly digest: string;
  readonly visibility: Visibility;
  readonly group: string | null;
}

/** A change of what boards are made of, of something that a principal may see now. */
export type BoardChange = {
  readonly seq: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly subject: string;
  readonly owner: string;
} & (
  | { readonly kind: 'model'; readonly state: ModelState | null }
  | {
      readonly kind: 'scores';
      readonly state: { readonly cells: Readonly<Record<string, Cell | null>> };
    }
  | {
      readonly kind: 'benchmark';
      readonly state: {
        readonly summary: BenchmarkSummary;
        readonly visibility: Visibility;
        readonly group: string | null;
      } | null;
    }
  | { readonly kind: 'catalog'; readonly state: Catalog }
);

/** Changes that one statement reads: at most so many, of at most so many bytes as they are stored, which is compressed. */
const CHANGES_CHUNK = 200;
const CHANGES_BYTES = 3 * 2 ** 14;

/** SQL condition on a row of `board_history`: the principal could see the registration as it was then. */
const seenThen = (row: string) =>
  `($1::boolean or ${row}.owner = $2::text or ${row}.state ->> 'visibility' = 'public'
    or (${row}.state ->> 'visibility' = 'group' and ${row}.state ->> 'group' = any($3::text[])))`;

/** SQL condition: the principal may see it now, too. What was removed is left to its owner and to admins, as its jobs are. */
const seenNow = (row: string, table: 'models' | 'benchmarks') =>
  `case when exists (select from ${table} where ${table}.id = ${row}.subject)
    then exists (select from ${table} where ${table}.id = ${row}.subject and ${seen(table)})
    else $1::boolean or ${row}.owner = $2::text end`;

const stateAt = (kind: 'model' | 'benchmark') =>
  `select distinct on (subject) seq, subject, owner, state from board_history
   where kind = '${kind}' and at <= $4::timestamptz order by subject, seq desc`;

const MODELS_AT = `
  with past as (${stateAt('model')})
  select subject as id, state ->> 'name' as name, state ->> 'digest' as digest, owner, state ->> 'visibility' as visibility,
    '' as board, state ->> 'weights' as weights, (state ->> 'parameters')::bigint as parameters, state ->> 'family' as family,
    nullif(state -> 'training_data', 'null'::jsonb) as training_data, state ->> 'published' as published, state ->> 'licence' as licence
  from past where state is not null and ${seenThen('past')} and ${seenNow('past', 'models')}
  union all
  select distinct subject, subject, '', '${SERVICE_OWNER}', 'public', owner, null::text, null::bigint, null::text, null::jsonb, null::text, null::text
  from board_history where kind = 'scores' and subject = any($5::text[]) and at <= $4::timestamptz
  and ($1::boolean or owner in ($2::text, '${SERVICE_OWNER}'))
  order by id, board`;

const SCORES_AT = `
  select subject, owner, state from board_history
  where kind = 'scores' and seq > $1::bigint and seq <= $2::bigint and at <= $3::timestamptz order by seq`;

const UPLOADS_AT = `
  with past as (${stateAt('benchmark')})
  select subject as id, state -> 'summary' as summary
  from past where state is not null and ${seenThen('past')} and ${seenNow('past', 'benchmarks')} order by (
    select min(seq) from board_history where board_history.subject = past.subject and board_history.owner = past.owner)`;

const CHANGES = `
  select seq, (1000 * extract(epoch from at))::float8 as at, kind, subject, owner, state from board_history as past
  where seq > $4::bigint and seq <= $5::bigint and case kind
    when 'model' then ${seenNow('past', 'models')}
    when 'benchmark' then ${seenNow('past', 'benchmarks')}
    when 'scores' then case when past.owner <> '' then $1::boolean or past.owner in ($2::text, '${SERVICE_OWNER}')
      else exists (select from models where models.id = past.subject and ${seen('models')})
        or (not exists (select from models where models.id = past.subject) and ($1::boolean or exists (
          select from board_history as known where known.subject = past.subject and known.owner = $2::text))) end
    else true end
  order by seq`;

/** The last change of the next ones that are read together. */
const CHANGES_END = `
  select coalesce(max(seq) filter (where size <= ${CHANGES_BYTES}), min(seq)) as last from (
    select seq, sum(coalesce(pg_column_size(state), 0)) over (order by seq) as size
    from (select seq, state from board_history where seq > $1::bigint order by seq limit ${CHANGES_CHUNK}) as next
  ) as sized`;

interface ScoresRow {
  readonly subject: string;
  readonly owner: string;
  readonly state: {
    readonly digest: string;
    readonly cells: Readonly<Record<string, Cell | null>>;
  };
}

/** Answers that are kept. */
const KEPT = 4;
/** Seconds after which nothing is written with an earlier time. */
const SETTLED_MS = 60_000;

/**
 * What boards were made of at earlier dates. A principal sees of a date what it could see then and may see now: what has become
 * private since, or was removed, is in no board of others, of whatever date.
 */
export class HistoryStore {
  readonly #database: Database;
  readonly #answers = new Map<string, readonly StoredModel[]>();

  constructor(database: Database) {
    this.#database = database;
  }

  /** Writes down what a service ships, if it is something else than before. */
  async recordCatalog(catalog: Catalog): Promise<void> {
    await this.#database.query(
      `insert into board_history (kind, subject, owner, state)
       select 'catalog', '', '', $1::jsonb where $1::jsonb is distinct from
         (select state from board_history where kind = 'catalog' order by seq desc limit 1)`,
      [jsonText(catalog)],
    );
  }

  /** What was shipped at a date; before the first that is known, that one. */
  async catalogAt(at: string): Promise<Catalog | undefined> {
    const [row] = await this.#database.query<{ state: Catalog }>(
      `select state from board_history where kind = 'catalog'
       order by at <= $1::timestamptz desc, case when at <= $1::timestamptz then -seq else seq end limit 1`,
      [at],
    );
    return row?.state;
  }

  /**
   * When changes began to be recorded, of a home that had been used before; null of one that was not. What is known of earlier dates
   * lacks what was removed, renamed or hidden before.
   */
  async recordedSince(): Promise<Date | null> {
    const [row] = await this.#database.query<{ at: Date | null }>(
      // What was backfilled comes first.
      `select min(at) as at from board_history where kind = 'catalog'
       and (select backfilled from board_history order by seq limit 1)`,
    );
    return row?.at ?? null;
  }

  /** Uploaded benchmarks that the principal sees of a date, oldest first. */
  uploadsAt(principal: Principal, at: string): Promise<Pick<BenchmarkRecord, 'id' | 'summary'>[]> {
    return this.#database.query(UPLOADS_AT, [...asking(principal), at]);
  }

  /** Models with a score on one of the benchmarks as it was at a date; see `ResultStore.scoredModels`. */
  async scoredModels(
    principal: Principal,
    benchmarks: readonly WantedBenchmark[],
    shipped: Catalog['models'],
    { at, anyLayer }: { readonly at: string; readonly anyLayer: boolean },
  ): Promise<readonly StoredModel[]> {
    const rows = await this.#database.query<ModelRow>(MODELS_AT, [
      ...asking(principal),
      at,
      Object.keys(shipped),
    ]);
    await turn();
    const state = JSON.stringify([at, await this.#lastOf(at), rows, benchmarks, anyLayer]);
    const answer =
      this.#answers.get(state) ?? (await this.#made(rows, benchmarks, shipped, { at, anyLayer }));
    this.#answers.delete(state);
    this.#answers.set(state, answer);
    if (this.#answers.size > KEPT) this.#answers.delete(this.#answers.keys().next().value ?? '');
    return answer;
  }

  /** Tells states of a recent date apart, which changes still come to. */
  async #lastOf(at: string): Promise<number | null> {
    if (Date.parse(at) < Date.now() - SETTLED_MS) return null;
    const [{ seq }] = await this.#database.query<{ seq: number | null }>(
      'select max(seq) as seq from board_history',
    );
    return seq;
  }

  async #made(
    rows: readonly ModelRow[],
    benchmarks: readonly WantedBenchmark[],
    shipped: Catalog['models'],
    { at, anyLayer }: { readonly at: string; readonly anyLayer: boolean },
  ): Promise<StoredModel[]> {
    const columns = cellColumns(benchmarks, anyLayer);
    const wanted = new Set(columns.flatMap(({ keys, brought }) => [...keys, ...brought]));
    const boards = rows.map((row) => ({ ...row, cells: new Map<string, BoardScore>() }));
    const byName = new Map(boards.map((board) => [`${board.board} ${board.id}`, board]));
    for await (const range of this.#ranges()) {
      const changes = await this.#database.query<ScoresRow>(SCORES_AT, [...range, at]);
      for (const { subject, owner, state } of changes) {
        const board = byName.get(`${owner} ${subject}`);
        if (!board) continue;
        board.digest = state.digest;
        for (const [key, cell] of Object.entries(state.cells)) {
          if (!wanted.has(key)) continue;
          if (cell) board.cells.set(key, scoreOf(key, cell));
          else board.cells.delete(key);
        }
      }
    }
    return modelsOf(boards, boards, { columns, shipped: new Map(Object.entries(shipped)) });
  }

  /**
   * Every change of what the principal may see now, in order, of models and benchmarks with what they were then, seen by it then or
   * not.
   */
  async *changes(principal: Principal): AsyncGenerator<readonly BoardChange[]> {
    for await (const range of this.#ranges())
      yield await this.#database.query<BoardChange>(CHANGES, [...asking(principal), ...range]);
  }

  /** All rows in parts of a bounded size, between which others have their turn. */
  async *#ranges(): AsyncGenerator<readonly [after: number, last: number]> {
    for (let after = 0; ; ) {
      const [{ last }] = await this.#database.query<{ last: number | null }>(CHANGES_END, [after]);
      if (last === null) return;
      yield [after, last];
      await turn();
      after = last;
    }
  }
}

/** Whether a principal could see a registration as it was then; in SQL, {@link seenThen}. */
export const couldSee = (
  { role, owner, groups }: Principal,
  of: string,
  { visibility, group }: Pick<ModelState, 'visibility' | 'group'>,
): boolean =>
  role === 'admin' ||
  of === owner ||
  visibility === 'public' ||
  (visibility === 'group' && group !== null && groups.includes(group));
