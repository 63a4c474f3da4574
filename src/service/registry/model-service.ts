import { rm } from 'node:fs/promises';
import { basename, dirname, extname, isAbsolute, join } from 'node:path';
import type { ModelCard } from '../../activations/card/card.js';
import type { CardHints } from '../../activations/card/card-template.js';
import type { CardWarning } from '../../activations/card/card-warnings.js';
import { mixedPrecisions } from '../../activations/card/mixed-precisions.js';
import { type LayerFault, layerWarnings } from '../../activations/check-card.js';
import { shippedModels } from '../../activations/model-file.js';
import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import type { HomeStore } from '../../store/home-store.js';
import {
  type Expect,
  isFeatures,
  type ModelChange,
  type ModelRecord,
} from '../../store/records/model-store.js';
import { type Principal, servicePrincipal } from '../../store/records/principal.js';
import { requirePlainFile } from '../child/child-output.js';
import type { Client } from '../http/client.js';
import { requireChange } from '../http/principal-of.js';
import { RequestProblem } from '../http/problem.js';
import { withoutPaths } from '../http/read-card.js';
import { type Access, type AskedAccess, accessAfter } from '../http/read-visibility.js';
import { ChildQueue } from '../queue/child-queue.js';
import { checkLimit } from '../queue/deadlines.js';
import type { FailedWork } from '../queue/failed-work.js';
import { KeyedMutex } from '../queue/keyed-mutex.js';
import type { ReceivedFile } from '../upload/upload.js';
import type { CheckedModel, ModelTask } from '../work/model-questions.js';
import { untrainedCard } from '../work/untrained-card.js';

/** What a model is registered with, beside its bytes. */
export interface Description extends AskedAccess {
  readonly card?: ModelCard;
  readonly name?: string;
}

/** A model that can be scored: path, name and card. */
export interface ScorableModel {
  /** Path of the ONNX file, or the name of a shipped model. */
  readonly reference: string;
  /** Its registration; null for a shipped one. */
  readonly registration: string | null;
  readonly digest: string;
  readonly name: string;
  readonly card: ModelCard;
}

/** A model that ventral ships. */
export interface ShippedModel {
  readonly name: string;
  readonly digest: string;
  readonly card: ModelCard;
  readonly size: number;
  readonly graph: unknown;
}

/** Limits of the child processes. */
export interface ModelBounds {
  /** Bytes of memory beyond three times the file. */
  readonly maxMemory: number;
  /** Seconds that a file may take, beside those for its size. */
  readonly check: number;
  /** Where children that fail are counted. */
  readonly failed: FailedWork;
  /** Ends them. */
  readonly signal?: AbortSignal;
}

/** What became of an upload, with remarks that its graph alone allows. */
export interface RegisteredModel {
  readonly model: ModelRecord;
  readonly created: boolean;
  readonly warnings: readonly CardWarning[];
}

/** Layer lists that are kept; a list of a large network is a few hundred kilobytes. */
const KEPT_LISTS = 16;

/**
 * Registers, shows and forgets models in a home that this process owns. It opens no model itself: a
 * child process checks every file before it is placed (design §8).
 */
export class ModelService {
  readonly #store: HomeStore;
  readonly #bounds: ModelBounds;
  readonly #children: ChildQueue;
  readonly #mutex = new KeyedMutex();
  readonly #shipped = new Map<string, Promise<ShippedModel>>();
  readonly #files = new Map<string, Promise<string>>();
  readonly #layers = new Map<string, unknown[]>();

  constructor(store: HomeStore, bounds: ModelBounds) {
    this.#store = store;
    this.#bounds = bounds;
    const places = { what: 'questions about models', running: 3, runningEach: 2 };
    this.#children = new ChildQueue(places, bounds.failed);
  }

  /**
   * Registers a received file and takes ownership of it: the file is moved into place or removed. If the owner has
   * the same bytes, the existing registration is updated (`created` is false), and damaged or missing stored bytes
   * are replaced. Other owners' files and uploads make no difference: the file is checked again.
   * @throws VentralError `group-unknown`, `quota-exceeded`, `queue-full`, `storage-exceeded`, and what the check
   *   finds
   * @param describe reads what else was given; it may reject
   */
  async register(
    client: Client,
    file: ReceivedFile,
    describe: () => Description | Promise<Description>,
  ): Promise<RegisteredModel> {
    const by = client.principal;
    try {
      const description = await describe();
      const work = async () => {
        const known = await this.#store.models.findOwn(by.owner, file.digest);
        if (known && isFeatures(known.id))
          throw new VentralError('conflict', `${known.id} are features with these bytes`);
        if (known) {
          await this.#store.files.repair(file.path, file.digest);
          const changes = Object.keys(description).length > 0;
          const change = { ...description, ...accessAfter(by, description, known) };
          const model = changes ? await this.#store.models.change(by, known.id, change) : known;
          const { card } = description;
          const faults = card ? await this.#faults(client, known, card) : [];
          return { model: model ?? known, created: false, warnings: layerWarnings(faults) };
        }
        return this.#create(client, file, description, accessAfter(by, description));
      };
      return await this.#mutex.run(ownKey(by, file.digest), work, client.signal);
    } finally {
      await rm(file.path, { force: true });
    }
  }

  async #create(
    client: Client,
    file: ReceivedFile,
    { card, name }: Description,
    access: Access,
  ): Promise<RegisteredModel> {
    const by = client.principal;
    const reservation = file.reservation?.id;
    await this.#store.models.requireQuota(by, file.size, reservation);
    const checked = await this.#run<CheckedModel>(
      client,
      {
        ...{ kind: 'check', reference: file.path, name: file.filename || 'file' },
        ...(card ? { card } : {}),
      },
      file.size,
    );
    const kept = card ?? (checked.card ? withoutPaths(checked.card) : null);
    // Owners share bytes: none may be freed between the two steps.
    return this.#mutex.run(file.digest, async () => {
      await this.#store.files.place(file.path, file.digest);
      try {
        const named =
          name ?? displayName(kept?.name ?? basename(file.filename, extname(file.filename)));
        const { digest, size } = file;
        const { graph } = checked;
        const model = { ...access, digest, name: named, size, card: kept, graph };
        const { warnings } = checked;
        return { ...(await this.#store.models.register(by, model, reservation)), warnings };
      } catch (error) {
        await this.#free(file.digest);
        throw error;
      }
    });
  }

  /** Remarks on a model that is another one of its owner in another precision: both stand on one leaderboard. */
  async mixed({ id, name, owner, card }: ModelRecord): Promise<CardWarning[]> {
    const { source } = (card ?? {}) as Pick<ModelCard, 'source'>;
    if (!source) return [];
    const found = await this.#store.models.ofHub(owner, source.hub);
    const others = found.filter((other) => other.id !== id);
    const of = [{ name, card }, ...others].map((model) => ({
      name: model.name,
      source: (model.card as Pick<ModelCard, 'source'>).source,
    }));
    return mixedPrecisions(of).map((detail) => ({ code: 'card-precision', detail }));
  }

  /** By id or digest; throws `not-found`. */
  async get(principal: Principal, idOrDigest: string): Promise<ModelRecord> {
    const model = await this.#store.models.find(principal, idOrDigest);
    if (!model || isFeatures(model.id))
      throw new VentralError('not-found', `There is no model "${idOrDigest}"`);
    return model;
  }

  /**
   * @throws VentralError `not-found`, `forbidden`, `group-unknown`, `card-invalid` for layers that the graph lacks, and
   *   what `expect` throws
   */
  async change(
    client: Client,
    idOrDigest: string,
    { name, card, ...asked }: Description,
    expect?: Expect,
  ): Promise<ModelRecord> {
    const { principal } = client;
    const found = await this.get(principal, idOrDigest);
    requireChange(principal, found);
    expect?.(found);
    if (card && layersIn(card) !== layersIn(found.card as ModelCard | null))
      await this.#requireLayers(client, found, card);
    const change: ModelChange = {
      ...accessAfter(principal, asked, found),
      ...present({ name, card }),
    };
    const changed = await this.#store.models.change(principal, found.id, change, expect);
    return changed ?? this.get(principal, found.id);
  }

  /** Layers of a card that the graph of a model does not have. */
  async #faults(
    client: Client,
    { digest, name, size }: ModelRecord,
    card: ModelCard,
  ): Promise<LayerFault[]> {
    const reference = await this.#store.files.local(digest);
    return this.#run<LayerFault[]>(client, { kind: 'card', reference, name, card }, size);
  }

  async #requireLayers(client: Client, model: ModelRecord, card: ModelCard): Promise<void> {
    const faults = await this.#faults(client, model, card);
    if (faults.length === 0) return;
    const parts = faults.map(({ field, detail }) => ({
      ...{ pointer: `/card/${field.replaceAll('.', '/')}`, detail },
    }));
    throw new RequestProblem('card-invalid', parts.map(({ detail }) => detail).join('; '), {
      parts,
    });
  }

  /**
   * Forgets a registration, and frees its bytes with the last one.
   * @throws VentralError `not-found`, `forbidden`, and `conflict` while a job needs it, and what `expect` throws
   */
  async remove(principal: Principal, idOrDigest: string, expect?: Expect): Promise<void> {
    const found = await this.get(principal, idOrDigest);
    requireChange(principal, found);
    const { id, digest, name } = found;
    const work = async () => {
      if (await this.#store.jobs.isNeeded(id)) {
        throw new VentralError(
          'conflict',
          `A job of ${name} is waiting or running: cancel it first`,
        );
      }
      if (await this.#store.models.remove(principal, id, expect)) await this.#free(digest);
    };
    await this.#mutex.run(ownKey(found, digest), () => this.#mutex.run(digest, work));
  }

  /** Removes bytes without a registration. */
  free(digest: string): Promise<void> {
    return this.#mutex.run(digest, () => this.#free(digest));
  }

  async #free(digest: string): Promise<void> {
    if (!(await this.#store.models.needsBytes(digest))) await this.#store.files.remove(digest);
  }

  /** A model that ventral ships, by its name; undefined if it ships none of that name. */
  async shipped(name: string): Promise<ShippedModel | undefined> {
    return (await shippedModels()).includes(name) ? this.#shippedModel(name, name) : undefined;
  }

  /**
   * A file with the bytes of a shipped model, as they are scored. It is written once, in a child that outlives the
   * request, and stays in `tmp` of the home.
   */
  shippedFile(shipped: ShippedModel): Promise<string> {
    const known = this.#files.get(shipped.name);
    if (known) return known;
    const written = this.#writeShipped(shipped).catch((error) => {
      this.#files.delete(shipped.name);
      throw error;
    });
    this.#files.set(shipped.name, written);
    return written;
  }

  async #writeShipped({ name, size }: ShippedModel): Promise<string> {
    const folder = join(dirname(this.#store.temporary), 'shipped', name);
    const output = join(folder, 'model.onnx');
    await rm(folder, { recursive: true, force: true });
    await this.#run(ourselves, { kind: 'write', reference: name, name, output }, size);
    await requirePlainFile(output);
    return output;
  }

  /** Card values found in the file of a registered model. */
  async draft(client: Client, { digest, name, size }: ModelRecord): Promise<CardHints> {
    return this.#run(
      client,
      { kind: 'draft', reference: await this.#store.files.local(digest), name },
      size,
    );
  }

  /** The layers of a model, as `ventral layers` lists them. */
  async layers(client: Client, model: ModelRecord | ShippedModel): Promise<unknown[]> {
    // By registration, so that listings of other owners make no difference.
    const key = JSON.stringify(['id' in model ? model.id : model.name, model.card]);
    const known = this.#layers.get(key);
    if (known) return known;
    const reference = 'id' in model ? await this.#store.files.local(model.digest) : model.name;
    const list = await this.#run<unknown[]>(
      client,
      {
        kind: 'layers',
        reference,
        name: model.name,
        ...(model.card ? { card: model.card as ModelCard } : {}),
      },
      model.size,
    );
    this.#layers.set(key, list);
    for (const oldest of this.#layers.keys())
      if (this.#layers.size > KEPT_LISTS) this.#layers.delete(oldest);
    return list;
  }

  /**
   * The model of a score request: a registered model by id or digest, or a shipped one by name.
   * @throws VentralError `not-found`, and `card-missing` for a model without a card
   */
  async scorable(principal: Principal, reference: string): Promise<ScorableModel> {
    const registered = await this.#store.models.find(principal, reference);
    if (registered && isFeatures(registered.id)) {
      const sentence = `${registered.id} are features, which no network stands behind: POST /v1/scores takes their id`;
      throw new VentralError('card-missing', sentence, { field: '/model' });
    }
    if (!registered) return this.#scorableShipped(reference, reference);
    const { id, card, digest, name } = registered;
    if (!card) {
      throw new VentralError(
        'card-missing',
        `${name} has no model card: give it one with PATCH /v1/models/${id}`,
        { field: '/model' },
      );
    }
    return {
      reference: this.#store.files.path(digest),
      registration: id,
      digest,
      name,
      card: card as ModelCard,
    };
  }

  /**
   * The initial model of a training: one that can be scored, or the untrained network beside a shipped one
   * (see `untrainedCard`).
   * @throws as {@link scorable}
   */
  trainable(principal: Principal, reference: string): Promise<ScorableModel> {
    const card = untrainedCard(reference);
    return card ? this.#scorableShipped(reference, card) : this.scorable(principal, reference);
  }

  async #scorableShipped(name: string, reference: string): Promise<ScorableModel> {
    const { digest, card } = await this.#shippedModel(name, reference);
    return { reference, registration: null, name, digest, card };
  }

  /** @param reference the name itself, or the path of a card that ventral ships */
  async #shippedModel(name: string, reference: string): Promise<ShippedModel> {
    if (reference === name && !(await shippedModels()).includes(name)) {
      throw new VentralError('not-found', `There is no registered or shipped model "${name}"`, {
        field: '/model',
      });
    }
    const known = this.#shipped.get(name);
    if (known) return known;
    // The first request computes for all: a disconnecting client does not end it.
    const asked = this.#run<ShippedModel>(ourselves, { kind: 'shipped', reference, name }, 0)
      .then((found) => ({ ...found, name, card: withoutPaths(found.card) }))
      .catch((error) => {
        this.#shipped.delete(name);
        throw error;
      });
    this.#shipped.set(name, asked);
    return asked;
  }

  #run<T>(client: Client, task: ModelTask, size: number): Promise<T> {
    const { maxMemory, check, signal } = this.#bounds;
    return this.#children.run<T>(client, {
      script: 'model-child.js',
      task,
      reads: [task.reference].filter(isAbsolute),
      writes: task.output === undefined ? [] : [dirname(task.output)],
      limits: { memory: maxMemory + 3 * size, ...checkLimit({ check }, size) },
      temporary: this.#store.temporary,
      ...present({ signal }),
    });
  }
}

const ourselves: Client = {
  principal: servicePrincipal,
  signal: new AbortController().signal,
};

/** Serialises an owner's operations on its registration of the same bytes. */
const ownKey = ({ owner }: { readonly owner: string }, digest: string) => `${digest} ${owner}`;

/** A name that a stranger's card or file gives, on one line and no longer than names are. */
function displayName(text: string): string {
  return (
    [...text.replaceAll(/[\p{Cc}\p{Surrogate}\ufeff]/gu, '')].slice(0, 200).join('') || 'model'
  );
}

/** What a card says of layers, to tell whether it changes. */
function layersIn(card: ModelCard | null): string {
  const { layers, readout, logits, region_layer_map, time_bins, prefix_tokens } = card ?? {};
  return JSON.stringify([
    layers,
    readout,
    logits?.layer,
    region_layer_map,
    time_bins,
    prefix_tokens,
  ]);
}
