import { setImmediate as turn } from 'node:timers/promises';
import type { Database, Queries, Row } from './database.js';

/** A table as a backup holds it. */
export interface BackupTable {
  readonly name: string;
  /** Columns that order its rows. */
  readonly order: string;
  /** SQL expressions in place of columns that hold secrets. */
  readonly without?: Readonly<Record<string, string>>;
}

/** Tables of a backup. */
export const backupTables: readonly BackupTable[] = [
  { name: 'models', order: 'seq' },
  { name: 'benchmarks', order: 'seq' },
  { name: 'jobs', order: 'seq', without: { webhook: `webhook - 'secret'` } },
  { name: 'results', order: 'job, benchmark' },
  { name: 'score_draws', order: 'job, benchmark' },
  { name: 'receipts', order: 'job' },
  { name: 'layer_maps', order: 'job' },
  { name: 'checkpoints', order: 'seq' },
  { name: 'events', order: 'job, id' },
  { name: 'deliveries', order: 'job' },
  { name: 'keys', order: 'seq' },
  { name: 'audit', order: 'seq' },
  { name: 'board_history', order: 'seq' },
  { name: 'idempotency', order: 'principal, method, path, key' },
];

/** Bytes and number of rows that are written at a time. */
const BATCH_BYTES = 2 ** 22;
const MOST_ROWS = 500;
/**
 * Bytes as stored of the rows that are read at a time. The embedded database works in the thread of the service, and
 * large values are stored compressed.
 */
const READ_BYTES = 2 ** 14;

/** Runs work that only reads, on the state of one moment. */
export function snapshot<T>(
  database: Database,
  work: (queries: Queries) => Promise<T>,
): Promise<T> {
  return database.transaction(async (queries) => {
    await queries.query('set transaction isolation level repeatable read, read only');
    return work(queries);
  });
}

/**
 * The rows of a table, one JSON text each, in batches of a bounded size, between which others have their turn. Numbers
 * keep every bit and a `json` column its text. Inside a transaction.
 */
export async function* rowsOf(
  queries: Queries,
  { name, order, without = {} }: BackupTable,
): AsyncGenerator<readonly string[]> {
  const all = await columnsOf(queries, name);
  const columns = all.map((column) => {
    const kept = without[column.replaceAll('"', '')];
    return kept ? `${kept} as ${column}` : column;
  });
  const sizes = all.map((column) => `coalesce(pg_column_size(${column}), 0)`).join(' + ');
  // Most of the orders have an index; a sort would read the whole table before its first row.
  await queries.query('set local enable_sort = off');
  await queries.query(
    `declare sizes no scroll cursor for select ${sizes} as size from ${name} order by ${order}`,
  );
  await queries.query(
    `declare backup no scroll cursor for select row_to_json(${name})::text as row
     from (select ${columns.join(', ')} from ${name}) as ${name} order by ${order}`,
  );
  for await (const count of batchesOf(queries)) {
    const rows = await queries.query<{ row: string }>(`fetch ${count} from backup`);
    yield rows.map(({ row }) => row);
    await turn();
  }
  await queries.query('close backup');
  await queries.query('close sizes');
}

/** How many of the next rows are read together, by what the cursor of sizes says. */
async function* batchesOf(queries: Queries): AsyncGenerator<number> {
  for (;;) {
    const sizes = await queries.query<{ size: number }>(`fetch ${MOST_ROWS} from sizes`);
    await turn();
    let [count, bytes] = [0, 0];
    for (const { size } of sizes) {
      if (count > 0 && bytes + size > READ_BYTES) {
        yield count;
        [count, bytes] = [0, 0];
      }
      count++;
      bytes += size;
    }
    if (count > 0) yield count;
    if (sizes.length < MOST_ROWS) return;
  }
}

/** Inserts rows from {@link rowsOf}; generated columns are recomputed. */
export async function insertRows(
  queries: Queries,
  table: string,
  rows: AsyncIterable<string>,
): Promise<void> {
  const columns = (await columnsOf(queries, table)).join(', ');
  const insert = (batch: readonly string[]) =>
    queries.query(
      `insert into ${table} (${columns}) overriding system value
       select ${columns} from json_populate_recordset(null::${table}, $1::json)`,
      [`[${batch.join(',')}]`],
    );
  let batch: string[] = [];
  let bytes = 0;
  for await (const row of rows) {
    batch.push(row);
    bytes += row.length;
    if (bytes < BATCH_BYTES && batch.length < MOST_ROWS) continue;
    await insert(batch);
    batch = [];
    bytes = 0;
  }
  if (batch.length > 0) await insert(batch);
}

async function columnsOf(queries: Queries, table: string): Promise<string[]> {
  const rows = await queries.query<{ column_name: string }>(
    `select column_name from information_schema.columns
     where table_schema = current_schema() and table_name = $1 and is_generated = 'NEVER' order by ordinal_position`,
    [table],
  );
  return rows.map(({ column_name }) => `"${column_name}"`);
}

/** Sets sequences to continue after the inserted rows. */
export async function continueSequences(queries: Queries): Promise<void> {
  const columns = await queries.query<{ name: string; column: string }>(
    `select table_name as name, column_name as column from information_schema.columns
     where table_schema = current_schema() and is_identity = 'YES'`,
  );
  for (const { name, column } of columns) {
    await queries.query(
      `select setval(pg_get_serial_sequence('${name}', '${column}'), coalesce(max(${column}), 1), max(${column}) is not null) from ${name}`,
    );
  }
}

/**
 * Runs work without foreign keys, so that tables which refer to each other can be filled one after the
 * other; they are checked at its end. Inside a transaction.
 */
export async function withoutForeignKeys(
  queries: Queries,
  work: () => Promise<void>,
): Promise<void> {
  const keys = await queries.query<{ name: string; target: string; definition: string }>(
    `select conname as name, conrelid::regclass::text as target, pg_get_constraintdef(oid) as definition
     from pg_constraint where contype = 'f' and connamespace = current_schema()::regnamespace`,
  );
  for (const { name, target } of keys)
    await queries.query(`alter table ${target} drop constraint ${name}`);
  await work();
  for (const { name, target, definition } of keys)
    await queries.query(`alter table ${target} add constraint ${name} ${definition}`);
}

/** Whether the database has a table of ours. */
export async function hasTables(queries: Queries): Promise<boolean> {
  const rows = await queries.query<Row>(
    `select 1 from information_schema.tables where table_schema = current_schema() and table_name = 'schema_version'`,
  );
  return rows.length > 0;
}
