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

const matMul: Operator = {
  shapes(call) {
    const [a, b] = [call.input(0).dims, call.input(1).dims];
    if (a.length < 2 || b.length < 2) call.refuse('a product with a vector is not known here');
    return [productDims(a, b)];
  },
  gradients(call, gradient, [ofA, ofB], graph) {
    const [a, b] = [call.input(0), call.input(1)];
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

export const products: OperatorFamily = { MatMul: matMul, Gemm: gemm };
