import { activated, softmax } from '../keras/activations.js';
import type { Value } from '../keras/network-graph.js';
import {
  clipped,
  constantLike,
  elementwise,
  type Merge,
  merge,
  type Weight,
} from '../keras/operations.js';
import {
  constantAt,
  folded,
  type Operation,
  type OperationTranslation,
  of,
  valueAt,
} from './graph-operands.js';

/** Operators that compute element by element. */

/** A constant as it meets a value, numpy's way: its axes are the value's last ones. */
function constantOn({ graph, node }: Operation, value: Value, weight: Weight): string {
  const rank = value.shape.length;
  const dims =
    weight.dims.length === rank + 1 && weight.dims[0] === 1 ? weight.dims.slice(1) : weight.dims;
  const full = [...Array.from({ length: Math.max(rank - dims.length, 0) }, () => 1), ...dims];
  const fits =
    full.length === rank && full.every((size, at) => size === 1 || size === value.shape[at]);
  if (fits) return constantLike(graph, 'constant', { dims: full, data: weight.data }, value);
  throw node.unsupported(
    `of [${value.shape.join(', ')}] and a constant of [${weight.dims.join(', ')}], which the import does not know`,
  );
}

const binary =
  (operator: Merge, compute: (x: number, y: number) => number): OperationTranslation =>
  (operation) => {
    const { graph, node, operands } = operation;
    const [a, b] = operands;
    if (a?.is === 'constant' && b?.is === 'constant') {
      return { is: 'constant', weight: folded(node, a.weight, b.weight, compute) };
    }
    if (a?.is === 'value' && b?.is === 'value') {
      if (a.value.shape.length !== b.value.shape.length)
        throw node.unsupported('of values of two ranks, which the import does not know');
      return of(merge(graph, operator, [a.value, b.value]));
    }
    const at = a?.is === 'value' ? 0 : 1;
    const value = valueAt(operation, at);
    const constant = constantOn(operation, value, constantAt(operation, 1 - at));
    const inputs = at === 0 ? [value.name, constant] : [constant, value.name];
    return of({ ...value, name: graph.node(operator, inputs) });
  };

const sum: OperationTranslation = (operation) =>
  of(
    merge(
      operation.graph,
      'Add',
      operation.operands.map((_, at) => valueAt(operation, at)),
    ),
  );

/** A function of every element, of a value or of a constant. */
const unary =
  (operators: readonly string[], compute: (x: number) => number): OperationTranslation =>
  (operation) => {
    const [operand] = operation.operands;
    if (operand?.is === 'constant') {
      const { dims, data } = operand.weight;
      return { is: 'constant', weight: { dims, data: data.map(compute) } };
    }
    return of(
      operators.reduce(
        (value, operator) => elementwise(operation.graph, operator, value),
        valueAt(operation, 0),
      ),
    );
  };

/** Activations that Keras has too, by its names. */
export const kerasActivations: ReadonlyMap<string, string> = new Map([
  ['Relu', 'relu'],
  ['Relu6', 'relu6'],
  ['Elu', 'elu'],
  ['Selu', 'selu'],
  ['Sigmoid', 'sigmoid'],
  ['Tanh', 'tanh'],
  ['Softplus', 'softplus'],
  ['Softsign', 'softsign'],
]);

/** Elements below 0 times slopes that may differ by place. */
export function sloped(operation: Operation, value: Value, alpha: Weight): Value {
  const { graph } = operation;
  const name = graph.node('PRelu', [value.name, constantOn(operation, value, alpha)]);
  return { ...value, name };
}

const clip: OperationTranslation = (operation) => {
  const [least, most] = [1, 2].map((at) => constantAt(operation, at).data);
  if (least.length !== 1 || most.length !== 1)
    throw operation.node.refuse('bounds', 'two numbers', [least.length, most.length]);
  return of(clipped(operation.graph, valueAt(operation, 0), least[0], most[0]));
};

const leaky: OperationTranslation = (operation) => {
  const alpha = { float: operation.node.number('alpha', 0.2) };
  return of(elementwise(operation.graph, 'LeakyRelu', valueAt(operation, 0), { alpha }));
};

const activation =
  (name: string): OperationTranslation =>
  (operation) =>
    of(activated(operation.graph, valueAt(operation, 0), name, 2));

export const elementOperators: readonly (readonly [op: string, OperationTranslation])[] = [
  ...[...kerasActivations].map(([op, name]) => [op, activation(name)] as const),
  ['Add', binary('Add', (x, y) => x + y)],
  ['AddV2', binary('Add', (x, y) => x + y)],
  ['Sub', binary('Sub', (x, y) => x - y)],
  ['Mul', binary('Mul', (x, y) => x * y)],
  ['RealDiv', binary('Div', (x, y) => x / y)],
  ['Maximum', binary('Max', Math.max)],
  ['Minimum', binary('Min', Math.min)],
  ['AddN', sum],
  ['LeakyRelu', leaky],
  ['Prelu', (operation) => of(sloped(operation, valueAt(operation, 0), constantAt(operation, 1)))],
  ['Softmax', (operation) => of(softmax(operation.graph, valueAt(operation, 0), -1))],
  ['ClipByValue', clip],
  ['Exp', unary(['Exp'], Math.exp)],
  ['Sqrt', unary(['Sqrt'], Math.sqrt)],
  ['Rsqrt', unary(['Sqrt', 'Reciprocal'], (x) => 1 / Math.sqrt(x))],
  ['Neg', unary(['Neg'], (x) => -x)],
  ['Abs', unary(['Abs'], Math.abs)],
  ['Log', unary(['Log'], Math.log)],
];
