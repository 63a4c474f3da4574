import { randomUUID } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  openSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { link, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeWhole } from '../files/write-whole.js';

/** Heartbeat interval of the owner of a home. */
export const HEARTBEAT_MS = 2000;
/**
 * Lease: a silent owner may be replaced after this time if neither lock nor pid shows that it is alive.
 */
export const LEASE_MS = 15_000;
/** How long a look at the claims counts: far less than the lease. */
export const FRESH_MS = 5000;

/** A temporary file this old has no living writer, even where the clocks of hosts differ. */
const ABANDONED_MS = 3600_000;

/** Who claims a home. */
export interface Claimant {
  readonly pid: number;
  /** See `processStart`. */
  readonly startTime: string;
  /** See `pidSpace`. */
  readonly space: string;
  readonly kind: 'service' | 'command';
  /** Id of its file lock; null without locks. */
  readonly lock: string | null;
}

/** A claim as it is found. */
export interface HomeClaim {
  /** The fencing number: a later owner has a greater one. */
  readonly fence: number;
  readonly claimant: Claimant;
  /** Whether its owner has given the home back. */
  readonly released: boolean;
  /** Of its last heartbeat, by the clock of the file system. */
  readonly beat: number;
}

/** The claim of this process. */
export interface HeldClaim {
  readonly fence: number;
  /**
   * Writes a heartbeat, and checks whether another process took over: `gone` if the folder of claims was removed.
   * @throws as file systems do
   */
  renew(): 'held' | 'superseded' | 'gone';
  /** Milliseconds since the claim was renewed. */
  age(): number;
  /** Marks the claim, unless there is a later one. */
  release(): Promise<void>;
}

/**
 * The claims on a home, one file for each fencing number, `<number>.claim`. A claim is made by link(2), which
 * fails where the name is taken, so that each number has one owner; the greatest number has the home. The last
 * claim stays, marked, when a home is given back: an owner that stood still meanwhile finds a greater one.
 */
export class HomeClaims {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  readonly #path = (fence: number) => join(this.#folder, `${fence}.claim`);

  /** The current or last claim of the home. */
  async current(): Promise<HomeClaim | undefined> {
    for (;;) {
      const fence = Math.max(0, ...(await this.#fences()));
      if (fence === 0) return undefined;
      try {
        const [text, { mtimeMs }] = await Promise.all([
          readFile(this.#path(fence), 'utf8'),
          stat(this.#path(fence)),
        ]);
        const { released = false, ...claimant } = JSON.parse(text);
        return { fence, claimant, released, beat: mtimeMs };
      } catch (error) {
        // Another process took over between two looks, and removed it.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      }
    }
  }

  /** Milliseconds since the last heartbeat, by the clock of the file system, which hosts may share. */
  async silence({ beat }: HomeClaim): Promise<number> {
    const path = join(this.#folder, `${randomUUID()}.tmp`);
    await writeFile(path, '');
    try {
      return (await stat(path)).mtimeMs - beat;
    } finally {
      await rm(path, { force: true });
    }
  }

  /**
   * Claims the home after another claim that is over. undefined if another process was faster, or the
   * owner before showed itself alive in the last moment.
   */
  async take(before: HomeClaim | undefined, claimant: Claimant): Promise<HeldClaim | undefined> {
    const fence = (before?.fence ?? 0) + 1;
    const temporary = join(this.#folder, `${randomUUID()}.tmp`);
    writeFileSync(temporary, `${JSON.stringify(claimant)}\n`, { mode: 0o600, flush: true });
    const descriptor = openSync(temporary, 'r+');
    try {
      await link(temporary, this.#path(fence));
      const { beat } = before ?? {};
      const now = before && (await stat(this.#path(before.fence)).catch(() => undefined))?.mtimeMs;
      if (now === beat && Math.max(...(await this.#fences())) === fence) {
        await this.#removeBefore(fence);
        return this.#held(fence, descriptor, claimant);
      }
      await rm(this.#path(fence));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
        closeSync(descriptor);
        throw error;
      }
    } finally {
      await rm(temporary, { force: true });
    }
    closeSync(descriptor);
    return undefined;
  }

  #held(fence: number, descriptor: number, claimant: Claimant): HeldClaim {
    const { size, ino } = fstatSync(descriptor);
    let renewed = performance.now();
    return {
      fence,
      age: () => performance.now() - renewed,
      renew: () => {
        // The heartbeat first, the look afterwards; who takes over does it in the other order, so that one sees.
        // A size that stays sets the time of the file by the clock of its server.
        ftruncateSync(descriptor, size);
        if (!existsSync(this.#folder)) return 'gone';
        const own = statSync(this.#path(fence), { throwIfNoEntry: false });
        if (own?.ino !== ino || existsSync(this.#path(fence + 1))) return 'superseded';
        renewed = performance.now();
        return 'held';
      },
      release: async () => {
        const own = statSync(this.#path(fence), { throwIfNoEntry: false });
        const last = own?.ino === ino && !existsSync(this.#path(fence + 1));
        closeSync(descriptor);
        if (!last) return;
        await writeWhole(
          this.#path(fence),
          `${JSON.stringify({ ...claimant, released: true })}\n`,
          0o600,
        );
      },
    };
  }

  async #fences(): Promise<number[]> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const names = await readdir(this.#folder);
    return names.flatMap((name) => {
      const number = /^(\d{1,15})\.claim$/.exec(name)?.[1];
      return number === undefined ? [] : [Number(number)];
    });
  }

  /** Removes files that killed claimants left: a living one needs a moment. */
  async #removeUnfinished(): Promise<void> {
    const now = Date.now();
    for (const name of await readdir(this.#folder)) {
      if (!name.endsWith('.tmp')) continue;
      const path = join(this.#folder, name);
      const found = await stat(path).catch(() => undefined);
      if (found && now - found.mtimeMs > ABANDONED_MS) await rm(path, { force: true });
    }
  }

  async #removeBefore(fence: number): Promise<void> {
    const earlier = (await this.#fences()).filter((other) => other < fence);
    // The oldest first: its owner, should it live, must never miss both its own claim and the next.
    for (const other of earlier.toSorted((a, b) => a - b))
      await rm(this.#path(other), { force: true });
    await this.#removeUnfinished();
  }
}
