import { VentralError } from '../../errors/ventral-error.js';

/** A row as a plain object with the column names of the SQL. */
export type Row = Record<string, unknown>;

/** Executes statements: the database, or one of its transactions. */
export interface Queries {
  /**
   * Sends one statement with `$1…` parameters and resolves to its rows. JSON parameters are sent as
   * text and come back parsed; bigint columns come back as numbers, timestamps as Date.
   */
  query<T extends object = Row>(sql: string, parameters?: readonly unknown[]): Promise<T[]>;
}

/**
 * The SQL database behind the service: PostgreSQL's language, whichever engine speaks it
 * (design §8). Several statements that belong together go through {@link Database.transaction} and
 * never through a BEGIN of one's own, which the embedded engine would mix with other callers'.
 */
export interface Database extends Queries {
  /** Whether other processes may use it at the same time. */
  readonly shared: boolean;
  /** Runs `work` in one transaction; what it throws rolls everything back. */
  transaction<T>(work: (queries: Queries) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/**
 * Maps database errors about missing resources (PostgreSQL, Appendix A, classes 53 and 58) to `disk-full`,
 * `disk-failed`, or `not-ready`; else the error as it is.
 */
export function shortOr(cause: unknown): unknown {
  const { code = '' } = cause as { code?: string };
  if (code === '53100')
    return new VentralError('disk-full', 'The disk of the database is full', { cause });
  if (code === '58030')
    return new VentralError('disk-failed', 'The disk of the database failed', { cause });
  if (/^53[0-9A-Z]{3}$/.test(code))
    return new VentralError('not-ready', 'The database is short of memory, files or connections', {
      cause,
      retryAfter: 5,
    });
  return cause;
}
