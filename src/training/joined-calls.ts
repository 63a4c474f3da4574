import { Call } from './operators/operator.js';

/** The name under which {@link joinSilu} leaves a pair: no operator of ONNX begins with a small letter. */
export const SILU = 'silu';

/**
 * Takes Sigmoid and the Mul with what it was computed of as one call, as they are differentiated in fewer passes.
 * A gate that something else reads too, or that is an output, stays on its own.
 * @param kept names of values that are wanted outside
 */
export function joinSilu(calls: readonly Call[], kept: ReadonlySet<string>): readonly Call[] {
  const readers = new Map<string, number>();
  for (const { inputs } of calls)
    for (const input of inputs)
      if (input) readers.set(input.name, (readers.get(input.name) ?? 0) + 1);
  const gates = new Map(
    calls
      .filter(({ node, output }) => node.operator === 'Sigmoid' && readers.get(output.name) === 1)
      .filter(({ output }) => !kept.has(output.name))
      .map((call) => [call.output.name, call] as const),
  );
  const joined = new Set<Call>();
  const result = calls.map((call) => {
    const [a, b] = call.node.operator === 'Mul' ? call.inputs : [];
    if (!a || !b) return call;
    const gate = gates.get(b.name) ?? gates.get(a.name);
    const of = gate === undefined || gate.output.name === b.name ? a : b;
    if (!gate || gate.input(0).name !== of.name) return call;
    joined.add(gate);
    const pair = new Call({ ...call.node, operator: SILU }, [of], []);
    pair.outputs = [call.output];
    return pair;
  });
  return result.filter((call) => !joined.has(call));
}
