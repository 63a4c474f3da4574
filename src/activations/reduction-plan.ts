import { gramBlockWidth } from '../numerics/algebra/block-width.js';
import { BATCH } from './extract.js';
import type { KeptValue } from './layer-view.js';
import type { Form } from './reduced-layer.js';
import { bytesOf, type KeptDtype, scratchBytesOf } from './scratch/activation-store.js';

/** Bytes that the work may hold beyond the network's own, and on scratch disk. */
export interface Budgets {
  readonly maxMemory: number;
  readonly maxScratch: number;
  /** Of a network of videos: stimuli of one call, and bytes of the clips that are in memory. */
  readonly clips?: { readonly batch: number; readonly bytes: number };
}

/** A demand with its size, if known. */
export interface SizedDemand {
  /** Those that the same reduced layer meets. */
  readonly demands: readonly Demand[];
  readonly sets: readonly number[];
  readonly form: Form;
  /** Where the layer is projected on principal components. */
  readonly components?: Components;
  readonly units: number;
  /** Rows that are kept of the first set for the form `units`: the places of receptive fields. */
  readonly places?: number;
  /** Its key in the cache. */
  readonly key: string;
  readonly cached: boolean;
  readonly values: readonly (KeptValue & {
    /** Of its node in the graph. */
    readonly position: number;
    /** What decides its bits beside the file. */
    readonly computed: { readonly operators: 'fused' | 'as written' };
    readonly units: number;
    readonly dtype: KeptDtype;
    /** Units of the whole value, which the network gives. */
    readonly whole: number;
  })[];
}

/** Principal components of a layer: how many, and the position of the stimulus set that they are fitted on. */
export interface Components {
  readonly count: number;
  readonly set: number;
}

/** The stimulus sets that the layers of a group are needed for, those that components are fitted on last. */
export const setsOf = (group: Group): number[] => [
  ...new Set([
    ...group.flatMap(({ sets }) => sets),
    ...group.flatMap(({ components }) => components?.set ?? []),
  ]),
];

/** Demands whose layers go through the network together, all over the same stimulus sets. */
export type Group = readonly SizedDemand[];

/** Estimated cost of the work. */
export interface ReductionPlan {
  /** Units of each layer. */
  readonly units: ReadonlyMap<string, number>;
  /** One for each stimulus set, or pair of them. */
  readonly sets: readonly {
    readonly sets: readonly number[];
    readonly stimuli: number;
    /** Layers of each pass over the set. */
    readonly passes: readonly (readonly string[])[];
    /** Layers that come from the cache. */
    readonly cached: number;
  }[];
  /** Bytes beyond the network's own, at the highest: while it runs, and while its layers are reduced. */
  readonly memory: { readonly extracting: number; readonly reducing: number };
  /** Bytes of scratch disk at the highest. */
  readonly scratch: number;
}

/** Share of the memory that the outputs of one batch may take, and that activations may. */
const OUTPUTS = 1 / 5;
export const ACTIVATIONS = 1 / 8;
/**
 * What an output costs, in its own size: two tensors in turn, the runtime's copy in its own layout, and what it
 * can no longer use again for other values. Measured on EfficientNet-B1 and ResNet-50.
 */
const OUTPUT_COST = 3.5;

/**
 * Divides demands into groups whose layers go through the network together: as many as fit the budgets, in
 * the order of execution, so that an early group runs the head of the network alone.
 * @param rows stimuli of each set
 * @param images bytes that the images of each set take on scratch disk
 */
export function groupDemands(
  demands: readonly SizedDemand[],
  rows: readonly number[],
  budgets: Budgets,
  pictures: readonly number[],
): { readonly plan: ReductionPlan; readonly groups: readonly Group[] } {
  const bySets = groupBy(demands, ({ sets, places }) => `${sets.join()} ${places ?? ''}`);
  const groups: SizedDemand[][] = [];
  const sets: ReductionPlan['sets'][number][] = [];
  for (const ofSets of bySets.values()) {
    const own = fill(
      ofSets.filter(({ cached }) => !cached),
      rows,
      budgets,
    );
    groups.push(...own);
    const { sets: positions } = ofSets[0];
    sets.push({
      sets: positions,
      stimuli: positions.reduce((sum, set) => sum + rows[set], 0),
      passes: own.flatMap(layersOfPasses),
      cached: ofSets.filter(({ cached }) => cached).length,
    });
  }
  const units = new Map(
    demands.flatMap(({ demands, units }) => demands.map(({ layer }) => [layer, units] as const)),
  );
  return { plan: { units, sets, ...needs(demands, groups, { rows, budgets, pictures }) }, groups };
}

function groupBy<T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(key(item), [...(groups.get(key(item)) ?? []), item]);
  return groups;
}

/** Groups in order of execution, fused layers first; a layer too large for any budget goes alone. */
function fill(
  demands: readonly SizedDemand[],
  rows: readonly number[],
  budgets: Budgets,
): SizedDemand[][] {
  const last = ({ values }: SizedDemand) => Math.max(...values.map(({ position }) => position));
  const fused = ({ values }: SizedDemand) =>
    values.every(({ computed }) => computed.operators === 'fused');
  const inOrder = [...demands].sort(
    (a, b) => Number(fused(b)) - Number(fused(a)) || last(a) - last(b),
  );
  const groups: SizedDemand[][] = [];
  for (const demand of inOrder) {
    const open = groups.at(-1);
    const joined = open && [...open, demand];
    const fits = joined && fused(open[0]) === fused(demand) && fitsIn(joined, rows, budgets);
    if (fits) open.push(demand);
    else groups.push([demand]);
  }
  return groups;
}

function fitsIn(group: Group, rows: readonly number[], budgets: Budgets): boolean {
  const { maxMemory, maxScratch } = budgets;
  const { memory, scratch } = activationBytes(group, rows, maxMemory * ACTIVATIONS);
  return (
    outputBytes(group, budgets) <= maxMemory * OUTPUTS &&
    memory <= maxMemory * ACTIVATIONS &&
    // A quarter is left to the images that several groups share.
    scratch <= (maxScratch * 3) / 4
  );
}

const distinct = (group: Group, key: 'id' | 'value') => [
  ...new Map(group.flatMap(({ values }) => values.map((v) => [v[key], v]))).values(),
];

/** Bytes of the tensors that one batch gives. */
const outputBytes = (group: Group, { clips: { batch } = { batch: BATCH, bytes: 0 } }: Budgets) =>
  distinct(group, 'value').reduce((sum, { dtype, whole }) => sum + bytesOf(dtype, batch, whole), 0);

/** Bytes of a group's activations, the smallest in memory, the others on scratch disk, as a pass lays them. */
function activationBytes(group: Group, rows: readonly number[], room: number) {
  let memory = 0;
  let scratch = 0;
  const [{ places }] = group;
  const batch = places === undefined ? BATCH : 1;
  for (const count of places === undefined ? setsOf(group).map((set) => rows[set]) : [places]) {
    const sizes = distinct(group, 'id').map(({ dtype, units }) => ({
      kept: bytesOf(dtype, count, units),
      spilled: scratchBytesOf({ rows: count, cols: units, dtype, batch }),
    }));
    for (const { kept, spilled } of sizes.sort((a, b) => a.kept - b.kept)) {
      if (memory + kept <= room) memory += kept;
      else scratch += spilled;
    }
  }
  return { memory, scratch };
}

/** Names of the layers of each pass: fused values and the others go separately. */
function layersOfPasses(group: Group): string[][] {
  const passes = (['fused', 'as written'] as const).map((operators) =>
    group
      .filter(({ values }) => values.some(({ computed }) => computed.operators === operators))
      .map(({ demands: [{ layer }] }) => layer),
  );
  return passes.filter((layers) => layers.length > 0).map((layers) => [...new Set(layers)]);
}

/** Stimulus sets that go through the network more than once: their images are worth keeping. */
export function repeatedSets(groups: readonly Group[]): ReadonlySet<number> {
  const passes = groups.flatMap((group) => layersOfPasses(group).flatMap(() => setsOf(group)));
  return new Set(passes.filter((set, at) => passes.indexOf(set) < at));
}

/** Bytes that kept images may take: what the groups leave, a quarter of the scratch at most. */
export function pictureRoom(
  groups: readonly Group[],
  rows: readonly number[],
  { maxMemory, maxScratch }: Budgets,
): number {
  const sizes = groups.map(
    (group) => activationBytes(group, rows, maxMemory * ACTIVATIONS).scratch,
  );
  const most = Math.max(0, ...sizes.filter((bytes) => bytes <= maxScratch));
  return Math.min(maxScratch / 4, maxScratch - most);
}

/** Bytes of a block of receptive-field maps, as read and as float64. */
const UNIT_BLOCK = 64 * 2 ** 20;

/** Bytes that reducing a layer takes: a block of it in both widths, its products, and their sum. */
function reductionBytes({ form, sets, components }: SizedDemand, rows: readonly number[]): number {
  const counts = sets.map((set) => rows[set]);
  const stimuli = counts.reduce((sum, count) => sum + count, 0);
  if (components) {
    const fitting = rows[components.set];
    // The fitting products with what the decomposition takes beside them; the test products, centred, and the projections.
    return (
      8 * fitting * (6 * fitting + 4 * stimuli) + 40 * (fitting + stimuli) * gramBlockWidth(fitting)
    );
  }
  if (form === 'features') return 0;
  if (form === 'units') return UNIT_BLOCK;
  const square = form === 'gram' ? stimuli : counts[0];
  return 8 * square * stimuli * 3 + 24 * stimuli * gramBlockWidth(square);
}

function needs(
  demands: readonly SizedDemand[],
  groups: readonly Group[],
  given: {
    readonly rows: readonly number[];
    readonly budgets: Budgets;
    readonly pictures: readonly number[];
  },
): Pick<ReductionPlan, 'memory' | 'scratch'> {
  const { rows, budgets } = given;
  const reduction = Math.max(0, ...demands.map((demand) => reductionBytes(demand, rows)));
  const sizes = groups.map((group) => ({
    outputs: outputBytes(group, budgets),
    ...activationBytes(group, rows, budgets.maxMemory * ACTIVATIONS),
  }));
  const room = pictureRoom(groups, rows, budgets);
  let pictures = 0;
  for (const set of repeatedSets(groups))
    if (pictures + given.pictures[set] <= room) pictures += given.pictures[set];
  // A layer that no scratch holds is refused before it takes any.
  const spilled = sizes.map(({ scratch }) => scratch).filter((b) => b <= budgets.maxScratch);
  return {
    memory: {
      extracting: Math.max(
        0,
        ...sizes.map(
          ({ outputs, memory }) => memory + OUTPUT_COST * outputs + (budgets.clips?.bytes ?? 0),
        ),
      ),
      reducing: Math.max(reduction, ...sizes.map(({ memory }) => memory + reduction)),
    },
    scratch: Math.max(0, ...spilled) + pictures,
  };
}

/** A layer over one stimulus set, or over two that train and test, in the form that is enough. */
export interface Demand {
  /** Name in messages and plans. */
  readonly layer: string;
  /** Names of the layers that are joined, in this order; mostly one. */
  readonly layers: readonly string[];
  /** Positions of the stimulus sets. */
  readonly sets: readonly number[];
  /** Whether the layer is projected on principal components, unless it has no more units than they are. */
  readonly components?: Components | undefined;
  readonly form: (units: number) => Form;
}
