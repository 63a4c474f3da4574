import { RandomState } from '../numerics/random-state.js';
import type { AttackTarget, Examples } from './attacked-network.js';
import { type Attacked, Worst } from './gradient-attacks.js';
import { sizeOf } from './static-graph.js';
import { pictureOf, project, type Threat } from './threat.js';

/** Square attack for L-inf (Andriushchenko et al. 2020): asks the network for its answers alone, never for a gradient. */
export interface SquareOptions {
  /** Answers that are asked for, of each picture. */
  readonly queries: number;
  readonly seed?: number;
}

/** Share of the picture that the first squares cover. */
const SHARE = 0.8;
/** After these shares of the queries the squares have half the area that they had (the authors' schedule). */
const HALVED = [0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8];

/**
 * Begins with vertical stripes at the bound, then sets random squares to a bound of their own, and keeps each
 * that raises the loss; squares become smaller. The threat's norm must be L-inf.
 */
export async function squareAttack(
  target: AttackTarget,
  examples: Examples,
  threat: Threat & { readonly norm: 'Linf' },
  { queries, seed = 0 }: SquareOptions,
): Promise<Attacked> {
  const random = new RandomState(seed);
  const [, channels, height, width] = target.dims;
  const size = sizeOf(target.dims.slice(1));
  const worst = new Worst(examples, size);
  worst.look(examples.pictures, await target.answer(examples));
  const fill = (
    rows: readonly [number, number],
    columns: readonly [number, number],
    from: Float32Array,
  ) =>
    attempt(from, examples, size, (picture, original) => {
      for (let channel = 0; channel < channels; channel++) {
        const sign = random.randint(0, 2, 1)[0] * 2 - 1;
        for (let y = rows[0]; y < rows[1]; y++)
          for (let x = columns[0]; x < columns[1]; x++) {
            const at = (channel * height + y) * width + x;
            picture[at] = original[at] + sign * threat.epsilon;
          }
      }
      project(picture, original, threat);
    });
  let pictures = examples.pictures;
  for (let column = 0; column < width; column++)
    pictures = fill([0, height], [column, column + 1], pictures);
  worst.look(pictures, await target.answer({ ...examples, pictures }));
  for (let query = 1; query < queries; query++) {
    const halvings = HALVED.filter((share) => query >= share * queries).length;
    const area = (SHARE / 2 ** halvings) * height * width;
    const side = Math.min(Math.min(height, width) - 1, Math.max(1, Math.round(Math.sqrt(area))));
    const [y] = random.randint(0, height - side + 1, 1);
    const [x] = random.randint(0, width - side + 1, 1);
    const tried = fill([y, y + side], [x, x + side], worst.pictures);
    worst.look(tried, await target.answer({ ...examples, pictures: tried }));
  }
  return worst;
}

/** A copy of a batch with each picture changed. */
function attempt(
  from: Float32Array,
  examples: Examples,
  size: number,
  change: (picture: Float32Array, original: Float32Array) => void,
): Float32Array {
  const pictures = from.slice();
  examples.labels.forEach((_, row) => {
    change(pictureOf(pictures, row, size), pictureOf(examples.pictures, row, size));
  });
  return pictures;
}
