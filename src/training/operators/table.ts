import { arrangements } from './arrangements.js';
import { conditions } from './conditions.js';
import { convolution } from './convolution.js';
import { elementwise } from './elementwise.js';
import { nonlinearities } from './nonlinearities.js';
import { normalization } from './normalization.js';
import type { Operator } from './operator.js';
import { pools } from './pools.js';
import { products } from './products.js';
import { reductions } from './reductions.js';
import { resizing } from './resize.js';
import { selections } from './selections.js';

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
    selections,
    resizing,
    reductions,
    conditions,
  ].flatMap((family) => Object.entries(family)),
);
