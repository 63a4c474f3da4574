import { SILU } from '../joined-calls.js';
import { arrangements } from './arrangements.js';
import { convolution } from './convolution.js';
import { elementwise } from './elementwise.js';
import { nonlinearities, silu } from './nonlinearities.js';
import { normalization } from './normalization.js';
import type { Call, Operator } from './operator.js';
import { pools } from './pools.js';
import { products } from './products.js';
import { reductions } from './reductions.js';

/** Every operator of the standard domain that a network may have to be trained. */
export const operators: ReadonlyMap<string, Operator> = new Map(
  [
    convolution,
    normalization,
    nonlinearities,
    pools,
    products,
    elementwise,
    arrangements,
    reductions,
  ].flatMap((family) => Object.entries(family)),
);

/** The operator of a call, also where nodes were joined to it. */
export const operatorOf = ({ node }: Call): Operator | undefined =>
  node.operator === SILU ? silu : operators.get(node.operator);
