import { broadcast, type StaticGraph, type Value } from '../graph/static-graph.js';
import type { Operator, OperatorCall, OperatorFamily } from './operator.js';

/** Matrix products. */

const swapped = (graph: StaticGraph, value: Value) => {
  const rank = value.dims.length;
  const axes = value.dims.map((_, i) => i);
  return graph.transpose(value, [...axes.slice(0, -2), rank - 1, rank - 2]);
};

/** a·b over the last two axes. */
function product(graph: StaticGraph, a: Value, b: Value): Value {
  return graph.emit('MatMul', [a, b], productDims(a.dims, b.dims));
}

function productDims(a: readonly number[], b: readonly number[]): readonly number[] {
  const batch = broadcast(a.slice(0, -2), b.slice(0, -2));
  return [...batch, a[a.length - 2], b[b.length - 1]];
}

/** The sides as matrices: a vector before is a row, one behind a column. */
const matrixDims = (call: OperatorCall): readonly [readonly number[], readonly number[]] => {
  const [a, b] = [call.input(0).dims, call.input(1).dims];
  return [a.length === 1 ? [1, ...a] : a, b.length === 1 ? [...b, 1] : b];
};

const matMul: Operator = {
  shapes(call) {
    const [a, b] = [call.input(0).dims, call.input(1).dims];
    const dims = productDims(...matrixDims(call));
    const [rows, columns] = [a.length === 1 ? 1 : 0, b.length === 1 ? 1 : 0];
    const last = dims.slice(-2).slice(rows, 2 - columns);
    return [[...dims.slice(0, -2), ...last]];
  },
  gradients(call, given, [ofA, ofB], graph) {
    const dims = matrixDims(call);
    const gradient = graph.reshape(given, productDims(...dims));
    const [a, b] = [0, 1].map((i) => graph.reshape(call.input(i), dims[i]));
    return [
      ofA ? graph.sumTo(product(graph, gradient, swapped(graph, b)), a.dims) : undefined,
      ofB ? graph.sumTo(product(graph, swapped(graph, a), gradient), b.dims) : undefined,
    ];
  },
};

interface Gemm {
  readonly transA: boolean;
  readonly transB: boolean;
  readonly alpha: number;
  readonly beta: number;
}

const gemmOf = (call: OperatorCall): Gemm => ({
  transA: call.integer('transA', 0) !== 0,
  transB: call.integer('transB', 0) !== 0,
  alpha: call.float('alpha', 1),
  beta: call.float('beta', 1),
});

/** alpha·a·b with either side transposed. */
function gemmProduct(
  graph: StaticGraph,
  [a, transA]: readonly [Value, boolean],
  [b, transB]: readonly [Value, boolean],
  alpha: number,
): Value {
  const dims = [a.dims[transA ? 1 : 0], b.dims[transB ? 0 : 1]];
  const flags = { transA: { int: Number(transA) }, transB: { int: Number(transB) } };
  return graph.emit('Gemm', [a, b], dims, { ...flags, alpha: { float: alpha } });
}

const gemm: Operator = {
  shapes(call) {
    const { transA, transB } = gemmOf(call);
    const [a, b] = [call.input(0).dims, call.input(1).dims];
    return [[a[transA ? 1 : 0], b[transB ? 0 : 1]]];
  },
  gradients(call, gradient, [ofA, ofB, ofC], graph) {
    const { transA, transB, alpha, beta } = gemmOf(call);
    const [a, b] = [call.input(0), call.input(1)];
    const ga = () =>
      transA
        ? gemmProduct(graph, [b, transB], [gradient, true], alpha)
        : gemmProduct(graph, [gradient, false], [b, !transB], alpha);
    const gb = () =>
      transB
        ? gemmProduct(graph, [gradient, true], [a, transA], alpha)
        : gemmProduct(graph, [a, !transA], [gradient, false], alpha);
    const gc = () => {
      const sum = graph.sumTo(gradient, call.input(2).dims);
      return beta === 1 ? sum : graph.multiply(sum, graph.scalar(beta));
    };
    return [ofA ? ga() : undefined, ofB ? gb() : undefined, ofC ? gc() : undefined];
  },
};

/** Sums of products over named axes, as torch.einsum. */
interface Equation {
  /** Letters of each input, and of the result. */
  readonly inputs: readonly string[];
  readonly output: string;
  readonly sizes: ReadonlyMap<string, number>;
}

function equationOf(call: OperatorCall): Equation {
  const text = (call.text('equation') ?? '').replaceAll(' ', '');
  const [left, right] = text.split('->');
  const inputs = left.split(',');
  const letters = [...inputs.join('')].sort();
  const once = letters.filter((letter) => left.split(letter).length === 2).join('');
  const output = right ?? once;
  for (const term of [...inputs, output]) {
    if (!/^[A-Za-z]*$/.test(term) || new Set(term).size < term.length)
      call.refuse(`the equation ${text.slice(0, 100)} is not known here`);
  }
  const sizes = new Map<string, number>();
  inputs.forEach((term, i) => {
    [...term].forEach((letter, axis) => {
      const size = call.input(i).dims[axis];
      if ((sizes.get(letter) ?? size) !== size) call.refuse(`the sizes of ${letter} differ`);
      sizes.set(letter, size);
    });
  });
  return { inputs, output, sizes };
}

const dimsOf = (term: string, sizes: ReadonlyMap<string, number>) =>
  [...term].map((letter) => sizes.get(letter) ?? 1);

/** The gradient of one input: the sum of the same products, the result in its place. */
function towards(
  graph: StaticGraph,
  call: OperatorCall,
  gradient: Value,
  { inputs, output, sizes }: Equation,
  index: number,
): Value {
  const others = inputs.flatMap((term, i) => (i === index ? [] : [{ term, value: call.input(i) }]));
  const known = new Set([output, ...others.map(({ term }) => term)].join(''));
  const kept = [...inputs[index]].filter((letter) => known.has(letter)).join('');
  const terms = [output, ...others.map(({ term }) => term)].join(',');
  const values = [gradient, ...others.map(({ value }) => value)];
  const equation = { equation: { string: `${terms}->${kept}` } };
  const found = graph.emit('Einsum', values, dimsOf(kept, sizes), equation);
  // Axes that are summed over in this input alone have the same gradient all along.
  const spread = [...inputs[index]].map((letter) =>
    kept.includes(letter) ? (sizes.get(letter) as number) : 1,
  );
  return graph.reshape(found, spread);
}

const einsum: Operator = {
  shapes(call) {
    const { output, sizes } = equationOf(call);
    return [dimsOf(output, sizes)];
  },
  gradients(call, gradient, wanted, graph) {
    const equation = equationOf(call);
    return call.inputs.map((_, i) =>
      wanted[i] ? towards(graph, call, gradient, equation, i) : undefined,
    );
  },
};

export const products: OperatorFamily = { MatMul: matMul, Gemm: gemm, Einsum: einsum };
