import { passSeconds, type Stage, type StagePlan } from '../runtime/work.js';
import type { Pass } from './exposed-values.js';
import { type Group, type SizedDemand, setsOf } from './reduction-plan.js';

/** The stages of a job that reduces layers: passes of the network, then reductions. */

/** One pass over one stimulus set. */
export interface Step {
  readonly set: number;
  readonly pass: Pass;
  readonly rows: number;
}

/** A group with its passes, and the stages of the job that it is. */
export interface PlannedGroup {
  readonly group: Group;
  readonly steps: readonly Step[];
  readonly passes: Stage | undefined;
  /** Images of the groups before it, and of all. */
  readonly images: { readonly before: number; readonly total: number };
  readonly reduction: Stage | undefined;
}

export const imagesOf = (steps: readonly Step[]) => steps.reduce((sum, { rows }) => sum + rows, 0);

export const reportImages = ({ passes, images: { before, total } }: PlannedGroup, done: number) =>
  passes?.at(done, { done: before + done, total });

/** An early group runs the head of the network alone. */
export function passesStage(group: Group, steps: readonly Step[], nodes: number): StagePlan {
  const total = imagesOf(steps);
  const last = Math.max(...group.flatMap(({ values }) => values.map(({ position }) => position)));
  const head = nodes > 0 ? Math.min(1, Math.max(1, last + 1) / nodes) : 1;
  return { stage: 'activations', total, seconds: passSeconds() * total * head, basis: 'network' };
}

/** Seconds of a product of two values in the sum over a layer's units, and of reading a value. */
const PRODUCT_SECONDS = 3.8e-11;
const VALUE_SECONDS = 3e-9;
/** Seconds of the decomposition into principal components, times the cube of the number of images. */
const COMPONENTS_SECONDS = 5e-9;

/**
 * What is done with layers, reduction and comparison: threads do both at once, so that the time between two reports
 * belongs to neither alone.
 */
export const LAYERS = 'layers';

/** Layers are reduced to products of the rows of their first set with all rows. */
export function reductionStage(group: Group, rows: readonly number[]): StagePlan {
  const [first] = group[0].sets.map((set) => rows[set]);
  const all = setsOf(group).reduce((sum, set) => sum + rows[set], 0);
  const components = group.flatMap((one) => one.components ?? []);
  const units = group[0].form === 'units' ? [] : group;
  const total = units.reduce((sum, one) => sum + megabytes(one, first), 0);
  const values = all * units.reduce((sum, one) => sum + one.units, 0);
  const products = group[0].form === 'features' ? 0 : first * PRODUCT_SECONDS;
  return {
    stage: 'reduction',
    kind: LAYERS,
    total,
    seconds:
      values * (products + VALUE_SECONDS) +
      components.reduce((sum, { set }) => sum + COMPONENTS_SECONDS * rows[set] ** 3, 0),
    basis: 'arithmetic',
  };
}

/** Of a layer's values, in which the progress of a reduction is counted. */
export const megabytes = ({ units }: SizedDemand, rows: number) => (4 * units * rows) / 1e6;
