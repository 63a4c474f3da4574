import type { TensorInfo } from '../graph.js';
import { tensorElements } from '../tensor-elements.js';
import {
  broadcast,
  type Folded,
  type FoldedCall,
  integer,
  largest,
  MOST_VALUES,
  nothing,
  place,
  product,
  type Rule,
  reshaped,
  shaped,
  sizes,
} from './folded.js';
import {
  convolution,
  einsum,
  gemm,
  matMul,
  pool,
  transposedConvolution,
} from './folding-products.js';

/** A tensor stored in the file. */
export function fromTensor(tensor: TensorInfo): Folded {
  const dims = tensor.dense ?? tensor.dims;
  const count = product(dims);
  if (count > MOST_VALUES || tensor.dense) return { dims, count };
  try {
    return { dims, count, values: Array.from(tensorElements(tensor), Number) };
  } catch {
    return { dims, count };
  }
}

/** The rule of an operator; of one that is not known, a result as large as its largest input. */
export const foldingRule = (operator: string): Rule =>
  (Object.hasOwn(rules, operator) ? rules[operator] : undefined) ?? largest;

/** An operator that goes element by element over inputs that are broadcast. */
const elementwise =
  (of?: (...values: number[]) => number): Rule =>
  (call) => {
    const dims = broadcast(call.inputs);
    if (!dims) return largest(call);
    const count = product(dims);
    const all = call.inputs.map((input) => input?.values);
    const known = of && count <= MOST_VALUES && all.every((values) => values !== undefined);
    // Values of unequal shapes are followed where all but one are a single number, as in shapes.
    const plain = all.every((values) => values?.length === 1 || values?.length === count);
    if (!known || !plain) return { ...shaped(dims), work: count };
    const at = (i: number) => all.map((values) => values?.[values.length === 1 ? 0 : i] as number);
    return shaped(
      dims,
      Array.from({ length: count }, (_, i) => of(...at(i))),
    );
  };

const axesOf = ({ inputs, attribute }: FoldedCall): readonly number[] | undefined =>
  attribute('axes')?.integers ?? inputs[1]?.values;

/** As large as one of the inputs says. */
const sizedBy =
  (input: number): Rule =>
  (call) => {
    const values = call.inputs[input]?.values;
    return values ? { ...shaped(sizes(values)), work: product(sizes(values)) } : largest(call);
  };

/** Each axis times what a list says. */
const times =
  (input: number, attribute?: string): Rule =>
  (call) => {
    const by =
      call.inputs[input]?.values ?? (attribute ? call.attribute(attribute)?.floats : undefined);
    const dims = call.inputs[0]?.dims;
    if (!by || !dims) return largest(call);
    const made = sizes(dims.map((dim, i) => dim * (by[i] ?? 1)));
    return { ...shaped(made), work: product(made) };
  };

const resize: Rule = (call) => {
  const asked = call.inputs[3]?.values;
  const dims = call.inputs[0]?.dims;
  if (!asked || asked.length === 0) return times(2)(call);
  const axes = call.attribute('axes')?.integers;
  const made = [...(dims ?? asked)];
  asked.forEach((size, i) => {
    made[place(axes?.[i] ?? i, made.length)] = size;
  });
  return { ...shaped(sizes(made)), work: product(sizes(made)) };
};

const pad: Rule = (call) => {
  const pads = call.attribute('pads')?.integers ?? call.inputs[1]?.values;
  const dims = call.inputs[0]?.dims;
  if (!pads || !dims) return largest(call);
  const axes = call.inputs[3]?.values ?? dims.map((_, i) => i);
  const made = [...dims];
  axes.forEach((axis, i) => {
    made[place(axis, dims.length)] += (pads[i] ?? 0) + (pads[i + axes.length] ?? 0);
  });
  return { ...shaped(sizes(made)), work: product(sizes(made)) };
};

const reduce =
  (of?: (values: readonly number[]) => number): Rule =>
  (call) => {
    const [x] = call.inputs;
    if (!x?.dims) return largest(call);
    const { dims, values } = x;
    const asked = axesOf(call) ?? [];
    const axes = new Set(
      (asked.length > 0 ? asked : dims.map((_, i) => i)).map((axis) => place(axis, dims.length)),
    );
    const keep = integer(call, 'keepdims', 1) !== 0;
    const made = dims.flatMap((dim, i) => (axes.has(i) ? (keep ? [1] : []) : [dim]));
    const all = of && values && product(made) === 1 ? [of(values)] : undefined;
    return { ...shaped(made, all), work: x.count };
  };

const concat: Rule = (call) => {
  const inputs = call.inputs.filter((input) => input !== undefined);
  const count = inputs.reduce((sum, input) => sum + input.count, 0);
  const [first] = inputs;
  if (!first?.dims || inputs.some(({ dims }) => dims?.length !== first.dims?.length))
    return { count };
  const axis = place(integer(call, 'axis', 0), first.dims.length);
  const dims = first.dims.map((dim, i) =>
    i === axis ? inputs.reduce((sum, input) => sum + (input.dims?.[i] ?? 0), 0) : dim,
  );
  const whole = dims.length === 1 && inputs.every(({ values }) => values !== undefined);
  return { ...shaped(dims, whole ? inputs.flatMap(({ values = [] }) => [...values]) : undefined) };
};

const gather: Rule = (call) => {
  const [x, indices] = call.inputs;
  if (!x?.dims || !indices?.dims) return { count: (x?.count ?? 0) * (indices?.count ?? 0) };
  const axis = place(integer(call, 'axis', 0), x.dims.length);
  const dims = [...x.dims.slice(0, axis), ...indices.dims, ...x.dims.slice(axis + 1)];
  const taken =
    x.dims.length === 1 && x.values && indices.values
      ? indices.values.map((i) => x.values?.at(i) ?? 0)
      : undefined;
  return shaped(dims, taken);
};

const gatherByPlace: Rule = (call) => {
  const [x, indices] = call.inputs;
  if (!x?.dims || !indices?.dims) return { count: (x?.count ?? 0) * (indices?.count ?? 0) };
  return shaped([...indices.dims.slice(0, -1), ...x.dims.slice(indices.dims.at(-1) ?? 0)]);
};

const slice: Rule = (call) => {
  const [x] = call.inputs;
  const list = (i: number, name: string) =>
    call.inputs[i]?.values ?? call.attribute(name)?.integers;
  const [starts, ends] = [list(1, 'starts'), list(2, 'ends')];
  if (!x?.dims || !starts || !ends) return { count: x?.count ?? 0 };
  const axes = list(3, 'axes') ?? starts.map((_, i) => i);
  const steps = list(4, 'steps') ?? [];
  const dims = [...x.dims];
  let taken = x.dims.length === 1 ? x.values : undefined;
  axes.forEach((given, i) => {
    const axis = place(given, dims.length);
    const [size, step] = [dims[axis], steps[i] || 1];
    const from = bounded(place(starts[i], size), size, step);
    const to = bounded(ends[i] < 0 ? ends[i] + size : ends[i], size, step);
    dims[axis] = Math.max(0, Math.ceil((to - from) / step));
    taken = taken && Array.from({ length: dims[axis] }, (_, k) => taken?.[from + k * step] ?? 0);
  });
  return shaped(dims, taken);
};

/** Where a slice starts or ends at most; one that goes back ends before the first. */
const bounded = (at: number, size: number, step: number) =>
  step > 0 ? Math.min(Math.max(at, 0), size) : Math.min(Math.max(at, -1), size - 1);

const range: Rule = (call) => {
  const [from, to, step] = call.inputs.map((input) => input?.values?.[0] ?? Number.NaN);
  const count = Math.max(0, Math.ceil((to - from) / step));
  if (!(count > 0)) return nothing;
  const listed = count <= MOST_VALUES;
  return shaped(
    [count],
    listed ? Array.from({ length: count }, (_, i) => from + i * step) : undefined,
  );
};

const constant: Rule = ({ attribute }) => {
  const value = attribute('value')?.tensors[0] ?? attribute('sparse_value')?.tensors[0];
  if (value) return fromTensor(value);
  const one = attribute('value_int')?.integer ?? attribute('value_float')?.float;
  if (one !== undefined) return shaped([], [one]);
  const many = attribute('value_ints')?.integers ?? attribute('value_floats')?.floats;
  return many ? shaped([many.length], many) : nothing;
};

const shape: Rule = (call) => {
  const dims = call.inputs[0]?.dims;
  if (!dims) return nothing;
  const part = dims.slice(integer(call, 'start', 0), call.attribute('end')?.integer);
  return shaped([part.length], part);
};

const reshape: Rule = ({ inputs: [x, asked] }) => {
  if (!x || !asked?.values) return x ?? nothing;
  const dims = asked.values.map((size, i) => (size === 0 ? (x.dims?.[i] ?? 0) : size));
  const rest = x.count / Math.max(1, product(dims.filter((dim) => dim >= 0)));
  return reshaped(
    dims.map((dim) => (dim < 0 ? rest : dim)),
    x,
  );
};

const unsqueeze: Rule = (call) => {
  const [x] = call.inputs;
  const axes = axesOf(call);
  if (!x?.dims || !axes) return x ?? nothing;
  const rank = x.dims.length + axes.length;
  const added = new Set(axes.map((axis) => place(axis, rank)));
  const rest = [...x.dims];
  return reshaped(
    Array.from({ length: Math.min(rank, MOST_VALUES) }, (_, i) =>
      added.has(i) ? 1 : (rest.shift() ?? 1),
    ),
    x,
  );
};

const squeeze: Rule = (call) => {
  const [x] = call.inputs;
  if (!x?.dims) return x ?? nothing;
  const { dims } = x;
  const axes = axesOf(call)?.map((axis) => place(axis, dims.length));
  return reshaped(
    dims.filter((dim, i) => (axes ? !axes.includes(i) : dim !== 1)),
    x,
  );
};

const flatten: Rule = (call) => {
  const [x] = call.inputs;
  if (!x?.dims) return x ?? nothing;
  const axis = place(integer(call, 'axis', 1), x.dims.length);
  return reshaped([product(x.dims.slice(0, axis)), product(x.dims.slice(axis))], x);
};

const transpose: Rule = (call) => {
  const [x] = call.inputs;
  if (!x?.dims) return largest(call);
  const { dims, count } = x;
  const order = call.attribute('perm')?.integers;
  const turned = order?.length ? order.map((axis) => dims[axis] ?? 1) : [...dims].reverse();
  return { ...(dims.length === 1 ? x : shaped(turned)), count, work: count };
};

const expand: Rule = (call) => {
  const [x, asked] = call.inputs;
  if (!asked?.values) return largest(call);
  const dims = broadcast([x?.dims ? x : shaped([x?.count ?? 1]), shaped(sizes(asked.values))]);
  return { ...shaped(dims ?? []), work: product(dims ?? []) };
};

const oneHot: Rule = ({ inputs: [indices, depth] }) => {
  const count = (indices?.count ?? 0) * Math.max(0, depth?.values?.[0] ?? 1);
  return { count, work: count };
};

const gridSample: Rule = ({ inputs: [x, grid] }) => {
  const count = ((x?.dims?.[1] ?? 1) * (grid?.count ?? 0)) / 2;
  return { count, work: 16 * count };
};

const rules: Readonly<Record<string, Rule>> = {
  Constant: constant,
  ConstantOfShape: sizedBy(0),
  Shape: shape,
  Size: ({ inputs: [x] }) => shaped([], [x?.dims ? product(x.dims) : (x?.count ?? 0)]),
  Expand: expand,
  Tile: times(1),
  Upsample: times(1, 'scales'),
  Resize: resize,
  Pad: pad,
  Range: range,
  OneHot: oneHot,
  NonZero: ({ inputs: [x] }) => ({ count: (x?.count ?? 0) * Math.max(1, x?.dims?.length ?? 1) }),
  HannWindow: sizedBy(0),
  HammingWindow: sizedBy(0),
  BlackmanWindow: sizedBy(0),
  CenterCropPad: sizedBy(1),
  MaxUnpool: sizedBy(2),
  GridSample: gridSample,
  Concat: concat,
  Gather: gather,
  GatherND: gatherByPlace,
  GatherElements: ({ inputs: [, indices] }) => indices ?? nothing,
  Slice: slice,
  Reshape: reshape,
  Flatten: flatten,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Transpose: transpose,
  MatMul: matMul,
  FusedMatMul: gemm,
  MatMulInteger: matMul,
  Gemm: gemm,
  Einsum: einsum,
  Conv: convolution,
  ConvInteger: convolution,
  ConvTranspose: transposedConvolution,
  MaxPool: pool,
  AveragePool: pool,
  LpPool: pool,
  ReduceProd: reduce(product),
  ReduceSum: reduce((values) => values.reduce((sum, each) => sum + each, 0)),
  ReduceMax: reduce((values) => Math.max(...values)),
  ReduceMin: reduce((values) => Math.min(...values)),
  ...Object.fromEntries(
    ['Mean', 'L1', 'L2', 'LogSum', 'LogSumExp', 'SumSquare'].map((n) => [`Reduce${n}`, reduce()]),
  ),
  Identity: elementwise((a) => a),
  Cast: elementwise((a) => a),
  Floor: elementwise(Math.floor),
  Ceil: elementwise(Math.ceil),
  Round: elementwise(Math.round),
  Neg: elementwise((a) => -a),
  Abs: elementwise(Math.abs),
  Sqrt: elementwise(Math.sqrt),
  Exp: elementwise(Math.exp),
  Add: elementwise((a, b) => a + b),
  Sub: elementwise((a, b) => a - b),
  Mul: elementwise((a, b) => a * b),
  Div: elementwise((a, b) => a / b),
  Pow: elementwise((a, b) => a ** b),
  Max: elementwise(Math.max),
  Min: elementwise(Math.min),
  Where: elementwise((condition, a, b) => (condition ? a : b)),
  ...Object.fromEntries(
    [
      ...['And', 'Or', 'Xor', 'Equal', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual'],
      ...['Mod', 'Sum', 'Mean', 'BitShift', 'BitwiseAnd', 'BitwiseOr', 'BitwiseXor', 'PRelu'],
    ].map((name) => [name, elementwise()]),
  ),
};
