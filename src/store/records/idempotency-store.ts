import type { Database, Queries } from '../database/database.js';
import { jsonText } from '../database/json-text.js';

/** Scope of an Idempotency-Key (design §7). */
export interface KeyedRequest {
  /** Key or user that asks. */
  readonly principal: string;
  /** Whose answers are bounded together. */
  readonly owner: string;
  readonly method: string;
  readonly path: string;
  readonly key: string;
}

/** An answer as it went out. */
export interface StoredAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** null if it had none. */
  readonly body: string | null;
}

/** State of a key when a request claims it. */
export type KeyClaim =
  | {
      /**
       * The request holds the key. A dead earlier request may have left its body and the resource it created.
       */
      readonly kind: 'claimed';
      readonly fingerprint: string | null;
      readonly made: string | null;
    }
  | { readonly kind: 'in-flight' }
  | { readonly kind: 'answered'; readonly fingerprint: string; readonly answer: StoredAnswer };

/** Seconds for which a request holds its key without a sign of life. */
export const LEASE_SECONDS = 60;

/** Answers of one owner that are kept, and their bytes together; older ones go first. */
const MOST_ANSWERS = 2000;
const MOST_BYTES = 16 * 2 ** 20;

const OF = 'principal = $1 and method = $2 and path = $3 and key = $4';

const parameters = ({ principal, method, path, key }: KeyedRequest) => [
  principal,
  method,
  path,
  key,
];

/** The table of requests with an Idempotency-Key; each is kept for 24 hours. */
export class IdempotencyStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /**
   * Takes a key for one request. A request whose service died holds it until its lease is over.
   * @param token names the request that takes it
   */
  claim(of: KeyedRequest, token: string): Promise<KeyClaim> {
    return this.#database.transaction(async (queries) => {
      await queries.query(
        `delete from idempotency where created_at < now() - interval '24 hours' and lease < now()`,
      );
      const [mine] = await queries.query<{ fingerprint: string | null; made: string | null }>(
        `insert into idempotency (principal, method, path, key, token, owner, lease)
         values ($1, $2, $3, $4, $5, $6, now() + make_interval(secs => ${LEASE_SECONDS}))
         on conflict (principal, method, path, key) do update set token = excluded.token, lease = excluded.lease
           where idempotency.answer is null and idempotency.lease < now()
         returning fingerprint, made`,
        [...parameters(of), token, of.owner],
      );
      if (mine) return { kind: 'claimed', ...mine };
      const [other] = await queries.query<{ fingerprint: string; answer: StoredAnswer | null }>(
        `select fingerprint, answer from idempotency where ${OF}`,
        parameters(of),
      );
      return other?.answer
        ? { kind: 'answered', fingerprint: other.fingerprint, answer: other.answer }
        : { kind: 'in-flight' };
    });
  }

  /** Stores the request and its heartbeat; false if another request holds the key. */
  async hold(of: KeyedRequest, token: string, fingerprint: string | null): Promise<boolean> {
    const rows = await this.#database.query(
      `update idempotency set lease = now() + make_interval(secs => ${LEASE_SECONDS}), fingerprint = $6
       where ${OF} and token = $5 returning key`,
      [...parameters(of), token, fingerprint],
    );
    return rows.length > 0;
  }

  /** Stores the answer, and removes the oldest answers of its owner beyond the limit. */
  async answer(of: KeyedRequest, token: string, answer: StoredAnswer): Promise<void> {
    await this.#database.query(
      `update idempotency set answer = $6::text::json, bytes = octet_length($6::text), lease = now()
       where ${OF} and token = $5`,
      [...parameters(of), token, jsonText(answer)],
    );
    await this.#database.query(
      `delete from idempotency where (principal, method, path, key) in (
         select principal, method, path, key from (
           select principal, method, path, key, row_number() over newest as rank, sum(bytes) over newest as total
           from idempotency where owner = $1 and answer is not null
           window newest as (order by created_at desc, key)
         ) as kept where rank > ${MOST_ANSWERS} or total > ${MOST_BYTES})`,
      [of.owner],
    );
  }

  /**
   * Releases a key without an answer, for the next request with it. The created resource stays recorded.
   */
  async release(of: KeyedRequest, token: string): Promise<void> {
    await this.#database.transaction(async (queries) => {
      await queries.query(`delete from idempotency where ${OF} and token = $5 and made is null`, [
        ...parameters(of),
        token,
      ]);
      await queries.query(
        `update idempotency set lease = now() - interval '1 second' where ${OF} and token = $5`,
        [...parameters(of), token],
      );
    });
  }
}

/**
 * Records the resource that a request creates, in the same transaction: a retry gets it instead of a second one.
 * False if another request has taken the key, and nothing may be created.
 */
export async function noteMade(
  queries: Queries,
  of: KeyedRequest,
  token: string,
  made: string,
): Promise<boolean> {
  const rows = await queries.query(
    `update idempotency set made = $6 where ${OF} and token = $5 and answer is null returning key`,
    [...parameters(of), token, made],
  );
  return rows.length > 0;
}
