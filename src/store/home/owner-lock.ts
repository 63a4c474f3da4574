import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { VentralError } from '../../errors/ventral-error.js';
import type { WriteGuard } from '../database/durable-files.js';
import { pidSpace, processStart } from '../files/process-identity.js';
import { writeWhole } from '../files/write-whole.js';
import { lockFile } from './file-lock.js';
import {
  type Claimant,
  FRESH_MS,
  HEARTBEAT_MS,
  type HeldClaim,
  type HomeClaim,
  HomeClaims,
  LEASE_MS,
} from './home-claims.js';

/** What HOME/owner.json says of the one process that may open the embedded database (design §6). */
export interface Owner {
  readonly pid: number;
  /** See {@link processStart}: distinguishes this process from a later one with the same pid. */
  readonly startTime: string;
  /** A service stays; a command holds the home for a moment. */
  readonly kind: 'service' | 'command';
  /** Where the service answers; null before it listens, and for commands. */
  readonly url: string | null;
  /** Unix socket for commands of its own user; null if it has none. */
  readonly socket: string | null;
  /** Tells this owner from earlier and later ones; opens nothing. */
  readonly id: string;
  readonly since: string;
  /** What its pid belongs to, see `pidSpace`; absent in the file of a ventral before fencing. */
  readonly space?: string;
  /** Its fencing number; absent in the file of a ventral before fencing. */
  readonly fence?: number;
}

/**
 * Ownership of a home, until {@link OwnerLock.release}. As a {@link WriteGuard} it ends the process if another one
 * has taken the home over, for example after it was suspended on a file system without locks.
 */
export interface OwnerLock extends WriteGuard {
  readonly owner: Owner;
  /** Says where the service answers: everybody, and the commands of its user. */
  publish(url: string, socket: string | null): Promise<void>;
  /** Releases the home; a later owner's file is not touched. */
  release(): Promise<void>;
}

export interface LockRequest {
  readonly kind: Owner['kind'];
  /** How long to wait for a command that holds the home, in milliseconds; a minute by default. */
  readonly patience?: number;
}

const ownerFile = (home: string) => join(home, 'owner.json');

const lockPath = (home: string) => join(home, 'owner', 'lock');
const claimsOf = (home: string) => new HomeClaims(join(home, 'owner'));

/** Reads the live owner of a home; undefined if there is none or it is dead. */
export async function livingOwner(home: string): Promise<Owner | undefined> {
  const owner = await readOwner(ownerFile(home));
  if (!owner) return undefined;
  if (owner.fence === undefined) return isAlive(owner) ? owner : undefined;
  const claims = claimsOf(home);
  const claim = await claims.current();
  if (claim?.fence !== owner.fence || claim.released) return undefined;
  let state = judge(claim.claimant);
  if (state === 'unknown') {
    const lock = await lockFile(lockPath(home));
    if (lock === 'busy') return owner;
    if (lock !== 'unavailable') {
      state = judge(claim.claimant, lock.id);
      lock.release();
    }
  }
  if (state === 'unknown') state = (await claims.silence(claim)) > LEASE_MS ? 'dead' : 'alive';
  return state === 'alive' ? owner : undefined;
}

/**
 * Makes this process the owner of a home, before it opens the database. A dead owner is replaced;
 * of several that try, one wins. A living command is waited for; a living service, or a command that
 * outlasts the patience, is `home-owned`, naming pid and URL.
 *
 * The kernel's lock excludes every process of the machine, in any container; it needs flock(1) and a file system
 * with locks. In addition there are claims with heartbeats, for an owner on another machine or without locks: if
 * neither lock nor pid can tell, a home is taken over after its owner was silent for a lease.
 */
export async function lockHome(home: string, request: LockRequest): Promise<OwnerLock> {
  const claims = claimsOf(home);
  await mkdir(join(home, 'owner'), { recursive: true, mode: 0o700 });
  const deadline = Date.now() + (request.patience ?? 60_000);
  const watch = new Watch(claims);
  for (;;) {
    const found = await readOwner(ownerFile(home));
    const legacy = found && found.fence === undefined && isAlive(found) ? found : undefined;
    const lock = legacy ? 'busy' : await lockFile(lockPath(home));
    const before = await claims.current();
    const id = typeof lock === 'object' ? lock.id : undefined;
    const state = legacy ? 'alive' : await watch.judge(before, lock === 'busy', id);
    if (state === 'dead' && lock !== 'busy') {
      const mine = newOwner(request.kind, (before?.fence ?? 0) + 1);
      const claim = await claims.take(before, claimantOf(mine, id ?? null));
      if (claim) return holdHome(home, mine, claim, typeof lock === 'object' ? lock : undefined);
    }
    if (typeof lock === 'object') lock.release();
    const claimed = state === 'alive' ? before?.claimant : undefined;
    const owner = legacy ?? (found?.fence === before?.fence ? claimed && found : claimed);
    // Within a lease, heartbeats show whether an unknown owner is alive.
    if (owner?.kind === 'service' || (state !== 'unknown' && Date.now() > deadline))
      throw owned(home, owner);
    await sleep(25 + Math.random() * 50);
  }
}

/** Longer than anybody has the lock to look. */
const LOOK_MS = 500;

type State = 'alive' | 'dead' | 'unknown';

/**
 * Whether an owner is alive: by its lock, which this process now has, else by its pid in a shared PID namespace.
 * @param lock id of this process's lock
 */
function judge(claimant: Claimant, lock?: string): State {
  if (lock !== undefined && claimant.lock === lock) return 'dead';
  if (claimant.space !== pidSpace()) return 'unknown';
  return isAlive(claimant) ? 'alive' : 'dead';
}

/** Judges one claim after the other, over time: a heartbeat is seen from one look to a later one. */
class Watch {
  readonly #claims: HomeClaims;
  #seen: { readonly fence: number; readonly beat: number; readonly since: number } | undefined;
  #busy: number | undefined;

  constructor(claims: HomeClaims) {
    this.#claims = claims;
  }

  async judge(
    claim: HomeClaim | undefined,
    busy: boolean,
    lock: string | undefined,
  ): Promise<State> {
    if (!claim || claim.released) return 'dead';
    const state = judge(claim.claimant, lock);
    if (state !== 'unknown') return state;
    const now = performance.now();
    if (busy) {
      // Another process that only checks, like this one, holds the lock briefly.
      this.#busy ??= now;
      return now - this.#busy > LOOK_MS ? 'alive' : 'unknown';
    }
    this.#busy = undefined;
    const { fence, beat } = claim;
    if (this.#seen?.fence === fence && this.#seen.beat !== beat) return 'alive';
    if (this.#seen?.fence !== fence) this.#seen = { fence, beat, since: now };
    const silent = now - this.#seen.since > LEASE_MS;
    return silent || (await this.#claims.silence(claim)) > LEASE_MS ? 'dead' : 'unknown';
  }
}

/** `home-owned`, naming who holds it. */
export function owned(home: string, owner?: Owner | Claimant): VentralError {
  if (!owner)
    return new VentralError('home-owned', `${home} is in use by another process`, { file: home });
  const url = 'url' in owner ? owner.url : null;
  const where = url ?? (owner.kind === 'service' ? 'not listening yet' : 'a short command');
  const elsewhere =
    owner.space === undefined || owner.space === pidSpace() ? '' : ' of another container or host';
  return new VentralError(
    'home-owned',
    `${home} is in use by process ${owner.pid}${elsewhere} (${where})`,
    { file: home, found: `pid ${owner.pid}, ${where}` },
  );
}

function newOwner(kind: Owner['kind'], fence: number): Owner & Omit<Claimant, 'lock'> {
  return {
    pid: process.pid,
    startTime: processStart(process.pid) ?? '',
    kind,
    url: null,
    socket: null,
    id: randomUUID(),
    since: new Date().toISOString(),
    space: pidSpace(),
    fence,
  };
}

const claimantOf = (
  { pid, startTime, space, kind }: Omit<Claimant, 'lock'>,
  lock: string | null,
): Claimant => ({ pid, startTime, space, kind, lock });

const isAlive = (owner: Pick<Owner, 'pid' | 'startTime'>) =>
  processStart(owner.pid) === owner.startTime;

async function readOwner(path: string): Promise<Owner | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  // What a power loss leaves of a file that was not on the disk yet; the claim says who owned the home.
  if (/^[\0\s]*$/.test(text)) return undefined;
  try {
    return JSON.parse(text) as Owner;
  } catch {
    throw new VentralError(
      'home-owned',
      `${path} is not an owner file of ventral: remove it if no ventral runs on this home`,
      { file: path },
    );
  }
}

/** Tells others who owns the home, and keeps the claim alive. */
async function holdHome(
  home: string,
  mine: Owner,
  claim: HeldClaim,
  lock: { release(): void } | undefined,
): Promise<OwnerLock> {
  const path = ownerFile(home);
  const write = (owner: Owner) => writeWhole(path, `${JSON.stringify(owner)}\n`, 0o600);
  const heart = setInterval(() => beat(home, claim), HEARTBEAT_MS).unref();
  const letGo = async () => {
    clearInterval(heart);
    const now = await readOwner(path).catch(() => undefined);
    if (now?.id === mine.id) await rm(path, { force: true });
    await claim.release();
    lock?.release();
  };
  try {
    await write(mine);
  } catch (error) {
    await letGo().catch(() => {});
    throw error;
  }
  return {
    owner: mine,
    publish: (url, socket) => write({ ...mine, url, socket }),
    mayWrite: () => {
      if (claim.age() > FRESH_MS) beat(home, claim);
      // Nothing but the heartbeat keeps others out, and it fails.
      if (!lock && claim.age() > LEASE_MS) end(home, 'could not be claimed in time');
    },
    release: letGo,
  };
}

function beat(home: string, claim: HeldClaim): void {
  try {
    if (claim.renew() !== 'superseded') return;
  } catch {
    // A file system that fails for a moment: the next heartbeat comes before the lease is over.
    return;
  }
  end(home, 'was taken over by another process while this one was suspended');
}

function end(home: string, why: string): never {
  process.stderr.write(`ventral: ${home} ${why}: this process stops\n`);
  process.exit(1);
}
