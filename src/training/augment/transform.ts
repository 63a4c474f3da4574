import { VentralError } from '../../errors/ventral-error.js';
import type { RandomState } from '../../numerics/random/random-state.js';
import type { Frame } from './frame.js';

/** Changes one image. @param side pixels of a side of what the network sees */
export type Transform = (frame: Frame, random: RandomState, side: number) => Frame;

/** JSON Schema of a parameter; its default is what the library has where a recipe says nothing. */
export type ParameterSchema = Readonly<Record<string, unknown>>;

/** A transformation that a recipe can name: its parameters, and what it does with them. */
export interface TransformKind {
  /** JSON Schema of the parameters. */
  readonly schema: {
    readonly type: 'object';
    readonly additionalProperties: false;
    readonly properties: Readonly<Record<string, ParameterSchema>>;
  };
  /** Whether the transformation sets the image size. */
  readonly sizes: boolean;
  /** Takes parameters that follow the schema, none missing; throws `recipe-invalid` where they contradict. */
  make(parameters: unknown): Transform;
}

/** Two ends of a range. */
export type Range = readonly [number, number];

/** Schema of a number. */
export const numberSchema = (minimum: number, maximum: number, value: number) => ({
  type: 'number',
  minimum,
  maximum,
  default: value,
});

/** Schema of an integer. */
export const integerSchema = (minimum: number, maximum: number, value: number) => ({
  type: 'integer',
  minimum,
  maximum,
  default: value,
});

/** Schema of a range that must be given as its two ends. */
export const pairSchema = (minimum: number, maximum: number, value: Range) => ({
  type: 'array',
  items: { type: 'number', minimum, maximum },
  minItems: 2,
  maxItems: 2,
  default: value,
});

/** Schema of a range, or of a single number as shorthand. */
export const limitSchema = (minimum: number, maximum: number, value: number | Range) => ({
  ...pairSchema(minimum, maximum, [0, 0]),
  type: ['number', 'array'],
  minimum,
  maximum,
  default: value,
});

/** Schema of the probability with which a transformation is applied. */
export const probabilitySchema = (value: number) => numberSchema(0, 1, value);

/**
 * A transformation that is applied with probability `p`: the first number of its stream is below it.
 * @param p the default
 * @param otherwise what happens to the image where it is not; it stays as it is unless said
 */
export function transformKind<P>(
  p: number,
  properties: Readonly<Record<string, ParameterSchema>>,
  make: (parameters: P) => Transform,
  otherwise?: Transform,
): TransformKind {
  return {
    schema: {
      type: 'object',
      additionalProperties: false,
      properties: { ...properties, p: probabilitySchema(p) },
    },
    sizes: otherwise !== undefined,
    make(parameters) {
      const transform = make(parameters as P);
      const { p } = parameters as { readonly p: number };
      return (frame, random, side) => {
        if (random.double() < p) return transform(frame, random, side);
        return otherwise ? otherwise(frame, random, side) : frame;
      };
    },
  };
}

/** albumentations' `to_tuple`: a number stands for −number to number; `bias` is added to both ends. */
export function limits(name: string, value: number | Range, bias = 0): Range {
  const [low, high] = typeof value === 'number' ? [-value, value] : value;
  return ordered(name, [bias + low, bias + high]);
}

/** @throws VentralError `recipe-invalid` where the first end is above the second */
export function ordered(name: string, range: Range): Range {
  if (range[0] <= range[1]) return range;
  throw new VentralError(
    'recipe-invalid',
    `${name}: expected a range from low to high, found ${range[0]} to ${range[1]}`,
    { field: name, expected: 'low ≤ high', found: `[${range.join(', ')}]` },
  );
}

/** Python's `random.randint`: an integer from low to high, both possible. */
export function integerFrom(random: RandomState, low: number, high: number): number {
  return low + random.interval(high - low);
}

/** A number whose place in the range is uniform. */
export function uniformIn(random: RandomState, [low, high]: Range): number {
  return low + (high - low) * random.double();
}

/** A number whose logarithm is uniform over the logarithms of the range. */
export function logUniformIn(random: RandomState, [low, high]: Range): number {
  return low * Math.exp(Math.log(high / low) * random.double());
}
