import { createHash, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { didYouMean } from '../../errors/closest-names.js';
import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import type { Benchmark } from '../../scoring/benchmark/benchmark.js';
import { listBenchmarks } from '../../scoring/registry/registry.js';
import type { HomeStore } from '../../store/home-store.js';
import type { BenchmarkRecord } from '../../store/records/benchmark-store.js';
import { type Principal, servicePrincipal } from '../../store/records/principal.js';
import { requirePlainFiles } from '../child/child-output.js';
import type { Client } from '../http/client.js';
import { requireChange } from '../http/principal-of.js';
import { RequestProblem } from '../http/problem.js';
import type { ProblemPart } from '../http/problem-details.js';
import { type AskedAccess, accessAfter } from '../http/read-visibility.js';
import { ChildQueue } from '../queue/child-queue.js';
import { checkLimit } from '../queue/deadlines.js';
import type { FailedWork } from '../queue/failed-work.js';
import { KeyedMutex } from '../queue/keyed-mutex.js';
import type { ReceivedFile } from '../upload/upload.js';
import type { UnpackedBenchmark, UnpackTask } from '../work/unpack-benchmark.js';

/** One benchmark that a request asks for. */
export interface AskedBenchmark {
  /** It names the score. */
  readonly id: string;
  readonly region: string | null;
  /** The requested name: a shipped identifier, or the id of an upload. */
  readonly source: string;
  /** Digest of its definition and, for an upload, of its files. */
  readonly definition: string;
}

/** Limits of the process that unpacks. */
export interface BenchmarkBounds {
  /** Bytes of memory. */
  readonly maxMemory: number;
  /** Bytes of unpacked files. */
  readonly maxScratch: number;
  /** Seconds that an archive may take, beside those for its size. */
  readonly check: number;
  /** Where children that fail are counted. */
  readonly failed: FailedWork;
  /** Ends it. */
  readonly signal?: AbortSignal;
}

/**
 * The benchmarks that can be asked for: those that ventral ships, by identifier, and uploaded ones, by
 * the id of their registration. Archives are opened in a child process.
 */
export class BenchmarkService {
  readonly #store: HomeStore;
  readonly #bounds: BenchmarkBounds;
  readonly #children: ChildQueue;
  readonly #mutex = new KeyedMutex();
  readonly #definitions = new Map<string, string>();

  constructor(store: HomeStore, bounds: BenchmarkBounds) {
    this.#store = store;
    this.#bounds = bounds;
    const places = { what: 'checks of benchmarks', running: 2, runningEach: 1 };
    this.#children = new ChildQueue(places, bounds.failed);
  }

  /**
   * Registers a received archive, and removes it; `created` is false if its owner has the same bytes. It replaces
   * stored bytes that are damaged or missing.
   * @throws VentralError `group-unknown`, `quota-exceeded`, `queue-full`, `storage-exceeded`, and what is wrong
   *   with the archive
   * @param asked reads who is to see it; it may throw
   */
  async register(
    client: Client,
    file: ReceivedFile,
    asked: () => AskedAccess,
  ): Promise<{ benchmark: BenchmarkRecord; created: boolean }> {
    const by = client.principal;
    const unpacking = join(this.#store.temporary, `benchmark-${randomUUID()}`);
    const folder = join(unpacking, 'files');
    try {
      const access = accessAfter(by, asked());
      const { digest, size, reservation } = file;
      const work = async () => {
        const known = await this.#store.benchmarks.findOwn(by.owner, digest);
        if (known) {
          await this.#store.benchmarkFiles.repair(file.path, digest);
          return { benchmark: known, created: false };
        }
        await this.#store.benchmarks.requireQuota(by, size, reservation?.id);
        const unpacked = await this.#unpack(client, file, folder);
        await requirePlainFiles(folder);
        refuseShipped(unpacked);
        // Owners share files: none may be freed between the two steps.
        return this.#mutex.run(digest, async () => {
          // Another job may be reading the existing files.
          if (await this.#store.benchmarks.needsFiles(digest))
            await this.#store.benchmarkFiles.repair(file.path, digest);
          else await this.#store.benchmarkFiles.place(folder, file.path, digest);
          const benchmark = { ...unpacked, ...access, digest, size };
          return this.#store.benchmarks.register(by, benchmark, reservation?.id);
        });
      };
      return await this.#mutex.run(ownKey(by, digest), work, client.signal);
    } finally {
      await rm(file.path, { force: true });
      await rm(unpacking, { recursive: true, force: true });
    }
  }

  /**
   * Inspects the archive first: its unpacked size counts against the quota before it is written.
   */
  async #unpack(
    client: Client,
    { path: archive, size, reservation }: ReceivedFile,
    folder: string,
  ): Promise<UnpackedBenchmark> {
    const most = { archive, bytes: this.#bounds.maxScratch };
    const { unpacked: bytes } = await this.#inChild<Pick<UnpackedBenchmark, 'unpacked'>>(
      client,
      most,
      size,
    );
    await reservation?.hold(size + bytes);
    return this.#inChild<UnpackedBenchmark>(client, { archive, bytes, folder }, size);
  }

  #inChild<T>(client: Client, task: UnpackTask, size: number): Promise<T> {
    const { maxMemory, check, signal } = this.#bounds;
    return this.#children.run<T>(client, {
      script: 'benchmark-child.js',
      task,
      temporary: this.#store.temporary,
      reads: [task.archive],
      writes: task.folder === undefined ? [] : [dirname(task.folder)],
      limits: { memory: maxMemory, ...checkLimit({ check }, size) },
      ...present({ signal }),
    });
  }

  /** An upload by id or digest; throws `not-found`. */
  async get(principal: Principal, idOrDigest: string): Promise<BenchmarkRecord> {
    const found = await this.#store.benchmarks.find(principal, idOrDigest);
    if (!found) throw new VentralError('not-found', `There is no benchmark "${idOrDigest}"`);
    return found;
  }

  /**
   * Forgets an upload, and its files with the last one.
   * @throws VentralError `not-found`, `forbidden`, and `conflict` while a job needs it
   */
  async remove(principal: Principal, idOrDigest: string): Promise<void> {
    const found = await this.get(principal, idOrDigest);
    requireChange(principal, found);
    const { id, digest, summary } = found;
    const work = async () => {
      if (await this.#store.jobs.isNeeded(id)) {
        throw new VentralError(
          'conflict',
          `A job on ${summary.identifier} is waiting or running: cancel it first`,
        );
      }
      await this.#store.benchmarks.remove(principal, id);
      if (!(await this.#store.benchmarks.needsFiles(digest)))
        await this.#store.benchmarkFiles.remove(digest);
    };
    await this.#mutex.run(ownKey(found, digest), () => this.#mutex.run(digest, work));
  }

  /**
   * The benchmarks of a request: over HTTP a name is an identifier or an id, never a file.
   * @throws VentralError `benchmark-unknown` for all that are not there, `name-ambiguous` for one that is named
   *   twice
   * @param pointer JSON pointer of the name at a position
   */
  async asked(
    principal: Principal,
    names: readonly string[],
    pointer: (position: number) => string,
  ): Promise<AskedBenchmark[]> {
    const shipped = new Map(listBenchmarks().map((benchmark) => [benchmark.id, benchmark]));
    const asked: AskedBenchmark[] = [];
    const unknown: ProblemPart[] = [];
    for (const [position, name] of names.entries()) {
      const found = await this.#find(principal, name, shipped);
      const twice = found?.find(({ id }) => asked.some((other) => other.id === id));
      if (twice)
        throw new VentralError('name-ambiguous', `The request names ${twice.id} twice`, {
          field: pointer(position),
        });
      if (found) asked.push(...found);
      else
        unknown.push({
          pointer: pointer(position),
          detail: `There is no benchmark "${name}"${didYouMean(name, shipped.keys())}`,
        });
    }
    if (unknown.length > 0) {
      throw new RequestProblem(
        'benchmark-unknown',
        unknown.map(({ detail }) => detail).join('; '),
        { parts: unknown },
      );
    }
    return asked;
  }

  async #find(
    principal: Principal,
    name: string,
    shipped: ReadonlyMap<string, Benchmark>,
  ): Promise<AskedBenchmark[] | undefined> {
    const known = shipped.get(name);
    if (known)
      return [
        {
          id: known.id,
          region: known.region ?? null,
          source: name,
          definition: this.#definitionOf(known),
        },
      ];
    const uploaded = name.startsWith('bmk_')
      ? await this.#store.benchmarks.find(principal, name)
      : undefined;
    return uploaded?.summary.benchmarks.map(({ id, region }) => ({
      id,
      region,
      source: uploaded.id,
      definition: uploaded.digest,
    }));
  }

  /** What `findBenchmark` knows a source by, and the benchmarks that it gives; a shipped one by its name. */
  async reference(source: string): Promise<{ reference: string; ids: readonly string[] }> {
    if (!source.startsWith('bmk_')) return { reference: source, ids: [source] };
    const { digest, file, summary } = await this.get(servicePrincipal, source);
    return {
      reference: join(await this.#store.benchmarkFiles.local(digest), file),
      ids: summary.benchmarks.map(({ id }) => id),
    };
  }

  /** Digest of a shipped definition, which does not change while the service runs. */
  #definitionOf({ file }: Benchmark): string {
    let digest = this.#definitions.get(file);
    if (digest === undefined) {
      digest = createHash('sha256').update(readFileSync(file)).digest('hex');
      this.#definitions.set(file, digest);
    }
    return digest;
  }
}

/** Serialises an owner's operations on its registration of the same bytes. */
const ownKey = ({ owner }: { readonly owner: string }, digest: string) => `${digest} ${owner}`;

/** An upload may not go under the name of a benchmark that ventral ships. */
function refuseShipped({ file, summary }: UnpackedBenchmark): void {
  const shipped = new Set(listBenchmarks().map(({ id }) => id));
  const taken = summary.benchmarks.find(({ id }) => shipped.has(id));
  if (taken)
    throw new VentralError(
      'conflict',
      `${file}: ventral ships a benchmark ${taken.id}: choose another identifier`,
      { file, field: '/identifier' },
    );
}
