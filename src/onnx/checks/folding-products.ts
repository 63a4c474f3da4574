import {
  broadcast,
  type Folded,
  type FoldedCall,
  integer,
  largest,
  product,
  type Rule,
  shaped,
  sizes,
} from './folded.js';

/** Constants that are multiplied and summed: their results, and the multiplications that these take. */

export const matMul: Rule = (call) => {
  const [a, b] = call.inputs.filter((input) => input !== undefined);
  if (!a?.dims || !b?.dims) return { ...largest(call), work: (a?.count ?? 0) * (b?.count ?? 0) };
  const [left, right] = [
    a.dims.length === 1 ? [1, ...a.dims] : a.dims,
    b.dims.length === 1 ? [...b.dims, 1] : b.dims,
  ];
  const batch = broadcast([shaped(left.slice(0, -2)), shaped(right.slice(0, -2))]) ?? [];
  const [rows, inner] = left.slice(-2);
  const columns = right.at(-1) ?? 1;
  const made = shaped([...batch, rows, columns]);
  return { ...made, work: made.count * inner };
};

export const gemm: Rule = (call) => {
  const turned = (input: Folded | undefined, name: string): Folded | undefined =>
    integer(call, name, 0) && input?.dims ? { ...input, dims: [...input.dims].reverse() } : input;
  const [a, b] = call.inputs;
  return matMul({ ...call, inputs: [turned(a, 'transA'), turned(b, 'transB')] });
};

export const einsum: Rule = (call) => {
  const equation = Buffer.from(call.attribute('equation')?.string ?? []).toString('latin1');
  const [before, after] = equation.replaceAll(' ', '').split('->');
  const size = new Map<string, number>();
  const followed = before.split(',').every((labels, i) => {
    const dims = call.inputs[i]?.dims;
    if (!dims || labels.length !== dims.length) return false;
    dims.forEach((dim, k) => {
      size.set(labels[k], Math.max(dim, size.get(labels[k]) ?? 0));
    });
    return true;
  });
  const work = followed
    ? product([...size.values()])
    : product(call.inputs.map((input) => input?.count ?? 1));
  if (!followed || after === undefined) return { count: Math.max(0, largest(call).count), work };
  return { ...shaped([...after].map((label) => size.get(label) ?? 1)), work };
};

/** Places of a window: at most what the padded axis has, by strides. */
function windowed(call: FoldedCall, spatial: readonly number[]): readonly number[] {
  const pads = call.attribute('pads')?.integers ?? [];
  const strides = call.attribute('strides')?.integers ?? [];
  return spatial.map((dim, i) => {
    const padded = dim + (pads[i] ?? 0) + (pads[i + spatial.length] ?? 0);
    return Math.max(0, Math.floor(padded / Math.max(1, strides[i] ?? 1)) + 1);
  });
}

export const convolution: Rule = (call) => {
  const [x, w] = call.inputs;
  if (!x?.dims || !w?.dims) return largest(call);
  const made = shaped([x.dims[0] ?? 1, w.dims[0] ?? 1, ...windowed(call, x.dims.slice(2))]);
  return { ...made, work: (made.count * w.count) / Math.max(1, w.dims[0] ?? 1) };
};

export const transposedConvolution: Rule = (call) => {
  const [x, w] = call.inputs;
  if (!x?.dims || !w?.dims) return largest(call);
  const strides = call.attribute('strides')?.integers ?? [];
  const asked = call.attribute('output_shape')?.integers ?? [];
  const more = call.attribute('output_padding')?.integers ?? [];
  const dilations = call.attribute('dilations')?.integers ?? [];
  const kernel = w.dims.slice(2);
  const [batch = 1, depth = 1, ...places] = x.dims;
  const spatial = places.map(
    (dim, i) =>
      asked.at(i - places.length) ??
      dim * (strides[i] ?? 1) + (kernel[i] ?? 1) * (dilations[i] ?? 1) + (more[i] ?? 0),
  );
  const channels = (w.dims[1] ?? 1) * integer(call, 'group', 1);
  const made = shaped(sizes([batch, channels, ...spatial]));
  return { ...made, work: (x.count * w.count) / Math.max(1, depth) + made.count };
};

export const pool: Rule = (call) => {
  const dims = call.inputs[0]?.dims;
  if (!dims) return largest(call);
  const made = shaped([...dims.slice(0, 2), ...windowed(call, dims.slice(2))]);
  return { ...made, work: made.count * product(call.attribute('kernel_shape')?.integers ?? []) };
};
