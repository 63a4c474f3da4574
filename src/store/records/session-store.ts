import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import type { Database } from '../database/database.js';
import { hashOf } from './key-store.js';

/** How long who signed in stays so, in seconds: a week. */
export const SESSION_SECONDS = 7 * 86_400;
/** Browsers that one key is signed in with; the next one ends the oldest. */
const MOST_SESSIONS = 20;

/** Browser sessions: each represents a key while both are valid. */
export class SessionStore {
  readonly #database: Database;
  readonly #changes = new EventEmitter().setMaxListeners(0);

  constructor(database: Database) {
    this.#database = database;
  }

  /** Opens a session for a key, by its id. @returns its text, which is returned only here */
  async open(key: string): Promise<string> {
    const text = `vs_${randomBytes(32).toString('base64url')}`;
    await this.#database.transaction(async (queries) => {
      await queries.query(
        `insert into sessions (hash, key, expires_at) values ($1, $2, now() + $3 * interval '1 second')`,
        [hashOf(text), key, SESSION_SECONDS],
      );
      await queries.query(
        `delete from sessions where expires_at <= now() or (key = $1 and seq <=
          (select seq from sessions where key = $1 order by seq desc offset $2 limit 1))`,
        [key, MOST_SESSIONS],
      );
    });
    this.#changes.emit('change');
    return text;
  }

  /** Ends a session permanently; does nothing for an unknown one. */
  async end(text: string): Promise<void> {
    await this.#database.query('delete from sessions where hash = $1', [hashOf(text)]);
    this.#changes.emit('change');
  }

  /** Calls back after each session that this process opens or ends. */
  onChange(listener: () => void): () => void {
    this.#changes.on('change', listener);
    return () => this.#changes.off('change', listener);
  }
}
