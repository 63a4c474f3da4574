import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { VentralError } from '../errors/ventral-error.js';
import { concatFeatures } from '../numerics/algebra/concat-features.js';
import type { Features } from '../numerics/algebra/features.js';
import type { Stage, Work } from '../runtime/work.js';
import type { ContentCache } from './cache/content-cache.js';
import { clipBudget } from './clip-card.js';
import { passesOf } from './exposed-values.js';
import { type ExtractOptions, type Network, requireFiniteLayer, runPass } from './extract.js';
import { letGo, readAhead, type Stores, type Sums, trialsOfDemand } from './held-layers.js';
import { fromBytes, toBytes } from './reduced-bytes.js';
import {
  inMemory,
  knownFinite,
  onComponents,
  type ReducedLayer,
  reduceFeatures,
} from './reduced-layer.js';
import {
  ACTIVATIONS,
  type Budgets,
  type Demand,
  type Group,
  groupDemands,
  pictureRoom,
  type ReductionPlan,
  repeatedSets,
  type SizedDemand,
  setsOf,
} from './reduction-plan.js';
import {
  imagesOf,
  megabytes,
  type PlannedGroup,
  passesStage,
  reductionStage,
  reportImages,
  type Step,
} from './reduction-stages.js';
import { sizeDemands } from './size-demands.js';
import { PreparedStimuli, slotsOf } from './stimuli/prepared-stimuli.js';
import type { Shown } from './stimuli/shown.js';
import { stimulusBytes, stimulusSize } from './stimuli/stimulus-size.js';
import { joinUnits, type UnitLayer } from './unit-layer.js';
import { runUnitPass } from './unit-pass.js';

/** Limits of the work; reduced layers are read from and written to the cache. */
export interface ReduceOptions extends Omit<ExtractOptions, 'progress'> {
  readonly cache?: ContentCache | undefined;
  /** Gets the stages of the plan; the caller declares it complete. */
  readonly progress?: Work | undefined;
}

/** A demand that was met, or why it could not be. */
export type Reduction =
  | { readonly demand: Demand; readonly reduced: ReducedLayer }
  | { readonly demand: Demand; readonly error: VentralError };

/** Layers being reduced for a metric. */
export interface Reducer {
  readonly plan: ReductionPlan;
  /**
   * Yields every demand once, in its own order. Matrices and small features may be kept; features on scratch disk
   * are valid until the next reduction is requested.
   * @throws what concerns all: `image-…`, `input-mismatch`, `inference-failed`, `interrupted`
   */
  run(): AsyncGenerator<Reduction>;
}

/**
 * Plans how a network's layers become what metrics need (design §9): the stimuli go through the network in
 * as few passes as the budgets allow, each layer is reduced by column blocks and its activations released.
 * @throws VentralError `layer-…` for a demand that names no layer
 */
export async function openReducer(
  network: Network,
  shown: readonly Shown[],
  demands: readonly Demand[],
  options: ReduceOptions,
): Promise<Reducer> {
  const sizes = await Promise.all(shown.map((set) => stimulusSize(set, network.card)));
  const sized = await sizeDemands(network, shown, sizes, demands, options);
  const { maxMemory, maxScratch } = options;
  const budgets: Budgets = { maxMemory, maxScratch, ...clipBudget(network, sizes) };
  const rows = shown.map(({ stimuli }) => stimuli.ids.length);
  // Images that the caller keeps over several runs are the caller's to count.
  const pictures = sizes.map((size, set) =>
    size && !options.pictures
      ? slotsOf(shown[set], network.card) * stimulusBytes(size, network.card)
      : 0,
  );
  const grouped = (wanted: readonly SizedDemand[]) => groupDemands(wanted, rows, budgets, pictures);
  const { plan, groups } = grouped(sized);
  const work = new Reductions(network, shown, options, budgets);
  const planned = work.plan(groups);
  return {
    plan,
    async *run() {
      const missing: SizedDemand[] = [];
      try {
        for (const one of sized.filter(({ cached }) => cached)) {
          const reduced = await work.fromCache(one);
          if (reduced) yield* one.demands.map((demand) => ({ demand, reduced }));
          // It may have been evicted or damaged since the plan was made.
          else missing.push({ ...one, cached: false });
        }
        yield* work.run([...planned, ...work.plan(grouped(missing).groups)]);
      } finally {
        work.close();
      }
    },
  };
}

/** Accumulators of a pass. */
interface PassWork {
  readonly stores: Stores;
  readonly failures: Map<string, VentralError>;
  readonly trials: Sums;
  readonly progress: (done: number) => void;
}

/** The work of a plan. */
class Reductions {
  readonly #network: Network;
  readonly #shown: readonly Shown[];
  readonly #options: ReduceOptions;
  readonly #budgets: Budgets;
  #pictures: PreparedStimuli | undefined;
  #repeated: ReadonlySet<number> = new Set();

  constructor(network: Network, shown: readonly Shown[], options: ReduceOptions, budgets: Budgets) {
    this.#network = network;
    this.#shown = shown;
    this.#options = options;
    this.#budgets = budgets;
  }

  async fromCache({ key, form }: SizedDemand): Promise<ReducedLayer | undefined> {
    const bytes = await this.#options.cache?.get(key);
    return bytes && fromBytes(bytes, form);
  }

  /** Adds the stages of groups to the job. */
  plan(groups: readonly Group[]): PlannedGroup[] {
    const { progress } = this.#options;
    const nodes = this.#network.file.model.graph.nodes.length;
    const stepsOf = groups.map((group) => this.#stepsOf(group));
    const rows = this.#shown.map(({ stimuli }) => stimuli.ids.length);
    let before = 0;
    const total = imagesOf(stepsOf.flat());
    return groups.map((group, i) => {
      const steps = stepsOf[i];
      const images = { before, total };
      before += imagesOf(steps);
      const passes = progress?.stage(passesStage(group, steps, nodes));
      const reduction = progress?.stage(reductionStage(group, rows));
      return { group, steps, passes, images, reduction };
    });
  }

  async *run(groups: readonly PlannedGroup[]): AsyncGenerator<Reduction> {
    this.#keepPictures(groups.map(({ group }) => group));
    for (const planned of groups) {
      yield* planned.group[0].form === 'units' ? this.#units(planned) : this.#group(planned);
      planned.passes?.end();
      planned.reduction?.end();
    }
  }

  async *#group(planned: PlannedGroup): AsyncGenerator<Reduction> {
    const stores: Stores = new Map();
    const failures = new Map<string, VentralError>();
    const trials: Sums = new Map();
    const { group, steps, reduction } = planned;
    let before = 0;
    const progress = (done: number) => reportImages(planned, before + done);
    try {
      // A failure in one pass (an unreadable image) does not affect the results of other sets.
      const failed = new Map<number, VentralError>();
      for (const step of steps) {
        const error = await unlessInterrupted(() =>
          this.#extract(step, group, { stores, failures, trials, progress }),
        );
        if (error) failed.set(step.set, error);
        // Without the stimuli that all of the group need, the others are not needed either.
        if (failed.has(group[0].sets[0])) break;
        before += step.rows;
      }
      const lost = ({ sets, components }: SizedDemand) =>
        [...sets, ...(components ? [components.set] : [])].flatMap(
          (set) => failed.get(set) ?? [],
        )[0];
      for (const one of group) {
        const error = lost(one);
        if (error) yield* one.demands.map((demand) => ({ demand, error }));
      }
      const left = group.filter((one) => !lost(one));
      if (left.length > 0) yield* this.#reduce(left, { stores, failures, trials, reduction });
    } finally {
      for (const store of stores.values()) store.close();
    }
  }

  close(): void {
    this.#pictures?.close();
  }

  /** Layers whose units are kept where they see a stimulus: they are reduced while the network runs. */
  async *#units(planned: PlannedGroup): AsyncGenerator<Reduction> {
    const { group } = planned;
    const { file, card } = this.#network;
    const shown = group[0].sets.map((set) => this.#shown[set]);
    const rows = shown.reduce((sum, { stimuli }) => sum + stimuli.ids.length, 0);
    const values = group.flatMap((one) => one.values);
    const layers = new Map<string, UnitLayer>();
    const failures = new Map<string, VentralError>();
    const trials: Sums = new Map();
    const error = await unlessInterrupted(async () => {
      for (const [index, pass] of passesOf(file.model, card, values).entries()) {
        const result = await runUnitPass(this.#network, shown, pass, {
          ...(await this.#passOptions(group, group[0].sets)),
          opened: () => reportImages(planned, index * rows),
          progress: (done) => reportImages(planned, index * rows + done),
        });
        for (const [value, layer] of result.layers) layers.set(value, layer);
        for (const [value, failure] of result.failures) failures.set(value, failure);
        for (const [at, sums] of result.trials.entries())
          for (const [value, each] of sums) trials.set(`${group[0].sets[at]} ${value}`, each);
      }
    });
    for (const one of group) {
      const part = one.values.some(({ view }) => view) ? noParts(one) : undefined;
      const failed =
        error ?? part ?? one.values.flatMap(({ value }) => failures.get(value) ?? [])[0];
      if (failed) yield* one.demands.map((demand) => ({ demand, error: failed }));
      else {
        const reduced = {
          ...joinUnits(one.values.map(({ value }) => layers.get(value) as UnitLayer)),
          ...trialsOfDemand(one, trials),
        };
        await this.#remember(one, reduced);
        yield* one.demands.map((demand) => ({ demand, reduced }));
      }
    }
  }

  async #remember({ key, components }: SizedDemand, reduced: ReducedLayer): Promise<void> {
    const { cache } = this.#options;
    const bytes = cache && (await toBytes(reduced, components !== undefined));
    if (bytes) await cache.put(key, bytes);
  }

  /** What a pass over some sets may use, and how the layers of a group are called. */
  async #passOptions(group: Group, sets: readonly number[]) {
    const scratch = await mkdtemp(join(this.#options.scratch, 'pass-'));
    const names = new Map(
      group.flatMap(({ demands: [{ layers }], values }) =>
        values.map(({ id }, i) => [id, layers[i]] as const),
      ),
    );
    const repeated = sets.some((set) => this.#repeated.has(set));
    const { progress: _, ...options } = this.#options;
    return {
      ...options,
      pictures: this.#options.pictures ?? (repeated ? this.#pictures : undefined),
      maxMemory: this.#budgets.maxMemory * ACTIVATIONS,
      scratch,
      nameOf: (id: string) => names.get(id) ?? id,
    };
  }

  /** Several passes show the same images: decoded ones are stored. */
  #keepPictures(groups: readonly Group[]): void {
    this.#repeated = repeatedSets(groups);
    if (this.#options.pictures || this.#repeated.size === 0) return;
    const rows = this.#shown.map(({ stimuli }) => stimuli.ids.length);
    const room = pictureRoom(groups, rows, this.#budgets);
    this.#pictures = new PreparedStimuli(this.#options.scratch, room);
  }

  #stepsOf(group: Group): Step[] {
    const { file, card } = this.#network;
    const passes = passesOf(
      file.model,
      card,
      group.flatMap(({ values }) => values),
    );
    // The fitting and the test stimuli of a read-out may be the same.
    return setsOf(group).flatMap((set) =>
      passes.map((pass) => ({ set, pass, rows: this.#shown[set].stimuli.ids.length })),
    );
  }

  async #extract(
    { set, pass }: Step,
    group: Group,
    { stores, failures, trials, progress }: PassWork,
  ): Promise<void> {
    const result = await runPass(this.#network, this.#shown[set], pass, {
      ...(await this.#passOptions(group, [set])),
      held: stores,
      opened: () => progress(0),
      progress,
    });
    for (const [value, store] of result.stores) stores.set(`${set} ${value}`, store);
    for (const [value, error] of result.failures) failures.set(value, error);
    for (const [value, sums] of result.trials) trials.set(`${set} ${value}`, sums);
  }

  async *#reduce(
    group: Group,
    {
      stores,
      failures,
      trials,
      reduction,
    }: Pick<PassWork, 'stores' | 'failures' | 'trials'> & {
      readonly reduction: Stage | undefined;
    },
  ): AsyncGenerator<Reduction> {
    const { ids } = this.#shown[group[0].sets[0]].stimuli;
    let near = readAhead(group[0], stores);
    let reduced = 0;
    reduction?.at(0);
    try {
      for (const [index, one] of group.entries()) {
        await near;
        near = readAhead(group[index + 1], stores);
        const met = await this.#meet(one, { stores, failures, trials });
        reduced += megabytes(one, ids.length);
        reduction?.at(reduced);
        yield* met;
        letGo(one, group.slice(index + 1), stores);
      }
    } finally {
      // Files that are being read may not be closed.
      await near;
    }
  }

  async #meet(
    one: SizedDemand,
    { stores, failures, trials }: Pick<PassWork, 'stores' | 'failures' | 'trials'>,
  ): Promise<Reduction[]> {
    if (this.#options.signal?.aborted) throw VentralError.from(this.#options.signal.reason);
    let error: VentralError | undefined = one.values.flatMap(({ id }) => failures.get(id) ?? [])[0];
    let reduced: ReducedLayer | undefined;
    error ??= await unlessInterrupted(async () => {
      reduced = await this.#reduceOne(one, stores, trials);
    });
    const met = reduced ? { reduced } : { error };
    return one.demands.map((demand) => ({ demand, ...met }) as Reduction);
  }

  async #reduceOne(one: SizedDemand, stores: Stores, trials: Sums): Promise<ReducedLayer> {
    const { sets, form, values, components } = one;
    const featuresOf = (set: number): Features =>
      concatFeatures(values.map(({ id }) => stores.get(`${set} ${id}`) as Features));
    const features = sets.map(featuresOf);
    const fitting = components && featuresOf(components.set);
    const projected = fitting && (await onComponents(features, fitting, components.count));
    const plain = await inMemory(projected ?? (await reduceFeatures(features, form)));
    const reduced = { ...plain, ...trialsOfDemand(one, trials) };
    if (!projected && !knownFinite(reduced)) {
      for (const set of setsOf([one]))
        await requireFiniteLayer(
          featuresOf(set),
          one.demands[0].layer,
          this.#shown[set].stimuli.ids,
        );
    }
    await this.#remember(one, reduced);
    return reduced;
  }
}

const noParts = ({ demands: [{ layer }] }: SizedDemand) =>
  new VentralError(
    'input-mismatch',
    `${layer} is a part of a layer, and receptive fields are mapped for whole layers`,
    { field: layer, expected: 'a whole layer', found: layer },
  );

/** The error of some work; an interruption is rethrown. */
async function unlessInterrupted(work: () => Promise<void>): Promise<VentralError | undefined> {
  try {
    await work();
    return undefined;
  } catch (thrown) {
    const error = VentralError.from(thrown);
    if (error.code === 'interrupted') throw error;
    return error;
  }
}
