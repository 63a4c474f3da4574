import { VentralError } from '../errors/ventral-error.js';
import type { Model } from '../onnx/model.js';
import { SEED } from '../onnx/prepare/with-seeds.js';
import type { Session, Tensor } from '../runtime/session.js';
import type { ModelCard } from './card/card.js';
import { type Numbers, numbersOf } from './numbers.js';

/** How often an image is shown to a network that draws random numbers, and with which seed. */
export interface Trials {
  readonly count: number;
  readonly seed: number;
}

/** How much the units of a layer vary over trials: sums over its units and the images. */
export interface TrialSums {
  /** Of variances over the trials of an image (divided by count − 1). */
  readonly noise: number;
  /** Of squares of the means. */
  readonly power: number;
}

/** The trials behind a layer. */
export type LayerTrials = Trials & TrialSums;

/** The trials of a value; undefined where it depends on no random numbers. */
export function trialsOf(model: Model, { trials }: ModelCard, value: string): Trials | undefined {
  if (trials === undefined || !model.seeded?.has(value)) return undefined;
  return { count: trials, seed: SEED };
}

/** The standard deviation over trials, as a root mean square over units and images, in parts of that of the means; null of one trial. */
export function trialSpread({ count, noise, power }: LayerTrials): number | null {
  return count < 2 || power === 0 ? null : Math.sqrt(noise / power);
}

/** The trials of values that are joined, or of several stimulus sets. */
export function sumTrials(trials: Trials, parts: readonly TrialSums[]): LayerTrials {
  const sum = (key: keyof TrialSums) => parts.reduce((all, part) => all + part[key], 0);
  return { ...trials, noise: sum('noise'), power: sum('power') };
}

/** What is summed of a value over the trials of a batch. */
interface Batch {
  /** The values of the first trial, from which others are counted. */
  readonly start: Numbers;
  readonly sum: Float64Array;
  squares: number;
}

/**
 * Shows each batch several times in turn and averages the values that depend on random numbers, in float64. From trial to trial and
 * batch to batch the runtime goes on drawing from the stream of each node. So the noise of an image depends on its place in the
 * stimulus set, and not on which layers are asked for, budgets or threads. What is made stands until the run after the next.
 */
export class TrialBuffers {
  readonly #values: readonly string[];
  readonly #random: readonly string[];
  readonly #count: number;
  readonly #rows: { readonly batch: number; readonly total: number };
  readonly #sums = new Map<string, Float64Array>();
  readonly #means = new Map<string, Float32Array | Float64Array>();
  readonly #spread = new Map<string, { noise: number; power: number }>();
  #turn = 0;

  /**
   * @param random those of the values that depend on random numbers
   * @param rows images of a batch, and of the stimulus set
   */
  constructor(
    values: readonly string[],
    random: readonly string[],
    { count }: Trials,
    rows: { readonly batch: number; readonly total: number },
  ) {
    this.#values = values;
    this.#random = random;
    this.#count = count;
    this.#rows = rows;
  }

  /** By value, over the images so far. */
  get sums(): ReadonlyMap<string, TrialSums> {
    return this.#spread;
  }

  /** Runs the network on the batch that starts at row `first`. */
  async run(session: Session, feeds: Readonly<Record<string, Tensor>>, first: number) {
    const made = await session.run(feeds, this.#values);
    const batches = new Map(
      this.#random
        .filter((value) => made[value].dtype !== 'string')
        .map((value) => [value, this.#start(value, numbersOf(made[value]))]),
    );
    const shown = Math.min(this.#rows.batch, this.#rows.total - first) / this.#rows.batch;
    for (let trial = 1; trial < this.#count && batches.size > 0; trial++) {
      const again = await session.run(feeds, [...batches.keys()]);
      for (const [value, batch] of batches) add(batch, numbersOf(again[value]), shown, value);
    }
    this.#turn = 1 - this.#turn;
    const means = [...batches].map(([value, batch]) => [value, this.#mean(value, batch, shown)]);
    const tensors = means.map(([value, data]) => [
      value,
      {
        dtype: data instanceof Float32Array ? 'float32' : 'float64',
        dims: made[value as string].dims,
        data,
      },
    ]);
    return { ...made, ...Object.fromEntries(tensors) } as Record<string, Tensor>;
  }

  /** The same: they are in memory of their own. */
  keep(made: Record<string, Tensor>): Record<string, Tensor> {
    return made;
  }

  #start(value: string, start: Numbers): Batch {
    const known = this.#sums.get(value);
    const sum = known?.length === start.length ? known.fill(0) : new Float64Array(start.length);
    this.#sums.set(value, sum);
    return { start, sum, squares: 0 };
  }

  #mean(value: string, { start, sum, squares }: Batch, shown: number) {
    const count = this.#count;
    const key = `${this.#turn} ${value}`;
    const known = this.#means.get(key);
    const kind = start instanceof Float32Array ? Float32Array : Float64Array;
    const means = known?.length === start.length ? known : new kind(start.length);
    this.#means.set(key, means);
    const spread = this.#spread.get(value) ?? { noise: 0, power: 0 };
    this.#spread.set(value, spread);
    const end = Math.round(start.length * shown);
    let offsets = 0;
    for (let i = 0; i < start.length; i++) {
      const mean = start[i] + sum[i] / count;
      means[i] = mean;
      if (i >= end) continue;
      offsets += sum[i] * sum[i];
      spread.power += mean * mean;
    }
    if (count > 1) spread.noise += Math.max(0, squares - offsets / count) / (count - 1);
    return means;
  }
}

/** @param shown share of the batch that is images, not repetitions of the last one */
function add(batch: Batch, values: Numbers, shown: number, value: string): void {
  const { start, sum } = batch;
  if (values.length !== start.length)
    throw new VentralError(
      'input-mismatch',
      `${value} has ${start.length} values in one trial of an image and ${values.length} in another: a layer must have one width`,
      { field: value, expected: `${start.length} values`, found: `${values.length}` },
    );
  const end = Math.round(start.length * shown);
  let squares = 0;
  for (let i = 0; i < start.length; i++) {
    const offset = values[i] - start[i];
    sum[i] += offset;
    if (i < end) squares += offset * offset;
  }
  batch.squares += squares;
}
