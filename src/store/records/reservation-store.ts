import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { VentralError } from '../../errors/ventral-error.js';
import type { Database, Queries } from '../database/database.js';
import type { Principal } from './principal.js';
import {
  generousQuotas,
  holdOwner,
  type Quotas,
  storageExceeded,
  storedUsage,
  type Usage,
} from './quota.js';

/** Seconds for which a reservation counts without a heartbeat. */
const LEASE_SECONDS = 60;
const LEASE = `now() + make_interval(secs => ${LEASE_SECONDS})`;
/** Bytes that an upload of unknown length reserves ahead, so that few of its writes ask the database. */
const STEP = 2 ** 20;
/** How long the oldest upload of an owner waits for younger ones to give room back, and how often it looks. */
const WAIT_MS = 30_000;
const LOOK_MS = 100;

/** Storage that an upload may fill. */
export interface Space {
  /**
   * Resolves when this many bytes in total may be on the disk.
   * @throws VentralError `storage-exceeded`
   */
  hold(total: number): Promise<void>;
}

/**
 * Storage reserved for one upload before its bytes are written, so that concurrent uploads cannot exceed the quota
 * together. It counts against its owner until it is released, or until its lease ends if the service has died.
 */
export class Reservation implements Space {
  /** Primary key; the transaction that registers the upload takes it (see `requireUploadQuota`). */
  readonly id = randomUUID();
  readonly #store: ReservationStore;
  readonly #by: Principal;
  #held = 0;
  #last: Promise<void> = Promise.resolve();
  #heartbeat: NodeJS.Timeout | undefined;

  constructor(store: ReservationStore, by: Principal) {
    this.#store = store;
    this.#by = by;
    if (by.role === 'admin') this.#held = Number.POSITIVE_INFINITY;
  }

  /** Concurrent calls are answered in order; after a refusal all are refused. */
  hold(total: number): Promise<void> {
    this.#last = this.#last.then(async () => {
      if (total > this.#held) await this.#grow(total, total + STEP);
    });
    this.#last.catch(() => {});
    return this.#last;
  }

  /** The same for a length that is known: nothing is reserved beyond it. */
  async open(bytes: number): Promise<void> {
    if (this.#by.role === 'admin') return;
    await this.#grow(bytes, bytes);
    this.#heartbeat = setInterval(
      () => void this.#store.renew(this.id).catch(() => {}),
      (LEASE_SECONDS * 1000) / 3,
    ).unref();
  }

  async release(): Promise<void> {
    clearInterval(this.#heartbeat);
    await this.#last.catch(() => {});
    if (this.#by.role !== 'admin') await this.#store.remove(this.id);
  }

  async #grow(least: number, wanted: number): Promise<void> {
    const until = Date.now() + WAIT_MS;
    for (;;) {
      const found = await this.#store.grow(this.#by.owner, this.id, { least, wanted });
      if (found.granted !== undefined) {
        this.#held = found.granted;
        return;
      }
      if (!found.mayWait || Date.now() > until) throw found.refusal;
      await sleep(LOOK_MS);
    }
  }
}

type Growth =
  | { readonly granted: number }
  | { readonly granted?: undefined; readonly refusal: VentralError; readonly mayWait: boolean };

/** The table of reservations. */
export class ReservationStore {
  readonly #database: Database;
  readonly #quotas: Quotas;
  readonly #holder: string;

  /** @param holder names the home whose service reserves */
  constructor(database: Database, holder: string, quotas = generousQuotas) {
    this.#database = database;
    this.#holder = holder;
    this.#quotas = quotas;
  }

  /**
   * Runs work that writes for an owner, under a reservation that ends with it.
   * @throws VentralError `storage-exceeded`
   * @param bytes that it will write as far as is known
   */
  async during<T>(
    by: Principal,
    bytes: number,
    work: (reservation: Reservation) => Promise<T>,
  ): Promise<T> {
    const reservation = new Reservation(this, by);
    try {
      await reservation.open(bytes);
      return await work(reservation);
    } finally {
      await reservation.release();
    }
  }

  /** Removes reservations of a dead service on this home, and expired ones; uploads in pieces outlive a service. */
  async sweep(): Promise<void> {
    const { shared } = this.#database;
    await this.#database.query(
      'delete from reservations where lease < now() or (digest is null and (holder = $1 or not $2))',
      [this.#holder, shared],
    );
  }

  /** Storage of an owner; `limit` is null for admins. */
  async usage({ owner, role }: Principal): Promise<Usage & { readonly limit: number | null }> {
    const usage = await storedUsage(this.#database, owner);
    return { ...usage, limit: role === 'admin' ? null : this.#quotas.storage };
  }

  /**
   * Brings a reservation to `wanted` bytes, or as near as the quota lets it, but no less than `least`.
   * One that is refused may wait if it is the oldest of several of its owner: the others are refused
   * before it, so that as many uploads pass as one after the other.
   */
  grow(
    owner: string,
    id: string,
    { least, wanted }: { readonly least: number; readonly wanted: number },
  ): Promise<Growth> {
    return this.#database.transaction(async (queries) => {
      await holdOwner(queries, owner);
      const others = await storedUsage(queries, owner, id);
      const free = this.#quotas.storage - others.stored - others.reserved;
      if (free >= least) {
        const granted = Math.min(wanted, free);
        await this.#write(queries, owner, id, granted);
        return { granted };
      }
      const refusal = storageExceeded(owner, others, this.#quotas.storage, least);
      if (this.#quotas.storage - others.stored < least) return { refusal, mayWait: false };
      const [age] = await queries.query<{ first: boolean; several: boolean }>(
        `select min(seq) filter (where id <> $2) > max(seq) filter (where id = $2) as first,
           count(*) > 1 as several from reservations where owner = $1 and lease > now()`,
        [owner, id],
      );
      return { refusal, mayWait: age.several && age.first };
    });
  }

  /** Prolongs the lease of a reservation that was not released meanwhile. */
  async renew(id: string): Promise<void> {
    await this.#database.query(`update reservations set lease = ${LEASE} where id = $1`, [id]);
  }

  async remove(id: string): Promise<void> {
    await this.#database.query('delete from reservations where id = $1', [id]);
  }

  async #write(queries: Queries, owner: string, id: string, bytes: number): Promise<void> {
    await queries.query(
      `insert into reservations (id, owner, holder, bytes, lease)
       values ($1, $2, $3, $4, ${LEASE})
       on conflict (id) do update set bytes = excluded.bytes, lease = excluded.lease`,
      [id, owner, this.#holder, Math.ceil(bytes)],
    );
  }
}
