import { graphAxis, type NetworkGraph, type Value } from './network-graph.js';
import { clipped, elementwise, scalar } from './operations.js';

type Activation = (graph: NetworkGraph, value: Value) => Value;

const plain =
  (operator: string, attributes: Readonly<Record<string, number>> = {}): Activation =>
  (graph, value) =>
    elementwise(
      graph,
      operator,
      value,
      Object.fromEntries(Object.entries(attributes).map(([key, float]) => [key, { float }])),
    );

/** The value times its activation. */
const gated =
  (gate: Activation): Activation =>
  (graph, value) => ({
    ...value,
    name: graph.node('Mul', [value.name, gate(graph, value).name]),
  });

/** x · ½(1 + erf(x / √2)) */
const gelu: Activation = (graph, value) => {
  const scaled = graph.node('Mul', [value.name, scalar(graph, 'root', Math.SQRT1_2)]);
  const error = graph.node('Erf', [scaled]);
  const gate = graph.node('Add', [error, scalar(graph, 'one', 1)]);
  const half = graph.node('Mul', [value.name, scalar(graph, 'half', 0.5)]);
  return { ...value, name: graph.node('Mul', [half, gate]) };
};

const mish = gated((graph, value) =>
  elementwise(graph, 'Tanh', elementwise(graph, 'Softplus', value)),
);
const swish = gated(plain('Sigmoid'));
/** relu6(x + 3) / 6, which is Keras 3's hard sigmoid. */
const hardSigmoid = plain('HardSigmoid', { alpha: 1 / 6, beta: 0.5 });
const hardSwish = gated(hardSigmoid);

const activations = new Map<string, Activation>([
  ['linear', (_graph, value) => value],
  ['relu', plain('Relu')],
  ['relu6', (graph, value) => clipped(graph, value, 0, 6)],
  ['sigmoid', plain('Sigmoid')],
  ['tanh', plain('Tanh')],
  ['softmax', (graph, value) => softmax(graph, value, -1)],
  ['swish', swish],
  ['silu', swish],
  ['gelu', gelu],
  ['mish', mish],
  ['hard_swish', hardSwish],
  ['hard_silu', hardSwish],
  ['elu', plain('Elu', { alpha: 1 })],
  ['selu', plain('Selu')],
  ['softplus', plain('Softplus')],
  ['softsign', plain('Softsign')],
  ['exponential', plain('Exp')],
  ['leaky_relu', plain('LeakyRelu', { alpha: 0.2 })],
]);

/**
 * An activation by the name that Keras has for it; Keras 2 (and TensorFlow.js) mean 0.2 x + 0.5 by a hard
 * sigmoid, Keras 3 x / 6 + 0.5.
 * @throws VentralError `import-unsupported`
 */
export function activated(graph: NetworkGraph, value: Value, name: string, keras: 2 | 3): Value {
  const known = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  if (known === 'hard_sigmoid') {
    const old = plain('HardSigmoid', { alpha: 0.2, beta: 0.5 });
    return (keras === 2 ? old : hardSigmoid)(graph, value);
  }
  const activation = activations.get(known);
  if (activation !== undefined) return activation(graph, value);
  throw graph.unsupported(
    `with the activation ${name.slice(0, 40)}, which the import does not know`,
  );
}

/** Softmax over an axis of the source. */
export function softmax(graph: NetworkGraph, value: Value, axis: number): Value {
  const attributes = { axis: { int: graphAxis(value, axis) } };
  return { ...value, name: graph.node('Softmax', [value.name], attributes) };
}

/** What Keras's layer ReLU may say. */
export interface Rectifier {
  readonly most?: number;
  readonly slope: number;
  readonly threshold: number;
}

/** `most` from there on, the value itself from the threshold on, slope × (value − threshold) below. */
export function rectified(graph: NetworkGraph, value: Value, rectifier: Rectifier): Value {
  const { most, slope, threshold } = rectifier;
  if (threshold === 0 && slope === 0) {
    return most === undefined ? elementwise(graph, 'Relu', value) : clipped(graph, value, 0, most);
  }
  const limit = scalar(graph, 'threshold', threshold);
  const below = graph.node('Mul', [
    graph.node('Sub', [value.name, limit]),
    scalar(graph, 'slope', slope),
  ]);
  const reached = graph.node('GreaterOrEqual', [value.name, limit]);
  const bent = { ...value, name: graph.node('Where', [reached, value.name, below]) };
  return most === undefined ? bent : clipped(graph, bent, undefined, most);
}
