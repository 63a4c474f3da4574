import type { Readable } from 'node:stream';
import { didYouMean } from '../../errors/closest-names.js';
import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import type { FeatureFormat } from '../../scoring/features/feature-file.js';
import type { FeatureSummary } from '../../scoring/features/summarise-features.js';
import type { HomeStore } from '../../store/home-store.js';
import {
  type Expect,
  isFeatures,
  type ModelChange,
  type ModelRecord,
} from '../../store/records/model-store.js';
import type { Principal } from '../../store/records/principal.js';
import type { UploadRecord } from '../../store/records/upload-store.js';
import type { Client } from '../http/client.js';
import { requireChange } from '../http/principal-of.js';
import { RequestProblem } from '../http/problem.js';
import { type AskedAccess, accessAfter } from '../http/read-visibility.js';
import { ChildQueue } from '../queue/child-queue.js';
import { checkLimit } from '../queue/deadlines.js';
import type { FailedWork } from '../queue/failed-work.js';
import { KeyedMutex } from '../queue/keyed-mutex.js';
import type { ModelTask } from '../work/model-questions.js';

/** Limits of the child processes, and of a file. */
export interface FeatureBounds {
  /** Bytes of memory beyond three times the file. */
  readonly maxMemory: number;
  /** Seconds that a file may take, beside those for its size. */
  readonly check: number;
  /** Where children that fail are counted. */
  readonly failed: FailedWork;
  /** Ends them. */
  readonly signal?: AbortSignal;
  /** Most bytes of a file. */
  readonly uploadSize: number;
}

/** What features are registered with, beside their bytes. */
export interface FeatureDescription extends AskedAccess {
  readonly format: FeatureFormat;
  readonly name?: string;
}

/** An upload with the bytes of it that are here. */
export interface UploadState extends UploadRecord {
  readonly offset: number;
}

/** Registered features; `graph` of the registration is their summary. */
export interface FeatureRecord extends Omit<ModelRecord, 'card' | 'graph'> {
  readonly summary: FeatureSummary;
}

/**
 * Receives files of features in pieces, and registers them beside models: owner, visibility, quota and bytes by digest are the
 * same. A child process reads every file before it is placed.
 */
export class FeatureService {
  readonly #store: HomeStore;
  readonly #bounds: FeatureBounds;
  readonly #children: ChildQueue;
  readonly #mutex = new KeyedMutex();
  /** Uploads that a request writes or reads. */
  readonly #busy = new Set<string>();

  constructor(store: HomeStore, bounds: FeatureBounds) {
    this.#store = store;
    this.#bounds = bounds;
    const places = { what: 'checks of features', running: 2, runningEach: 1 };
    this.#children = new ChildQueue(places, bounds.failed);
  }

  /**
   * Begins an upload, for which its size is reserved; expired ones are swept first.
   * @throws VentralError `too-large`, `quota-exceeded`, `storage-exceeded`
   */
  async open(by: Principal, asked: Pick<UploadRecord, 'digest' | 'size'>): Promise<UploadState> {
    const { uploads, uploadFiles } = this.#store;
    const { uploadSize } = this.#bounds;
    if (asked.size > uploadSize) {
      const sentence = `The file has ${asked.size} bytes, the maximum is ${uploadSize}`;
      throw new VentralError('too-large', sentence, { field: '/size' });
    }
    await uploadFiles.sweep(() => uploads.kept());
    return { ...(await uploads.create(by, asked)), offset: 0 };
  }

  /** @throws VentralError `not-found` */
  async upload(by: Principal, id: string): Promise<UploadState> {
    const found = await this.#store.uploads.find(by, id);
    if (!found) throw new VentralError('not-found', `There is no upload "${id}"`);
    return { ...found, offset: await this.#store.uploadFiles.offset(id) };
  }

  /**
   * Writes a piece; a broken one stays as far as it came.
   * @throws VentralError `not-found`, `conflict` for another offset than the bytes that are here, or while another request
   *   writes, `too-large`
   */
  append(by: Principal, id: string, offset: number, source: Readable): Promise<UploadState> {
    return this.#alone(id, async () => {
      const upload = await this.upload(by, id);
      if (offset !== upload.offset) {
        throw new VentralError(
          'conflict',
          `The upload has ${upload.offset} bytes: send what follows them, with offset=${upload.offset}`,
          { field: '/query/offset', expected: String(upload.offset), found: String(offset) },
        );
      }
      await this.#store.uploads.renew(id);
      await this.#store.uploadFiles.append(id, source, upload.size);
      return this.upload(by, id);
    });
  }

  /** Gives an upload up. */
  drop(by: Principal, id: string): Promise<void> {
    return this.#alone(id, async () => {
      await this.upload(by, id);
      await this.#forget(id);
    });
  }

  async #forget(id: string): Promise<void> {
    await this.#store.uploads.remove(id);
    await this.#store.uploadFiles.remove(id);
  }

  /** One request at a time has an upload. */
  async #alone<T>(id: string, work: () => Promise<T>): Promise<T> {
    if (this.#busy.has(id))
      throw new VentralError('conflict', `Another request works on the upload ${id}`);
    this.#busy.add(id);
    try {
      return await work();
    } finally {
      this.#busy.delete(id);
    }
  }

  /**
   * Registers a complete upload. If its owner has the same bytes, that registration is updated (`created` is false).
   * @throws VentralError `not-found`, `conflict` for one that is not complete, `checksum-mismatch` (then it is given up),
   *   `group-unknown`, `quota-exceeded`, `storage-exceeded`, and what the check finds
   */
  register(
    client: Client,
    id: string,
    description: FeatureDescription,
  ): Promise<{ features: FeatureRecord; created: boolean }> {
    return this.#alone(id, async () => {
      const upload = await this.upload(client.principal, id);
      if (upload.offset !== upload.size) {
        const sentence = `The upload has ${upload.offset} of its ${upload.size} bytes: send the rest first`;
        throw new VentralError('conflict', sentence, { field: '/upload' });
      }
      await this.#requireDigest(upload, client.signal);
      const by = { ...client.principal, owner: upload.owner };
      const known = await this.#store.models.findOwn(by.owner, upload.digest);
      const made = known
        ? { features: await this.#again(by, upload, known, description), created: false }
        : await this.#create({ ...client, principal: by }, upload, description);
      await this.#forget(id);
      return made;
    });
  }

  async #requireDigest({ id, digest }: UploadState, signal: AbortSignal): Promise<void> {
    const found = await this.#store.uploadFiles.digest(id, signal);
    if (found === digest) return;
    await this.#forget(id);
    throw new VentralError(
      'checksum-mismatch',
      `The received bytes have the digest ${found}: the upload is given up, start again`,
      { field: '/upload', expected: digest, found },
    );
  }

  async #again(
    by: Principal,
    { id, digest }: UploadState,
    known: ModelRecord,
    { name, ...asked }: FeatureDescription,
  ): Promise<FeatureRecord> {
    if (!isFeatures(known.id))
      throw new VentralError('conflict', `${known.id} is a model with these bytes`);
    await this.#store.files.repair(this.#store.uploadFiles.path(id), digest);
    const change = { ...present({ name }), ...accessAfter(by, asked, known) };
    return recordOf((await this.#store.models.change(by, known.id, change)) ?? known);
  }

  async #create(
    client: Client,
    { id, digest, size }: UploadState,
    { format, name = id, ...asked }: FeatureDescription,
  ): Promise<{ features: FeatureRecord; created: boolean }> {
    const store = this.#store;
    const by = client.principal;
    const access = accessAfter(by, asked);
    const path = store.uploadFiles.path(id);
    const summary = await this.#check(client, { path, format, size });
    return this.#mutex.run(digest, async () => {
      await store.files.place(path, digest);
      try {
        const { model, created } = await store.models.register(
          by,
          { ...access, digest, name, size, card: null, graph: summary },
          id,
          'features',
        );
        return { features: recordOf(model), created };
      } catch (error) {
        await this.#free(digest);
        throw error;
      }
    });
  }

  #check(
    client: Client,
    { path, format, size }: { path: string; format: FeatureFormat; size: number },
  ): Promise<FeatureSummary> {
    const { maxMemory, check, signal } = this.#bounds;
    const task: ModelTask = { kind: 'features', reference: path, name: 'features', format };
    return this.#children.run<FeatureSummary>(client, {
      script: 'model-child.js',
      task,
      ...{ reads: [path], writes: [] },
      limits: { memory: maxMemory + 3 * size, ...checkLimit({ check }, size) },
      temporary: this.#store.temporary,
      ...present({ signal }),
    });
  }

  /** @throws VentralError `not-found` */
  async get(principal: Principal, id: string): Promise<FeatureRecord> {
    const found = isFeatures(id) ? await this.#store.models.find(principal, id) : undefined;
    if (!found) throw new VentralError('not-found', `There are no features "${id}"`);
    return recordOf(found);
  }

  /**
   * Changes name, visibility or group.
   * @throws VentralError `not-found`, `forbidden`, `group-unknown`, and what `expect` throws
   */
  async change(
    by: Principal,
    id: string,
    { name, ...asked }: Omit<FeatureDescription, 'format'>,
    expect: (now: FeatureRecord) => void,
  ): Promise<FeatureRecord> {
    const found = await this.get(by, id);
    requireChange(by, found);
    expect(found);
    const change: ModelChange = { ...accessAfter(by, asked, found), ...present({ name }) };
    const changed = await this.#store.models.change(by, id, change, expecting(expect));
    return changed ? recordOf(changed) : this.get(by, id);
  }

  /**
   * Forgets features, and frees their bytes with the last registration; scores stay.
   * @throws VentralError `not-found`, `forbidden`, `conflict` while a job needs them, and what `expect` throws
   */
  async remove(by: Principal, id: string, expect: (now: FeatureRecord) => void): Promise<void> {
    const found = await this.get(by, id);
    requireChange(by, found);
    await this.#mutex.run(found.digest, async () => {
      if (await this.#store.jobs.isNeeded(id))
        throw new VentralError(
          'conflict',
          `A job of ${found.name} is waiting or running: cancel it first`,
        );
      if (await this.#store.models.remove(by, id, expecting(expect)))
        await this.#free(found.digest);
    });
  }

  async #free(digest: string): Promise<void> {
    if (!(await this.#store.models.needsBytes(digest))) await this.#store.files.remove(digest);
  }

  /** Path of the checked bytes. */
  content({ digest }: FeatureRecord): Promise<string> {
    return this.#store.files.local(digest);
  }

  /**
   * The features of a score request, whose layers are there for each region.
   * @throws VentralError `not-found`, `layer-unset`, `layer-unknown`
   */
  async scorable(
    principal: Principal,
    id: string,
    regions: readonly (string | null)[],
    layers: Readonly<Record<string, string>> | undefined,
  ): Promise<FeatureRecord> {
    const features = await this.get(principal, id);
    const names = features.summary.layers.map(({ name }) => name);
    const refuse = (code: 'layer-unset' | 'layer-unknown', detail: string, at: string) =>
      new RequestProblem(code, detail, { parts: [{ pointer: `/layers${at}`, detail }] });
    for (const [region, layer] of Object.entries(layers ?? {}))
      if (!names.includes(layer))
        throw refuse(
          'layer-unknown',
          `${features.name} has no layer "${layer}"${didYouMean(layer, names)}`,
          `/${region}`,
        );
    const unset = regions.map((region) => region ?? 'behavior').find((region) => !layers?.[region]);
    if (unset !== undefined && (names.length > 1 || layers !== undefined))
      throw refuse('layer-unset', `${features.name}: name a layer for ${unset}`, '');
    return features;
  }
}

const recordOf = ({ card: _card, graph, ...others }: ModelRecord): FeatureRecord => ({
  ...others,
  summary: graph as FeatureSummary,
});

const expecting =
  (expect: (now: FeatureRecord) => void): Expect =>
  (now) =>
    expect(recordOf(now));
