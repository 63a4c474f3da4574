import type { RandomState } from '../../numerics/random/random-state.js';
import { project, type Threat } from '../attack/threat.js';
import type { Search, Seen } from './attack-slots.js';
import type { Example } from './gradient-search.js';
import { type Bump, bump, bumpsAllOver, moveBump, type SquareWindow } from './square-bumps.js';

/** Shares of the queries after which the area of squares is halved (the authors' schedule). */
const HALVED = [0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8];
/** Share of the image that the first squares cover (the authors' for CIFAR-10 and MNIST; L2 has one). */
const SHARE = { Linf: 0.8, L2: 0.1 } as const;

/**
 * Square attack (Andriushchenko et al. 2020, algorithms 2 and 3) on one image: random changes of squares, of
 * which those that raise the loss are kept. It uses only outputs, never a gradient.
 */
export class SquareSearch implements Search {
  readonly label: number;
  readonly uphill = false;
  picture: Float32Array;
  fooled = false;
  readonly #original: Float32Array;
  #best: Float32Array;
  #highest = Number.NEGATIVE_INFINITY;
  #asked = 0;

  readonly #dims: readonly number[];
  readonly #threat: Threat;
  readonly #queries: number;
  readonly #random: RandomState;

  /** @param dims [channels, height, width] */
  constructor(
    { picture, label }: Example,
    dims: readonly number[],
    threat: Threat,
    queries: number,
    random: RandomState,
  ) {
    this.#dims = dims;
    this.#threat = threat;
    this.#queries = queries;
    this.#random = random;
    this.label = label;
    this.#original = picture;
    this.#best = picture;
    this.picture = threat.norm === 'Linf' ? this.#stripes() : this.#bumps();
  }

  see({ loss, fools }: Seen): boolean {
    this.fooled = fools;
    this.#asked++;
    if (loss > this.#highest) {
      this.#highest = loss;
      this.#best = this.picture;
    }
    if (this.fooled || this.#asked >= this.#queries) return true;
    this.picture = this.#threat.norm === 'Linf' ? this.#square() : this.#bump();
    return false;
  }

  /** Vertical stripes at the bound. */
  #stripes(): Float32Array {
    const [, height, width] = this.#dims;
    const picture = this.#original.slice();
    for (let column = 0; column < width; column++)
      this.#fill(picture, { rows: [0, height], columns: [column, column + 1] });
    return this.#within(picture);
  }

  #square(): Float32Array {
    const { top, left, side } = this.#window(1, 0);
    const picture = this.#best.slice();
    this.#fill(picture, { rows: [top, top + side], columns: [left, left + side] });
    return this.#within(picture);
  }

  /** Sets each channel of a rectangle to one of the bounds. */
  #fill(
    picture: Float32Array,
    { rows, columns }: { readonly rows: readonly number[]; readonly columns: readonly number[] },
  ): void {
    const [channels, height, width] = this.#dims;
    for (let channel = 0; channel < channels; channel++) {
      const move = this.#sign() * this.#threat.epsilon;
      for (let y = rows[0]; y < rows[1]; y++)
        for (let x = columns[0]; x < columns[1]; x++) {
          const at = (channel * height + y) * width + x;
          picture[at] = this.#original[at] + move;
        }
    }
  }

  #bumps(): Float32Array {
    const moved = bumpsAllOver(this.#dims, (side) => this.#bumpOf(side));
    return this.#within(this.#shifted(moved));
  }

  #bump(): Float32Array {
    const to = this.#window(3, 1);
    const from = { ...this.#window(3, 1), side: to.side };
    const moved = new Float64Array(this.#best.length);
    for (let i = 0; i < moved.length; i++) moved[i] = this.#best[i] - this.#original[i];
    moveBump(moved, this.#dims, {
      to,
      from,
      bump: this.#bumpOf(to.side),
      epsilon: this.#threat.epsilon,
    });
    return this.#within(this.#shifted(moved));
  }

  #bumpOf(side: number): Bump {
    return {
      shape: bump(side, this.#random.double() > 0.5),
      signs: Array.from({ length: this.#dims[0] }, () => this.#sign()),
    };
  }

  /** The original moved by the whole radius in a direction. */
  #shifted(direction: Float64Array): Float32Array {
    let square = 0;
    for (let i = 0; i < direction.length; i++) square += direction[i] ** 2;
    const scale = square > 0 ? this.#threat.epsilon / Math.sqrt(square) : 0;
    const picture = new Float32Array(direction.length);
    for (let i = 0; i < picture.length; i++) picture[i] = this.#original[i] + scale * direction[i];
    return picture;
  }

  #within(picture: Float32Array): Float32Array {
    project(picture, this.#original, this.#threat);
    return picture;
  }

  /** Of the area that is due, at a random place. */
  #window(least: number, odd: 0 | 1): SquareWindow {
    const [, height, width] = this.#dims;
    const halvings = HALVED.filter((share) => this.#asked >= share * this.#queries).length;
    const area = (SHARE[this.#threat.norm] / 2 ** halvings) * height * width;
    const wanted = Math.max(least, Math.round(Math.sqrt(area)));
    const side = Math.min(wanted % 2 === 0 ? wanted + odd : wanted, height, width);
    const place = (size: number) => this.#random.randint(0, size - side + 1, 1)[0];
    return { top: place(height), left: place(width), side };
  }

  #sign(): number {
    return this.#random.interval(1) * 2 - 1;
  }
}
