import type { GraphNode } from '../../onnx/graph.js';
import { tensorElements } from '../../onnx/tensor-elements.js';
import { sizeOf } from '../graph/static-graph.js';

/** Numbers that are known before the graph runs, row-major. */
export interface KnownNumbers {
  readonly dims: readonly number[];
  readonly numbers: readonly number[];
}

/** Larger tensors are weights, and no bounds, scales or factors. */
const MOST = 64;
/** Whole numbers may also be the places of a Gather, or of a mask. */
const MOST_WHOLE = 2 ** 16;

/** float32 and float64. */
export const isFraction = (elementType: number): boolean => elementType === 1 || elementType === 11;

/** Numbers of a small tensor; undefined for a large one or one that is not there. */
export function smallNumbers(
  ...asked: Parameters<typeof tensorElements>
): KnownNumbers | undefined {
  const [{ dims, elementType }] = asked;
  if (sizeOf(dims) > (isFraction(elementType) ? MOST : MOST_WHOLE)) return undefined;
  return { dims, numbers: Array.from(tensorElements(...asked), Number) };
}

/** What a rule is told beside the numbers of its inputs, of which the first is known. */
interface Asked {
  readonly node: GraphNode;
  readonly known: readonly (KnownNumbers | undefined)[];
  /** Whether all inputs are whole numbers. */
  readonly whole: boolean;
}

type Rule = (first: KnownNumbers, asked: Asked) => KnownNumbers | undefined;

const integer = ({ attributes }: GraphNode, name: string) =>
  attributes.find((attribute) => attribute.name === name)?.integer;

const list = (numbers: readonly number[]): KnownNumbers => ({ dims: [numbers.length], numbers });

const each =
  (change: (number: number) => number): Rule =>
  ({ dims, numbers }) => ({ dims, numbers: numbers.map(change) });

/** The sizes that all broadcast to; undefined where they do not, or are too many. */
function commonDims(all: readonly KnownNumbers[]): readonly number[] | undefined {
  const rank = Math.max(...all.map(({ dims }) => dims.length));
  const dims = Array.from({ length: rank }, (_, axis) => {
    const sizes = all.map((each) => each.dims[axis - rank + each.dims.length] ?? 1);
    return sizes.includes(0) ? 0 : Math.max(...sizes);
  });
  const fits = all.every((each) =>
    each.dims.every((size, i) => size === 1 || size === dims[i + rank - each.dims.length]),
  );
  return fits && sizeOf(dims) <= MOST_WHOLE ? dims : undefined;
}

/** Numbers at each place of larger sizes, by the rules of numpy. */
function spread({ dims, numbers }: KnownNumbers, to: readonly number[]): readonly number[] {
  const from = [...Array(to.length - dims.length).fill(1), ...dims];
  return to.reduce<KnownNumbers>(
    (value, size, axis) =>
      value.dims[axis] === size ? value : picked(value, axis, Array(size).fill(0)),
    { dims: from, numbers },
  ).numbers;
}

/** A rule of two inputs that broadcast. */
const both =
  (join: (a: number, b: number, whole: boolean) => number): Rule =>
  (a, { known: [, b], whole }) => {
    const dims = b && commonDims([a, b]);
    if (!b || !dims) return undefined;
    const other = spread(b, dims);
    return { dims, numbers: spread(a, dims).map((number, i) => join(number, other[i], whole)) };
  };

/** Comparisons of fractions, which weights may be, are left to the graph. */
const compared = (holds: (a: number, b: number) => boolean): Rule => {
  const rule = both((a, b) => Number(holds(a, b)));
  return (first, asked) => (asked.whole ? rule(first, asked) : undefined);
};

function unsqueezed(first: KnownNumbers, { node, known }: Asked): KnownNumbers | undefined {
  const axes = node.attributes.find(({ name }) => name === 'axes')?.integers ?? known[1]?.numbers;
  if (!axes) return undefined;
  const rank = first.dims.length + axes.length;
  const added = axes.map((axis) => (axis < 0 ? axis + rank : axis));
  const rest = [...first.dims];
  const dims = Array.from({ length: rank }, (_, axis) =>
    added.includes(axis) ? 1 : (rest.shift() as number),
  );
  return { ...first, dims };
}

/** Sizes stay as they are but for axes of 1. */
const squeezed: Rule = ({ dims, numbers }, { node, known: [, axes] }) => {
  const given = node.attributes.find(({ name }) => name === 'axes')?.integers ?? axes?.numbers;
  const dropped = given?.map((axis) => (axis < 0 ? axis + dims.length : axis));
  return {
    numbers,
    dims: dims.filter((size, axis) => (dropped ? !dropped.includes(axis) : size !== 1)),
  };
};

/** The places of one axis that an index leads to, in this order. */
function picked(
  { dims, numbers }: KnownNumbers,
  axis: number,
  places: readonly number[],
): KnownNumbers {
  const [size, inner] = [dims[axis], sizeOf(dims.slice(axis + 1))];
  const outer = sizeOf(dims.slice(0, axis));
  const found = Array.from({ length: outer }, (_, row) =>
    places.flatMap((place) => {
      const start = (row * size + place) * inner;
      return numbers.slice(start, start + inner);
    }),
  );
  return {
    dims: dims.map((each, i) => (i === axis ? places.length : each)),
    numbers: found.flat(),
  };
}

const gathered: Rule = (first, { node, known: [, places] }) => {
  const { dims } = first;
  const said = integer(node, 'axis') ?? 0;
  const axis = said < 0 ? said + dims.length : said;
  if (!places || dims[axis] === undefined) return undefined;
  const at = places.numbers.map((place) => (place < 0 ? place + dims[axis] : place));
  const { numbers } = picked(first, axis, at);
  return { numbers, dims: [...dims.slice(0, axis), ...places.dims, ...dims.slice(axis + 1)] };
};

/** Places from start to before end; both are clamped. */
function placesOf(size: number, start: number, end: number, step: number): readonly number[] {
  const [low, high] = step > 0 ? [0, size] : [-1, size - 1];
  const clamped = (at: number, least: number) =>
    Math.min(Math.max(at < 0 ? at + size : at, least), high);
  const [from, to] = [clamped(start, 0), clamped(end, low)];
  const length = step === 0 ? 0 : Math.max(0, Math.ceil((to - from) / step));
  return Array.from({ length }, (_, i) => from + i * step);
}

const sliced: Rule = (first, { node, known }) => {
  if (node.inputs.some((name, i) => name !== '' && !known[i])) return undefined;
  const [, starts, ends, axes, steps] = known.map((each) => each?.numbers);
  return starts?.reduce((value: KnownNumbers, start, i) => {
    const said = axes?.[i] ?? i;
    const axis = said < 0 ? said + value.dims.length : said;
    const places = placesOf(value.dims[axis], start, ends?.[i] ?? 0, steps?.[i] ?? 1);
    return picked(value, axis, places);
  }, first);
};

const transposed: Rule = ({ dims, numbers }, { node }) => {
  const order =
    node.attributes.find(({ name }) => name === 'perm')?.integers ??
    dims.map((_, axis) => dims.length - 1 - axis);
  const strides = dims.map((_, axis) => sizeOf(dims.slice(axis + 1)));
  const turned = order.map((axis) => dims[axis]);
  const found = numbers.map((_, i) => {
    let [rest, from] = [i, 0];
    for (let axis = turned.length - 1; axis >= 0; axis--) {
      from += (rest % turned[axis]) * strides[order[axis]];
      rest = Math.floor(rest / turned[axis]);
    }
    return numbers[from];
  });
  return { dims: turned, numbers: found };
};

const joined: Rule = ({ dims }, { node, known }) => {
  const parts = known.filter((part) => part !== undefined);
  const said = integer(node, 'axis') ?? 0;
  const axis = said < 0 ? said + dims.length : said;
  if (parts.length < known.length || !parts.every((part) => part.dims.length === dims.length))
    return undefined;
  const rows = sizeOf(dims.slice(0, axis));
  const all = Array.from({ length: rows }, (_, row) =>
    parts.flatMap(({ numbers }) => {
      const width = numbers.length / rows;
      return numbers.slice(row * width, (row + 1) * width);
    }),
  );
  const sum = parts.reduce((total, part) => total + part.dims[axis], 0);
  return { dims: dims.map((size, i) => (i === axis ? sum : size)), numbers: all.flat() };
};

/** The same number in all places. */
function repeated(number: number, dims: readonly number[]): KnownNumbers | undefined {
  const count = sizeOf(dims);
  const fits = dims.every((size) => size >= 0) && count <= MOST_WHOLE;
  return fits ? { dims, numbers: Array(count).fill(number) } : undefined;
}

const filled: Rule = ({ numbers: dims }, { node }) => {
  const value = node.attributes.find(({ name }) => name === 'value')?.tensors[0];
  if (!value || isFraction(value.elementType)) return undefined;
  return repeated(Number(tensorElements(value)[0]), dims);
};

const counted: Rule = ({ numbers: [start] }, { known: [, limit, delta], whole }) => {
  const [end, step] = [limit?.numbers[0], delta?.numbers[0]];
  if (!whole || end === undefined || step === undefined) return undefined;
  const length = Math.max(0, Math.ceil((end - start) / step));
  if (step === 0 || !(length <= MOST_WHOLE)) return undefined;
  return list(Array.from({ length }, (_, i) => start + i * step));
};

const chosen: Rule = (condition, { known: [, yes, no] }) => {
  const dims = yes && no && commonDims([condition, yes, no]);
  if (!yes || !no || !dims) return undefined;
  const [one, other] = [spread(yes, dims), spread(no, dims)];
  return { dims, numbers: spread(condition, dims).map((holds, i) => (holds ? one[i] : other[i])) };
};

const expanded: Rule = (first, { known: [, sizes] }) => {
  const wide = sizes && repeated(0, sizes.numbers);
  const dims = wide && commonDims([first, wide]);
  return dims && { dims, numbers: spread(first, dims) };
};

const reshaped: Rule = ({ numbers }, { known: [, sizes] }) => {
  if (!sizes || sizes.numbers.includes(0)) return undefined;
  const rest = numbers.length / sizeOf(sizes.numbers.filter((size) => size !== -1));
  return { numbers, dims: sizes.numbers.map((size) => (size === -1 ? rest : size)) };
};

const product: Rule = ({ numbers, dims }, { node }) =>
  dims.length > 1
    ? undefined
    : { dims: integer(node, 'keepdims') === 0 ? [] : [1], numbers: [sizeOf(numbers)] };

const rules: Readonly<Record<string, Rule>> = {
  Identity: each((number) => number),
  Cast: (first, { node }) =>
    isFraction(integer(node, 'to') ?? 0) ? first : each(Math.trunc)(first, { node } as Asked),
  Neg: each((number) => -number),
  Floor: each(Math.floor),
  Ceil: each(Math.ceil),
  Unsqueeze: unsqueezed,
  Squeeze: squeezed,
  Reshape: reshaped,
  Gather: gathered,
  Slice: sliced,
  Transpose: transposed,
  Concat: joined,
  Add: both((a, b) => a + b),
  Sub: both((a, b) => a - b),
  Mul: both((a, b) => a * b),
  Div: both((a, b, whole) => (whole ? Math.trunc(a / b) : a / b)),
  Mod: both((a, b) => a - b * Math.floor(a / b)),
  Min: both((a, b) => Math.min(a, b)),
  Max: both((a, b) => Math.max(a, b)),
  Equal: compared((a, b) => a === b),
  Greater: compared((a, b) => a > b),
  Less: compared((a, b) => a < b),
  Where: chosen,
  Expand: expanded,
  ConstantOfShape: filled,
  Range: counted,
  ReduceProd: product,
};

/**
 * What a node that computes with shapes gives, as exporters write it for views that keep the batch: Shape,
 * then Gather, Slice, Concat and the like on whole numbers. Undefined if that is not known.
 * @param dims sizes of the first input
 * @param known numbers of each input
 * @param whole whether all of them are whole numbers
 */
export function knownResult(
  node: GraphNode,
  dims: readonly number[] | undefined,
  known: readonly (KnownNumbers | undefined)[],
  whole: boolean,
): KnownNumbers | undefined {
  const [first] = known;
  const sizes = dims ?? first?.dims;
  if (node.operator === 'Shape') return sizes && list(shapePart(node, sizes));
  if (node.operator === 'Size') return sizes && { dims: [], numbers: [sizeOf(sizes)] };
  const rule = Object.hasOwn(rules, node.operator) ? rules[node.operator] : undefined;
  const found = first && rule?.(first, { node, known, whole });
  // An invalid graph gives NaN, or numbers that do not fit its sizes.
  const isWhole = found && sizeOf(found.dims) === found.numbers.length;
  return isWhole && found.numbers.every(Number.isFinite) ? found : undefined;
}

/** The sizes that a Shape asks for: from operator set 15 on a part of them. */
function shapePart(node: GraphNode, dims: readonly number[]): readonly number[] {
  return dims.slice(integer(node, 'start') ?? 0, integer(node, 'end') ?? dims.length);
}
