import type { Attribute } from '../graph.js';

/** What is known of a constant without computing it. */
export interface Folded {
  /** Elements, or as many as there can be at most. */
  readonly count: number;
  /** Undefined where it is not followed. */
  readonly dims?: readonly number[];
  /** Elements in order, where they are few: shapes and the like. */
  readonly values?: readonly number[];
  /** Set where the value depends on the input of the graph, and its shape alone is fixed. */
  readonly shapeOnly?: true;
}

/** A call of an operator whose inputs are constants; those that are left out are undefined. */
export interface FoldedCall {
  readonly inputs: readonly (Folded | undefined)[];
  attribute(name: string): Attribute | undefined;
  /** Attributes of the call of the function that contains it. */
  readonly given: ((name: string) => Attribute | undefined) | undefined;
}

/** What a call makes, and how many multiplications that takes. */
export type Rule = (call: FoldedCall) => Folded & { readonly work?: number };

/** More elements than a shape has, or a list of indices into one. */
export const MOST_VALUES = 128;

/** Axes beyond those of any tensor: such a shape is ignored. */
const MOST_AXES = 64;

export const product = (numbers: readonly number[]): number =>
  numbers.reduce((all, each) => all * each, 1);

/** Sizes that values say; what is negative or no number is none. */
export const sizes = (values: readonly number[]): readonly number[] =>
  values.map((value) => (value >= 0 ? Math.floor(value) : 0));

/** A constant of a shape. */
export function shaped(dims: readonly number[], values?: readonly number[]): Folded {
  const few = values && values.length <= MOST_VALUES ? { values } : {};
  return { count: product(dims), ...(dims.length <= MOST_AXES ? { dims } : {}), ...few };
}

/** A constant in another shape: the same elements in the same order. */
export const reshaped = (dims: readonly number[], { count, values }: Folded): Folded => ({
  count,
  ...(product(dims) === count && dims.length <= MOST_AXES ? { dims } : {}),
  ...(values ? { values } : {}),
});

export const nothing: Folded = { count: 0 };

/** As large as the largest input. */
export const largest: Rule = ({ inputs }) => {
  let most = nothing;
  for (const input of inputs) if (input && input.count >= most.count) most = input;
  return { count: most.count, ...(most.dims ? { dims: most.dims } : {}), work: most.count };
};

/** The shape of inputs that are broadcast; undefined if one is not followed. */
export function broadcast(inputs: readonly (Folded | undefined)[]): readonly number[] | undefined {
  const shapes = inputs.flatMap((input) => (input ? [input.dims] : []));
  if (shapes.some((dims) => dims === undefined)) return undefined;
  const rank = Math.max(0, ...shapes.map((dims) => (dims as number[]).length));
  return Array.from({ length: rank }, (_, i) =>
    Math.max(...shapes.map((dims) => (dims as number[]).at(i - rank) ?? 1)),
  );
}

/** An attribute, or what it is without being given. */
export const integer = (call: FoldedCall, name: string, otherwise: number): number =>
  call.attribute(name)?.integer ?? otherwise;

/** An axis counted from the front. */
export const place = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);
