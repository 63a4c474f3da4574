import { type StaticGraph, sizeOf, type Value } from '../graph/static-graph.js';
import type { Forward } from './write-forward.js';

/**
 * Emits the gradients of targets from that of one value of the network, in reverse order of its nodes. What
 * lies before every target is not differentiated.
 * @returns by name of the target; a target that the value does not depend on is not among them
 */
export function writeBackward(
  graph: StaticGraph,
  { calls }: Forward,
  from: { readonly value: string; readonly gradient: Value },
  targets: ReadonlySet<string>,
): ReadonlyMap<string, Value> {
  const depends = new Set(targets);
  for (const call of calls) {
    if (call.inputs.some((input) => input && depends.has(input.name)))
      depends.add(call.output.name);
  }
  const gradients = new Map([[from.value, from.gradient]]);
  for (const call of [...calls].reverse()) {
    const found = gradients.get(call.output.name);
    const wanted = call.inputs.map((input) => input !== undefined && depends.has(input.name));
    if (!found || !wanted.some(Boolean)) continue;
    const gradient = graph.expand(found, call.output.dims);
    call.operator.gradients(call, gradient, wanted, graph).forEach((part, i) => {
      const input = call.inputs[i];
      if (!part || !input || !wanted[i]) return;
      const before = gradients.get(input.name);
      gradients.set(input.name, before ? sum(graph, before, part, input.dims) : part);
    });
  }
  return new Map([...gradients].filter(([name]) => targets.has(name)));
}

/** Adds two gradients of a value, each of which is of its size, or is yet to be spread over it. */
function sum(graph: StaticGraph, a: Value, b: Value, dims: readonly number[]): Value {
  const [left, right] = [a, b].map((part) =>
    sizeOf(part.dims) === sizeOf(dims) ? graph.reshape(part, dims) : part,
  );
  return graph.add(left, right);
}
