import pg from 'pg';
import { VentralError } from '../../errors/ventral-error.js';
import { type Database, type Queries, shortOr } from './database.js';

/** Connections that one process holds at most. */
const CONNECTIONS = 10;
const CONNECT_MS = 5000;
/** Our statements take less than seconds; a hanging one must not block a connection. */
const STATEMENT_MS = 60_000;

/**
 * Opens a pool of connections to the PostgreSQL that a URL names, and asks it once. Rows come back with
 * the JavaScript types that the embedded engine gives. A connection that is lost later is `not-ready`
 * for what ran on it, and the pool makes a new one for what comes next. Several processes may use one
 * database.
 * @throws VentralError `bad-usage` for what is no URL of PostgreSQL and `database-unavailable` where it does not
 *   answer; no message ever holds the password
 */
export async function openPostgresDatabase(url: string): Promise<Database> {
  const place = databasePlace(url);
  const pool = new pg.Pool({
    connectionString: url,
    max: CONNECTIONS,
    connectionTimeoutMillis: CONNECT_MS,
    statement_timeout: STATEMENT_MS,
    idle_in_transaction_session_timeout: STATEMENT_MS,
    application_name: 'ventral',
    keepAlive: true,
    types,
  });
  // An idle connection that the server closes leaves the pool by itself; unheard it would end the process.
  pool.on('error', () => {});
  try {
    await pool.query('select 1');
  } catch (cause) {
    await pool.end();
    throw new VentralError(
      'database-unavailable',
      `The database at ${place} cannot be used: ${wordsOf(cause)}`,
      { cause },
    );
  }
  return new PostgresDatabase(pool);
}

/**
 * Where a database is, as it may be printed: `host:port/name`, without user, password and options.
 * @throws VentralError `bad-usage` for what is no URL of PostgreSQL
 */
export function databasePlace(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (!parsed || !/^postgres(ql)?:$/.test(parsed.protocol)) {
    throw new VentralError(
      'bad-usage',
      'DATABASE_URL: expected a URL such as postgresql://user:password@host:5432/ventral',
      { field: 'DATABASE_URL' },
    );
  }
  const host = parsed.host || (parsed.searchParams.get('host') ?? 'localhost');
  return `${host}/${parsed.pathname.replace(/^\//, '')}`;
}

/** Whole numbers as the embedded engine gives them: sequences and sizes stay far below 2^53. */
const types = new pg.TypeOverrides();
types.setTypeParser(pg.types.builtins.INT8, Number);

type Connection = Pick<pg.ClientBase, 'query'>;

const queriesOf = (connection: Connection): Queries => ({
  query: async <T extends object>(sql: string, parameters: readonly unknown[] = []) => {
    try {
      return (await connection.query(sql, [...parameters])).rows as T[];
    } catch (error) {
      throw lostOr(error);
    }
  },
});

class PostgresDatabase implements Database {
  readonly shared = true;
  readonly #pool: pg.Pool;
  readonly query: Queries['query'];

  constructor(pool: pg.Pool) {
    this.#pool = pool;
    this.query = queriesOf(pool).query;
  }

  async transaction<T>(work: (queries: Queries) => Promise<T>): Promise<T> {
    const client = await this.#connect();
    // Heard while no statement waits for it, such as between two of them.
    const ignore = () => {};
    client.on('error', ignore);
    let broken: Error | undefined;
    const queries = queriesOf(client);
    try {
      await queries.query('begin');
      const result = await work(queries);
      await queries.query('commit');
      return result;
    } catch (error) {
      await client.query('rollback').catch((lost: Error) => {
        broken = lost;
      });
      throw error;
    } finally {
      client.off('error', ignore);
      client.release(broken);
    }
  }

  async #connect(): Promise<pg.PoolClient> {
    try {
      return await this.#pool.connect();
    } catch (error) {
      throw lostOr(error);
    }
  }

  close(): Promise<void> {
    return this.#pool.end();
  }
}

/**
 * Classes and codes of PostgreSQL, Appendix A: connection exceptions, shutdown, start, too many clients, and a
 * server that only reads, such as one that is to take over.
 */
const lostState = /^(08...|57P0[1-5]|53300|25006)$/;
const lostSocket = /^(ECONN\w+|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN)$/;
/** Errors of `pg` that have only a message. */
const lostWords =
  /^(Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|Cannot use a pool after)/;

function lostOr(error: unknown): unknown {
  const { code = '', message = '' } = error as { code?: string; message?: string };
  if (!lostState.test(code) && !lostSocket.test(code) && !lostWords.test(message))
    return shortOr(error);
  return new VentralError('not-ready', `The database does not answer: ${wordsOf(error)}`, {
    cause: error,
  });
}

/** A refused connection to several addresses of a host has its words inside. */
function wordsOf(error: unknown): string {
  const { message, errors } = error as { message?: string; errors?: readonly Error[] };
  return message || (errors?.[0]?.message ?? String(error));
}
