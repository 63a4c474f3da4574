import { VentralError } from '../errors/ventral-error.js';
import type { Model } from './model.js';
import type { Quantised } from './quantised.js';
import type { Unsteady } from './unsteady.js';

/** Longest name that is compared with others and shown. */
export const MAX_NAME = 200;

/** A name as messages show it. */
export const short = (name: string): string =>
  name.length > MAX_NAME ? `${name.slice(0, MAX_NAME)}…` : name;

/** Refuses the integers of a quantised value. */
export function coded({ name: file }: Model, asked: string, { real }: Quantised): VentralError {
  const name = short(asked);
  const instead = real.has(asked) ? short(real.get(asked) as string) : undefined;
  return new VentralError(
    'layer-unknown',
    `The layer ${name} of ${file} holds the integers of a quantised value${instead ? `: ask for ${instead}` : ', which the graph has nowhere else'}`,
    {
      ...{ file, field: name, reason: 'integers of a quantised value' },
      ...{ expected: instead ?? 'a layer of real numbers', found: 'integers' },
    },
  );
}

/** Refuses a sequence, an optional value or a map. */
export function noTensor({ name: file }: Model, asked: string, kind: string): VentralError {
  const name = short(asked);
  return new VentralError(
    'layer-unknown',
    `The layer ${name} of ${file} is no tensor but of the kind ${kind}: ask for a value that is read from it`,
    {
      ...{ file, field: name, reason: `is of the kind ${kind}` },
      ...{ expected: 'a tensor', found: kind },
    },
  );
}

/** Refuses what the same image does not always give. */
export function unsteadyLayer({ name: file }: Model, asked: string, why: Unsteady): VentralError {
  const name = short(asked);
  const { what, seedable } = why;
  const node = short(why.node);
  const trials = seedable ? ', or add `trials: 10` to the card: seeded trials are averaged' : '';
  return new VentralError(
    'layer-unsteady',
    `The layer ${name} of ${file} depends on ${what} in node ${node}, so that no score of it could be repeated: export the network in evaluation mode and without its noise${trials}`,
    {
      ...{ file, field: name, reason: `depends on ${what}` },
      ...{ expected: 'a layer that depends on the image alone', found: `${what} in ${node}` },
    },
  );
}
