import { randomUUID } from 'node:crypto';
import { link, mkdir, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { VentralError } from '../errors/ventral-error.js';
import { processStart } from './process-identity.js';
import { writeWhole } from './write-whole.js';

/** What HOME/owner.json says of the one process that may open the embedded database (design §6). */
export interface Owner {
  readonly pid: number;
  /** See {@link processStart}: tells this process from a later one with the same pid. */
  readonly startTime: string;
  /** A service stays; a command holds the home for a moment. */
  readonly kind: 'service' | 'command';
  /** Where the service answers; null before it listens, and for commands. */
  readonly url: string | null;
  /** Unix socket on which it answers commands of its own user; null where it has none. */
  readonly socket: string | null;
  /** Tells this owner from earlier and later ones; opens nothing. */
  readonly id: string;
  readonly since: string;
}

/** The hold on a home, until {@link OwnerLock.release}. */
export interface OwnerLock {
  readonly owner: Owner;
  /** Says where the service answers: everybody, and the commands of its user. */
  publish(url: string, socket: string | null): Promise<void>;
  /** Gives the home back; a later owner's file is left alone. */
  release(): Promise<void>;
}

export interface LockRequest {
  readonly kind: Owner['kind'];
  /** How long to wait for a command that holds the home, in milliseconds. */
  readonly patience?: number;
}

const ownerFile = (home: string) => join(home, 'owner.json');

/** Reads the living owner of a home; undefined where nobody owns it or the owner is dead. */
export async function livingOwner(home: string): Promise<Owner | undefined> {
  const owner = await readOwner(ownerFile(home));
  return owner && isAlive(owner) ? owner : undefined;
}

/**
 * Makes this process the owner of a home, before it opens the database. A dead owner is replaced;
 * of several that try, one wins. A living command is waited for; a living service, or a command that
 * outlasts the patience, is `home-owned`, naming pid and URL.
 */
export async function lockHome(home: string, request: LockRequest): Promise<OwnerLock> {
  await mkdir(home, { recursive: true });
  const deadline = Date.now() + (request.patience ?? 15_000);
  const mine = newOwner(request.kind);
  for (;;) {
    const found = await readOwner(ownerFile(home));
    if (
      !found
        ? await claimFree(home, mine)
        : !isAlive(found) && (await replaceDead(home, found, mine))
    ) {
      return heldLock(home, mine);
    }
    if (found && isAlive(found) && (found.kind === 'service' || Date.now() > deadline))
      throw owned(home, found);
    await sleep(25 + Math.random() * 50);
  }
}

/** `home-owned`, naming who holds it. */
export function owned(home: string, owner: Owner): VentralError {
  const where = owner.url ?? (owner.kind === 'service' ? 'not listening yet' : 'a short command');
  return new VentralError('home-owned', `${home} is in use by process ${owner.pid} (${where})`, {
    file: home,
    found: `pid ${owner.pid}, ${where}`,
  });
}

function newOwner(kind: Owner['kind']): Owner {
  return {
    pid: process.pid,
    startTime: processStart(process.pid) ?? '',
    kind,
    url: null,
    socket: null,
    id: randomUUID(),
    since: new Date().toISOString(),
  };
}

const isAlive = (owner: Owner) => processStart(owner.pid) === owner.startTime;

async function readOwner(path: string): Promise<Owner | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
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

/** Puts a file in place with its content whole, only where nothing is: link(2) fails where a name is taken. */
async function linkExclusively(home: string, path: string, owner: Owner): Promise<boolean> {
  const temporary = join(home, `.owner-${randomUUID()}.tmp`);
  const handle = await open(temporary, 'wx', 0o600);
  try {
    await handle.writeFile(`${JSON.stringify(owner)}\n`);
    await handle.sync();
    await link(temporary, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await handle.close();
    await rm(temporary, { force: true });
  }
}

const claimFree = (home: string, mine: Owner) => linkExclusively(home, ownerFile(home), mine);

const guardFile = (home: string, id: string) => join(home, `.owner-after-${id}.guard`);

/**
 * Replaces a dead owner. Only the holder of the guard named after the dead one's id may do it, and
 * a guard whose own holder died passes its right on to a guard named after that holder. The holder
 * looks again before it acts, and guards go away only once owner.json names somebody else: so no two
 * processes ever replace the same owner, and a living one is never replaced.
 */
async function replaceDead(home: string, dead: Owner, mine: Owner): Promise<boolean> {
  const guards: string[] = [];
  for (let previous = dead; ; ) {
    const guard = guardFile(home, previous.id);
    guards.push(guard);
    if (await linkExclusively(home, guard, mine)) break;
    const holder = await readOwner(guard);
    if (!holder || isAlive(holder)) return false;
    previous = holder;
  }
  const now = await readOwner(ownerFile(home));
  const still = now?.id === dead.id;
  if (still) await writeWhole(ownerFile(home), `${JSON.stringify(mine)}\n`, 0o600);
  for (const guard of guards) await rm(guard, { force: true });
  return still;
}

function heldLock(home: string, mine: Owner): OwnerLock {
  const path = ownerFile(home);
  return {
    owner: mine,
    publish: (url, socket) =>
      writeWhole(path, `${JSON.stringify({ ...mine, url, socket })}\n`, 0o600),
    async release() {
      const now = await readOwner(path);
      if (now?.id === mine.id) await rm(path, { force: true });
    },
  };
}
