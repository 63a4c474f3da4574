import { setImmediate as turn } from 'node:timers/promises';
import { type Matrix, matrix } from '../../numerics/algebra/matrix.js';
import type { RandomState } from '../../numerics/random/random-state.js';
import { mean } from '../../numerics/statistics/statistics.js';
import type { TestPredictions } from './correlation-draws.js';
import { neuroidDraws } from './correlation-draws.js';
import { type RowSums, rowSums } from './row-sums.js';
import { medianOfKnown } from './select.js';
import type { DrawnFactors, Draws, TwoFactorDraws } from './two-factor-draws.js';

/** How images take places in test sets. */
export interface Places {
  /** Positions of the images that are drawn from each other: all, or those of a class. */
  readonly groups: readonly (readonly number[])[];
  /** Begins the stream that orders them anew. */
  readonly random: () => RandomState;
}

/** Draws whose correlations are held at once. */
const BLOCK = 50;

/**
 * Median over neuroids of Pearson's r in each split, over draws of neuroids (first factor) and images (second). In a draw each
 * place of a test set gets an image of those that any split tests, with what a split predicts that tests it. A test set of
 * six then has six images of sixty, not four of its own six, and r varies as it does over new images.
 *
 * The draws of both are what each factor changes and what their interaction does: the median where every neuroid has images
 * drawn for itself. A median of drawn neuroids on drawn images holds less of it than the two draws alone do.
 * @returns the draws of each split
 */
export async function pooledMedianDraws(
  splits: readonly TestPredictions[],
  { first, second }: DrawnFactors,
  places: Places,
): Promise<TwoFactorDraws[]> {
  const pool = new Pool(splits, second.units);
  const stretch = stretchOf(pool.tested, places);
  const drawn = splits.map(
    ({ neuroids }, s) => new SplitDraws(neuroids, pool.correlations(s), { first, second, stretch }),
  );
  let draw = 0;
  for (const images of placed(second, pool.tested, places)) {
    for (const [s, own] of drawn.entries()) own.add(pool.correlations(s, images));
    if (++draw % BLOCK === 0) await turn();
  }
  pool.release();
  return drawn.map((own) => own.finish());
}

/**
 * The variance over draws of u images is (u − 1)/u of that of new ones. Intervals correct that for all images: where fewer are tested,
 * the rest is left to do.
 */
function stretchOf(tested: Uint8Array, { groups }: Places): number {
  const shortfall = (units: number) => (units > groups.length ? 1 - groups.length / units : 1);
  const count = tested.reduce((sum, each) => sum + each, 0);
  return Math.sqrt(shortfall(tested.length) / shortfall(count));
}

/** The draws of one split, made a block at a time. */
class SplitDraws {
  readonly #neuroids: Uint32Array;
  readonly #undrawn: number;
  readonly #stretch: number;
  readonly #first: Float64Array;
  readonly #second: Float64Array;
  readonly #both: Float64Array;
  /** r of each neuroid, a line a draw. */
  readonly #block: Float64Array;
  #held = 0;
  #done = 0;

  constructor(
    neuroids: ArrayLike<number>,
    whole: Float64Array,
    { first, second, stretch }: DrawnFactors & { readonly stretch: number },
  ) {
    this.#neuroids = Uint32Array.from(neuroids);
    this.#block = new Float64Array(BLOCK * neuroids.length);
    this.#undrawn = medianOfKnown(whole);
    this.#stretch = stretch;
    this.#first = neuroidDraws(whole, neuroids, first, true);
    this.#second = new Float64Array(second.draws);
    this.#both = new Float64Array(second.draws);
  }

  /** Takes r of each neuroid in the next draw of images. */
  add(r: Float64Array): void {
    this.#block.set(r, this.#held++ * r.length);
    if (this.#held === BLOCK) this.#flush();
  }

  finish(): TwoFactorDraws {
    this.#flush();
    return { both: this.#both, first: this.#first, second: this.#second };
  }

  #flush(): void {
    const held = this.#held;
    const { length } = this.#neuroids;
    const apart = new Float64Array(length);
    const away = (r: Float64Array) => this.#stretch * (medianOfKnown(r) - this.#undrawn);
    // The draw of a neuroid's own: as many lines further for each row.
    const further = this.#neuroids.map((neuroid) => (1 + (neuroid % Math.max(1, held - 1))) % held);
    for (let row = 0; row < held; row++, this.#done++) {
      takeApart(this.#block, { row, held, further }, apart);
      const ofImages = away(this.#block.subarray(row * length, (row + 1) * length));
      this.#second[this.#done] = this.#undrawn + ofImages;
      this.#both[this.#done] = this.#first[this.#done] + ofImages + away(apart);
    }
    this.#held = 0;
  }
}

interface Apart {
  readonly row: number;
  /** Rows of the block. */
  readonly held: number;
  /** By how many rows each column is further, fewer than there are. */
  readonly further: Uint32Array;
}

/** Writes the values of each column from a row of its own. */
function takeApart(block: Float64Array, { row, held, further }: Apart, apart: Float64Array): void {
  const { length } = apart;
  for (let c = 0; c < length; c++) {
    const line = row + further[c];
    apart[c] = block[(line < held ? line : line - held) * length + c];
  }
}

/** What all splits predict, and where an image's is. */
class Pool {
  readonly #products: RowSums;
  readonly #stimuli: readonly ArrayLike<number>[];
  /** Of each split: the row of an image, its own where it tests it. */
  readonly #rows: readonly Int32Array[];
  readonly #r: Float64Array;
  /** Whether any split tests an image. */
  readonly tested: Uint8Array;

  constructor(splits: readonly TestPredictions[], units: number) {
    this.#stimuli = splits.map(({ stimuli }) => stimuli);
    const products = productsOf(stacked(splits, 'observed'), stacked(splits, 'predicted'));
    this.#products = rowSums(products);
    const home = new Int32Array(units).fill(-1);
    const own = splits.map(() => new Map<number, number>());
    let row = 0;
    for (const [s, { stimuli }] of splits.entries())
      for (let i = 0; i < stimuli.length; i++, row++) {
        own[s].set(stimuli[i], row);
        if (home[stimuli[i]] < 0) home[stimuli[i]] = row;
      }
    this.#rows = own.map((rows) => home.map((at, image) => rows.get(image) ?? at));
    this.tested = Uint8Array.from(home, (at) => (at < 0 ? 0 : 1));
    this.#r = new Float64Array(products.cols / 5);
  }

  /** r of each neuroid in a split, with an image in each place; valid until the next call. */
  correlations(split: number, images?: Uint32Array): Float64Array {
    const [stimuli, rows] = [this.#stimuli[split], this.#rows[split]];
    const { length } = stimuli;
    const rowAt = (i: number) => rows[images ? images[stimuli[i]] : stimuli[i]];
    const products = this.#products;
    products.sums.fill(0);
    // Four rows at once: most of the time goes into reading and writing the sums.
    let i = 0;
    for (; i + 4 <= length; i += 4)
      products.addFour([rowAt(i), rowAt(i + 1), rowAt(i + 2), rowAt(i + 3)]);
    for (; i < length; i++) products.addOne(rowAt(i));
    products.correlations(length, this.#r);
    return this.#r;
  }

  /** Gives memory back; no correlations can be asked for afterwards. */
  release(): void {
    this.#products.release();
  }
}

/** Test stimulus × [y, p, y², p², yp], with y and p of each column of mean 0 and at most 1. */
function productsOf(observed: Matrix, predicted: Matrix): Matrix {
  const { rows, cols } = observed;
  const products = matrix(rows, 5 * cols);
  for (let c = 0; c < cols; c++) {
    const [y, p] = [scaled(observed, c), scaled(predicted, c)];
    for (let i = 0; i < rows; i++) {
      const at = i * 5 * cols + c;
      products.data[at] = y[i];
      products.data[at + cols] = p[i];
      products.data[at + 2 * cols] = y[i] * y[i];
      products.data[at + 3 * cols] = p[i] * p[i];
      products.data[at + 4 * cols] = y[i] * p[i];
    }
  }
  return products;
}

/** A column, with sums that do not lose digits; what was not recorded stays NaN. */
function scaled({ rows, cols, data }: Matrix, c: number): Float64Array {
  const values = Float64Array.from({ length: rows }, (_, i) => data[i * cols + c]);
  const finite = values.filter(Number.isFinite);
  const centre = mean(finite);
  const largest = finite.reduce((most, value) => Math.max(most, Math.abs(value - centre)), 0);
  return largest > 0 ? values.map((value) => (value - centre) / largest) : values.fill(0);
}

function stacked(splits: readonly TestPredictions[], of: 'observed' | 'predicted'): Matrix {
  const { cols } = splits[0][of];
  const all = matrix(
    splits.reduce((rows, split) => rows + split[of].rows, 0),
    cols,
  );
  let at = 0;
  for (const { [of]: part } of splits) {
    all.data.set(part.data, at);
    at += part.data.length;
  }
  return all;
}

/**
 * The image in each place that a split tests. Images that were drawn come in random order; where fewer of a group were drawn
 * than it has places, some are drawn anew. Valid until the next one is asked for.
 */
function* placed(
  draws: Draws,
  tested: Uint8Array,
  { groups, random }: Places,
): Generator<Uint32Array> {
  const stream = random();
  const images = new Uint32Array(draws.units);
  const drawn: number[] = [];
  const within = groups.map((members) => members.filter((image) => tested[image] === 1));
  for (const times of draws) {
    for (const members of within) {
      drawn.length = 0;
      for (const image of members) for (let k = times[image]; k > 0; k--) drawn.push(image);
      while (drawn.length < members.length)
        drawn.push(members[stream.interval(members.length - 1)]);
      for (let i = 0; i < members.length; i++) {
        const other = i + stream.interval(drawn.length - 1 - i);
        images[members[i]] = drawn[other];
        drawn[other] = drawn[i];
      }
    }
    yield images;
  }
}
