import { setImmediate as turn } from 'node:timers/promises';
import { writeSliced } from '../../formats/sliced-json.js';
import type { Database, Queries, Row } from './database.js';
import { type LargeColumn, readLargeJson } from './large-json.js';

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
/** Bytes as stored from which a row is read column by column, and a column by itself. */
const LARGE = 2 ** 19;

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
 * keep their values and a `json` column its text. Inside a transaction that sees one moment, in which rows keep their places.
 */
export async function* rowsOf(
  queries: Queries,
  { name, order, without = {} }: BackupTable,
): AsyncGenerator<readonly string[]> {
  const columns = (await columnsOf(queries, name)).map((column) => {
    const other = without[column.name];
    const source = other === undefined ? `"${column.name}"` : `${other} as "${column.name}"`;
    return { ...column, source, isItself: other === undefined };
  });
  const table: ReadTable = { name, order, columns };
  const sizes = columns
    .map((column) => `coalesce(pg_column_size("${column.name}"), 0)`)
    .join(' + ');
  // Most of the orders have an index; a sort would read the whole table before its first row.
  await queries.query('set local enable_sort = off');
  await queries.query(
    `declare backup no scroll cursor for select ctid::text as place, ${sizes} as size from ${name} order by ${order}`,
  );
  // Without sorts some rows by their places would be looked for along the whole index.
  await queries.query('set local enable_sort = on');
  for await (const { places, size } of batchesOf(queries)) {
    const large = places.length === 1 && size > LARGE;
    yield large
      ? [await largeRow(queries, table, places[0])]
      : await wholeRows(queries, table, places);
    await turn();
  }
  await queries.query('close backup');
}

/** Rows that are read together, by their places. */
interface Batch {
  readonly places: readonly string[];
  /** Bytes as stored. */
  readonly size: number;
}

async function* batchesOf(queries: Queries): AsyncGenerator<Batch> {
  for (;;) {
    const rows = await queries.query<{ place: string; size: number }>(
      `fetch ${MOST_ROWS} from backup`,
    );
    await turn();
    let places: string[] = [];
    let size = 0;
    for (const row of rows) {
      if (places.length > 0 && size + row.size > READ_BYTES) {
        yield { places, size };
        [places, size] = [[], 0];
      }
      places.push(row.place);
      size += row.size;
    }
    if (places.length > 0) yield { places, size };
    if (rows.length < MOST_ROWS) return;
  }
}

interface ReadTable {
  readonly name: string;
  readonly order: string;
  readonly columns: readonly (Column & { readonly source: string; readonly isItself: boolean })[];
}

async function wholeRows(
  queries: Queries,
  { name, order, columns }: ReadTable,
  places: readonly string[],
): Promise<string[]> {
  const rows = await queries.query<{ row: string }>(
    `select row_to_json(${name})::text as row from (
       select ${columns.map(({ source }) => source).join(', ')} from ${name} where ctid = any($1::text[]::tid[]) order by ${order}
     ) as ${name}`,
    [places],
  );
  return rows.map(({ row }) => row);
}

/** A row of which some columns are megabytes: each by itself, `jsonb` in parts. */
async function largeRow(queries: Queries, table: ReadTable, place: string): Promise<string> {
  const { name, columns } = table;
  const kinds = new Map(columns.map((column) => [column.name, column.kind]));
  // What stands for a column with secrets is read whole.
  const known = columns.filter(({ isItself, kind }) => isItself && kind.startsWith('json'));
  const [sizes = {}] = await queries.query<Record<string, number | null>>(
    `select ${['null as none', ...known.map((column) => `pg_column_size("${column.name}") as "${column.name}"`)].join(', ')}
     from ${name} where ctid = $1::tid`,
    [place],
  );
  const large = new Set(Object.keys(sizes).filter((column) => (sizes[column] ?? 0) > LARGE));
  const others = columns.filter((column) => !large.has(column.name));
  const [rest] = await wholeRows(queries, { ...table, columns: others }, [place]);
  let row = rest.slice(0, -1);
  for (const column of large) {
    row += `${row === '{' ? '' : ','}${JSON.stringify(column)}:`;
    const source = { source: `"${column}" from ${name} where ctid = $1::tid`, parameters: [place] };
    if (kinds.get(column) === 'json') row += await textOf(queries, source);
    else for await (const text of writeSliced(await readLargeJson(queries, source))) row += text;
  }
  return `${row}}`;
}

/** The text of a `json` column, which takes a few milliseconds a megabyte; of its parts each would unpack the whole. */
async function textOf(queries: Queries, { source, parameters }: LargeColumn): Promise<string> {
  const [{ text }] = await queries.query<{ text: string }>(
    `select value::text as text from (select ${source}) as whole (value)`,
    parameters,
  );
  return text;
}

/** Inserts rows from {@link rowsOf}; generated columns are recomputed. */
export async function insertRows(
  queries: Queries,
  table: string,
  rows: AsyncIterable<string>,
): Promise<void> {
  const columns = (await columnsOf(queries, table)).map(({ name }) => `"${name}"`).join(', ');
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

interface Column {
  readonly name: string;
  /** `json`, `jsonb`, `text` … */
  readonly kind: string;
}

const columnsOf = (queries: Queries, table: string): Promise<Column[]> =>
  queries.query<{ name: string; kind: string }>(
    `select column_name as name, data_type as kind from information_schema.columns
     where table_schema = current_schema() and table_name = $1 and is_generated = 'NEVER' order by ordinal_position`,
    [table],
  );

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
