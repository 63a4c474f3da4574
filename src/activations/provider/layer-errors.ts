import type { Tensor } from '../../runtime/session.js';
import { numbersOf } from '../numbers.js';

/** How far a value of the graph is from the CPU's. */
export interface LayerError {
  /** Its name in the graph. */
  readonly value: string;
  /** Root mean square of the difference, in parts of that of the CPU's values; infinite where one is not finite. */
  readonly error: number;
  /** Whether it is float16 in the graph, which rounds more. */
  readonly half: boolean;
}

type Outputs = Readonly<Record<string, Tensor>>;

/** The error of every output that holds numbers. @param own the CPU's */
export function layerErrors(own: Outputs, found: Outputs): LayerError[] {
  return Object.entries(own)
    .filter(([, { dtype }]) => dtype !== 'string')
    .map(([value, tensor]) => ({
      value,
      error: relativeError(tensor, found[value]),
      half: tensor.dtype === 'float16',
    }));
}

/** Root mean square of the difference of two tensors, in parts of the first's. */
export function relativeError(own: Tensor, found: Tensor | undefined): number {
  if (found === undefined || found.data.length !== own.data.length) return Number.POSITIVE_INFINITY;
  const [expected, values] = [numbersOf(own), numbersOf(found)];
  let apart = 0;
  let power = 0;
  for (let i = 0; i < expected.length; i++) {
    apart += (expected[i] - values[i]) ** 2;
    power += expected[i] ** 2;
  }
  if (apart === 0) return 0;
  const error = Math.sqrt(apart / power);
  return Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
}
