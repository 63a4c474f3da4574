import { Mutex, type PGlite, parse, protocol } from '@electric-sql/pglite';

const { serialize } = protocol;

/** Statements that PostgreSQL keeps parsed and planned: more than a service has, but for filters of a board. */
const MOST_KEPT = 100;

/** feature_not_supported (PostgreSQL, Appendix A): the columns of a kept statement have changed since. */
const CHANGED = '0A000';

interface Statement {
  readonly name: string;
  /** Object identifiers of the types of its parameters. */
  readonly types: readonly number[];
}

/**
 * Statements of an embedded database outside transactions. The database parses and plans each once and is given its parameters with
 * its name from then on, in one message; PGlite's own `query` takes five messages and a plan each time (PostgreSQL 18 documentation,
 * 54.2.3 Extended Query). Values are written and read as by `query`.
 */
export class KeptStatements {
  readonly #lite: PGlite;
  readonly #kept = new Map<string, Statement>();
  readonly #turns = new Mutex();
  #made = 0;

  constructor(lite: PGlite) {
    this.#lite = lite;
  }

  /** The rows of one statement; what the database refuses is thrown as PGlite has it. */
  query<T>(sql: string, parameters: readonly unknown[]): Promise<T[]> {
    return this.apart(() =>
      this.#lite.runExclusive(async () => {
        const known = this.#kept.has(sql);
        try {
          return await this.#run<T>(await this.#statement(sql), parameters);
        } catch (error) {
          if (!known || (error as { code?: string }).code !== CHANGED) throw error;
          this.#kept.delete(sql);
          return this.#run<T>(await this.#statement(sql), parameters);
        }
      }),
    );
  }

  /** Runs what may not have one of these statements within it: a transaction. */
  apart<T>(work: () => Promise<T>): Promise<T> {
    return this.#turns.runExclusive(work);
  }

  async #run<T>({ name, types }: Statement, parameters: readonly unknown[]): Promise<T[]> {
    const values = parameters.map((value, i) => this.#text(value, types[i]));
    const { messages } = await this.#lite.execProtocol(
      joined([
        serialize.bind({ statement: name, values }),
        serialize.describe({ type: 'P' }),
        serialize.execute({}),
        serialize.sync(),
      ]),
    );
    const [{ rows }] = parse.parseResults(messages, this.#lite.parsers);
    return rows as T[];
  }

  async #statement(sql: string): Promise<Statement> {
    const known = this.#kept.get(sql);
    const statement = known ?? (await this.#prepare(sql));
    // The one used longest ago is the first.
    this.#kept.delete(sql);
    this.#kept.set(sql, statement);
    return statement;
  }

  async #prepare(sql: string): Promise<Statement> {
    const name = `kept_${this.#made++}`;
    const { messages } = await this.#lite.execProtocol(
      joined([
        ...this.#closed(),
        serialize.parse({ name, text: sql }),
        serialize.describe({ type: 'S', name }),
        serialize.sync(),
      ]),
    );
    return { name, types: parse.parseDescribeStatementResults(messages) };
  }

  /** Messages that close a statement where there are as many as may be. */
  #closed(): Uint8Array[] {
    const [oldest] = this.#kept;
    if (this.#kept.size < MOST_KEPT) return [];
    const [sql, { name }] = oldest;
    this.#kept.delete(sql);
    return [serialize.close({ type: 'S', name })];
  }

  #text(value: unknown, type: number): string | null {
    if (value === null || value === undefined) return null;
    return String(this.#lite.serializers[type]?.(value) ?? value);
  }
}

function joined(messages: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(messages));
}
