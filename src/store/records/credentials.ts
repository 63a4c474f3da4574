import type { Database } from '../database/database.js';
import { HOLDS, hashOf, type KeyStore } from './key-store.js';
import type { Principal, Role } from './principal.js';
import type { SessionStore } from './session-store.js';

/** Changes by other processes are visible within this time, in milliseconds. */
const FRESH_MS = 1000;

/** `vk_<the id's characters>_<32 random bytes as base64url>`. */
const keyText = /^vk_[0-9a-z]{16}_[\w-]{43}$/;
const sessionText = /^vs_[\w-]{43}$/;

/** Whom a text lets in, until a time of `performance.now()`. */
interface Holder {
  readonly principal: Principal;
  readonly until: number;
}

/** A snapshot of all valid keys and sessions. */
interface Known {
  /** Changes whenever a key or a session comes or goes. */
  readonly print: string;
  readonly required: boolean;
  /** By the hash of the text. */
  readonly keys: ReadonlyMap<string, Holder>;
  readonly sessions: ReadonlyMap<string, Holder>;
}

/**
 * Authenticates from memory: valid keys and sessions are read at most once a second, whatever the requests, so
 * that callers without a key cause no database load. Changes by this process apply immediately, by others within a
 * second.
 */
export class Credentials {
  readonly #database: Database;
  #known: Known | undefined;
  /** When the last look at the database started, and the last change here, by `performance.now()`. */
  #lookedAt = Number.NEGATIVE_INFINITY;
  #changedAt = Number.NEGATIVE_INFINITY;
  #looking: Promise<void> | undefined;

  constructor(
    database: Database,
    changing: { readonly keys: KeyStore; readonly sessions: SessionStore },
  ) {
    this.#database = database;
    const changed = () => {
      this.#changedAt = performance.now();
    };
    changing.keys.onChange(changed);
    changing.sessions.onChange(changed);
  }

  /** Whether requests need a key: an unrevoked one exists, even if it has expired. */
  async required(): Promise<boolean> {
    return (await this.#current()).required;
  }

  /** The principal of a key; null if it is unknown, revoked or expired. */
  byKey(text: string): Promise<Principal | null> {
    return this.#find(text, keyText, 'keys');
  }

  /** The principal of a session; null if it, or its key, has ended. */
  bySession(text: string): Promise<Principal | null> {
    return this.#find(text, sessionText, 'sessions');
  }

  async #find(text: string, shape: RegExp, where: 'keys' | 'sessions'): Promise<Principal | null> {
    if (!shape.test(text)) return null;
    const holder = (await this.#current())[where].get(hashOf(text));
    return holder && holder.until > performance.now() ? holder.principal : null;
  }

  /**
   * A snapshot is current if it was read after the request started, or recently and after all changes.
   */
  async #current(): Promise<Known> {
    const asked = performance.now();
    for (;;) {
      const began = this.#lookedAt;
      const fresh = performance.now() - began < FRESH_MS && began > this.#changedAt;
      if (this.#known && (fresh || began >= asked)) return this.#known;
      this.#looking ??= this.#look().finally(() => {
        this.#looking = undefined;
      });
      await this.#looking;
    }
  }

  async #look(): Promise<void> {
    const began = performance.now();
    // Keys and sessions are created and ended, never changed: counts and sums distinguish any two sets.
    const [{ print, required }] = await this.#database.query<{ print: string; required: boolean }>(
      `select keys.print || ' ' || sessions.print as print,
         exists (select from keys where revoked_at is null) as required
       from (select count(*) || ':' || coalesce(sum(seq), 0) as print from keys where ${HOLDS}) as keys,
            (select count(*) || ':' || coalesce(sum(seq), 0) as print
             from sessions where expires_at > now()) as sessions`,
    );
    if (print !== this.#known?.print || required !== this.#known.required) {
      this.#known = { print, required, ...(await readHolders(this.#database)) };
    }
    this.#lookedAt = began;
  }
}

interface HolderRow {
  hash: string;
  id: string;
  owner: string;
  groups: string[];
  role: Role;
  /** Milliseconds; null without end. */
  left: number | null;
}

async function readHolders(database: Database): Promise<Pick<Known, 'keys' | 'sessions'>> {
  const now = performance.now();
  const read = async (hash: string, from: string, end: string) => {
    // By the database's clock, as everywhere. least() ignores null.
    const rows = await database.query<HolderRow>(
      `select ${hash} as hash, keys.id, owner, groups, role,
         (extract(epoch from ${end} - clock_timestamp()) * 1000)::double precision as left
       from ${from} where revoked_at is null`,
    );
    return new Map(rows.map(({ left, ...row }) => [row.hash, holder(row, left, now)]));
  };
  return {
    keys: await read('keys.hash', 'keys', 'keys.expires_at'),
    sessions: await read(
      'sessions.hash',
      'keys join sessions on sessions.key = keys.id',
      'least(keys.expires_at, sessions.expires_at)',
    ),
  };
}

const holder = (
  { id, owner, groups, role }: Omit<HolderRow, 'left'>,
  left: number | null,
  now: number,
): Holder => ({
  principal: { key: id, owner, groups, role },
  until: left === null ? Number.POSITIVE_INFINITY : now + left,
});
