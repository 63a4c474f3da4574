import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { ContentCache } from '../../activations/cache/content-cache.js';
import type { components } from '../../api/schema.js';
import { verifyData } from '../../data/verify-data.js';
import { VentralError } from '../../errors/ventral-error.js';
import { verifySimulated } from '../../scoring/benchmark/simulated-data.js';
import { backupTables, rowsOf, snapshot } from '../../store/database/table-rows.js';
import type { FileDamage } from '../../store/files/damaged-file.js';
import { FileCache } from '../../store/files/file-cache.js';
import type { FileOrigin } from '../../store/files/file-source.js';
import type { HomeStore } from '../../store/home-store.js';
import { suspectJobs } from '../../store/jobs/suspect-results.js';
import { damagedFiles } from '../../training/run/training-state.js';

/** Result of a check of a home, as HTTP shows it. */
export type FsckReport = components['schemas']['FsckReport'];
type Finding = FsckReport['findings'][number];
type Kind = Finding['kind'];

/** What to check, and what to do about damage. */
export interface FsckOptions {
  readonly home: string;
  readonly store: HomeStore;
  /**
   * Replaces damaged files that have a second copy, and removes files that are recomputed automatically.
   */
  readonly heal: boolean;
  /** Moves damaged files that were not healed to HOME/quarantine. */
  readonly quarantine: boolean;
  /** Another service that may have the files. */
  readonly peer?: FileOrigin | undefined;
  readonly signal: AbortSignal;
}

/**
 * Reads every file that a home keeps and compares it with its digest, and every row of the database. Results
 * that may have been computed from damaged bytes are withdrawn, see `withdrawResults`.
 * @throws VentralError `interrupted`, and what the file system or the database say
 */
export async function checkHome(options: FsckOptions): Promise<FsckReport> {
  return new HomeCheck(options).run();
}

class HomeCheck {
  readonly #options: FsckOptions;
  readonly #checked = new Map<Kind, number>();
  readonly #findings: Finding[] = [];
  readonly #folder: string;

  constructor(options: FsckOptions) {
    this.#options = options;
    const day = new Date().toISOString().slice(0, 10);
    this.#folder = join(options.home, 'quarantine', `${day}-${randomUUID().slice(0, 8)}`);
  }

  async run(): Promise<FsckReport> {
    const parts = [
      () => this.#models(),
      () => this.#benchmarks(),
      () => this.#data(),
      () => this.#madeAgain(),
      () => this.#trainings(),
      () => this.#database(),
    ];
    for (const part of parts) {
      this.#options.signal.throwIfAborted();
      await part();
    }
    const left = this.#findings.filter(
      ({ state, action }) => state !== 'orphaned' && !done.includes(action),
    );
    return {
      ok: left.length === 0,
      checked: Object.fromEntries(this.#checked),
      findings: this.#findings,
    };
  }

  async #models(): Promise<void> {
    const { store, peer, signal } = this.#options;
    const { files } = store;
    const digests = await digestsOf(
      store,
      'select digest from models union select digest from checkpoints',
    );
    files.forgetChecks();
    for (const digest of digests) {
      signal.throwIfAborted();
      this.#count('model');
      const state = await files.state(digest);
      if (state === 'good') continue;
      const damage = await files.damage(digest);
      const healed = await this.#try(
        () => files.local(digest, signal),
        ...(peer ? [() => files.fetch(peer, digest, signal)] : []),
      );
      const action =
        healed ||
        (state === 'damaged' &&
          (await this.#aside(`model-${hexOf(digest)}`, (path) => files.setAside(digest, path))));
      await this.#file({
        ...damage,
        state,
        action: healed ? 'healed' : action ? 'quarantined' : 'none',
      });
    }
    const needed = await store.models.neededDigests();
    for (const digest of await files.list()) if (!needed.has(digest)) this.#orphan('model', digest);
  }

  async #benchmarks(): Promise<void> {
    const { store, signal } = this.#options;
    const { benchmarkFiles } = store;
    const digests = await digestsOf(store, 'select distinct digest from benchmarks');
    benchmarkFiles.forgetChecks();
    for (const digest of digests) {
      signal.throwIfAborted();
      this.#count('benchmark');
      await this.#archive(digest);
      await this.#unpacked(digest);
    }
    const needed = new Set(digests);
    for (const digest of await benchmarkFiles.list())
      if (!needed.has(digest)) this.#orphan('benchmark', digest);
  }

  async #archive(digest: string): Promise<void> {
    const { store, peer, signal } = this.#options;
    const { benchmarkFiles } = store;
    const state = await benchmarkFiles.archiveState(digest);
    // Homes of an earlier schema kept none.
    if (
      state === 'good' ||
      (state === 'missing' && (await benchmarkFiles.state(digest)).state !== 'missing')
    )
      return;
    const healed = await this.#try(
      () => benchmarkFiles.localArchive(digest, signal),
      ...(peer ? [() => benchmarkFiles.fetchArchive(peer, digest, signal)] : []),
    );
    const aside =
      !healed &&
      state === 'damaged' &&
      (await this.#aside(`benchmark-${hexOf(digest)}.zip`, (path) =>
        benchmarkFiles.setAside(digest, 'archive', path),
      ));
    const action = healed ? 'healed' : aside ? 'quarantined' : 'none';
    this.#add({ kind: 'benchmark', name: digest, state, action, detail: 'the archive', jobs: [] });
  }

  async #unpacked(digest: string): Promise<void> {
    const { store, signal } = this.#options;
    const { benchmarkFiles } = store;
    const { state, names } = await benchmarkFiles.state(digest);
    if (state === 'good') return;
    if (state === 'unsealed') {
      await benchmarkFiles.local(digest, signal);
      return;
    }
    const damage = await benchmarkFiles.damage(digest, names);
    const healed = await this.#try(() => benchmarkFiles.local(digest, signal));
    const aside =
      !healed &&
      state === 'damaged' &&
      (await this.#aside(`benchmark-${hexOf(digest)}`, (path) =>
        benchmarkFiles.setAside(digest, 'folder', path),
      ));
    await this.#file({
      ...damage,
      state,
      action: healed ? 'healed' : aside ? 'quarantined' : 'none',
    });
  }

  /** Data of the catalog and imported ones; `ventral data pull` brings them again. */
  async #data(): Promise<void> {
    const { home, signal } = this.#options;
    for (const { path, ok } of await verifyData({ home, signal })) {
      this.#count('data');
      if (ok) continue;
      const aside = await this.#aside(`data-${basename(path)}`, (to) => rename(path, to));
      const detail = 'restore it with ventral data pull or ventral data import';
      this.#add({
        ...damaged('data', this.#name(path)),
        detail,
        action: aside ? 'quarantined' : 'none',
      });
    }
  }

  /** Files that are recomputed or fetched when missing: removing them heals them. */
  async #madeAgain(): Promise<void> {
    const { home, heal, quarantine } = this.#options;
    const remove = heal || quarantine;
    const cache = await (await ContentCache.open(home)).verify();
    const made = await verifySimulated(home);
    const fetched = await FileCache.verify(join(home, 'files'), remove);
    this.#count('cache', cache.entries);
    this.#count('simulated', made.folders);
    this.#count('fetched', fetched.entries);
    const found = [
      ...cache.damaged.map((path) => ({ kind: 'cache' as const, path })),
      ...made.damaged.map((path) => ({ kind: 'simulated' as const, path })),
      ...fetched.damaged.map((path) => ({ kind: 'fetched' as const, path })),
    ];
    for (const { kind, path } of found) {
      if (remove) await rm(path, { recursive: true, force: true });
      this.#add({ ...damaged(kind, this.#name(path)), action: remove ? 'healed' : 'none' });
    }
  }

  /** Runs of open trainings: a damaged run restarts when a worker claims its job. */
  async #trainings(): Promise<void> {
    const root = join(this.#options.home, 'trainings');
    for (const job of await readdir(root).catch(() => [])) {
      this.#count('training');
      const run = join(root, job, 'run');
      const broken = await damagedFiles(run).then(
        (found) => found?.files ?? [],
        (error) => [basename(String(VentralError.from(error).details.file ?? run))],
      );
      if (broken.length === 0) continue;
      const detail = `${broken.slice(0, 5).join(', ')}: the run restarts`;
      this.#add({ ...damaged('training', this.#name(run)), detail, jobs: [job] });
    }
  }

  /** PostgreSQL checks its pages as they are read, where it was made with checksums, as the embedded one is. */
  async #database(): Promise<void> {
    const { store, signal } = this.#options;
    for (const table of backupTables) {
      try {
        await snapshot(store.database, async (queries) => {
          for await (const rows of rowsOf(queries, table)) {
            signal.throwIfAborted();
            this.#count('row', rows.length);
          }
        });
      } catch (error) {
        signal.throwIfAborted();
        const { code, message } = VentralError.from(error);
        if (code !== 'internal') throw error;
        this.#add({ ...damaged('row', table.name), detail: message.slice(0, 300) });
      }
    }
  }

  async #file({
    kind,
    digest,
    names = [],
    since,
    state,
    action,
  }: FileDamage & Pick<Finding, 'state' | 'action'>): Promise<void> {
    const { database } = this.#options.store;
    const jobs =
      state === 'damaged' ? [...(await suspectJobs(database, { kind, digest, since }))] : [];
    const detail = names.length > 0 ? names.slice(0, 5).join(', ') : null;
    this.#add({ kind, name: digest, state, action, detail, jobs });
  }

  /** @returns whether one of the ways heals it, if healing is requested */
  async #try(...ways: readonly (() => Promise<unknown>)[]): Promise<boolean> {
    if (!this.#options.heal) return false;
    for (const way of ways) {
      try {
        await way();
        return true;
      } catch {
        this.#options.signal.throwIfAborted();
      }
    }
    return false;
  }

  async #aside(name: string, move: (path: string) => Promise<void>): Promise<boolean> {
    if (!this.#options.quarantine) return false;
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    await move(join(this.#folder, name));
    return true;
  }

  #orphan(kind: Kind, name: string): void {
    const detail = 'unused: it is removed at the next start of the service';
    this.#add({ kind, name, state: 'orphaned', action: 'none', detail, jobs: [] });
  }

  #add(finding: Finding): void {
    this.#findings.push(finding);
  }

  #count(kind: Kind, count = 1): void {
    this.#checked.set(kind, (this.#checked.get(kind) ?? 0) + count);
  }

  #name(path: string): string {
    return relative(this.#options.home, path);
  }
}

const done: readonly Finding['action'][] = ['healed'];

const damaged = (kind: Kind, name: string): Finding => ({
  kind,
  name,
  state: 'damaged',
  action: 'none',
  detail: null,
  jobs: [],
});

const hexOf = (digest: string) => digest.slice('sha256:'.length);

async function digestsOf({ database }: HomeStore, sql: string): Promise<string[]> {
  const rows = await database.query<{ digest: string }>(`${sql} order by digest`);
  return rows.map(({ digest }) => digest);
}
