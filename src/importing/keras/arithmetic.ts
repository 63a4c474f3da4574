import { type Fields, isFields } from '../source/fields.js';

/**
 * Sums, differences, products and quotients outside of layers, such as `x / 127.5 - 1`: Keras 2 keeps them as
 * layers of the class TFOpLambda (keras/layers/core/tf_op_layer.py), Keras 3 as operations
 * (keras/src/ops/numpy.py).
 */
export interface Arithmetic {
  readonly operator: 'Add' | 'Sub' | 'Mul' | 'Div';
  /** The two operands: numbers, or what refers to a call of a layer. */
  readonly operands: readonly unknown[];
}

const operators: ReadonlyMap<string, Arithmetic['operator']> = new Map([
  ...['math.add', '__operators__.add', 'Add'].map((name) => [name, 'Add'] as const),
  ...['math.subtract', '__operators__.sub', 'Subtract'].map((name) => [name, 'Sub'] as const),
  ...['math.multiply', '__operators__.mul', 'Multiply'].map((name) => [name, 'Mul'] as const),
  ...['math.truediv', 'math.divide', '__operators__.truediv', 'TrueDivide', 'Divide'].map(
    (name) => [name, 'Div'] as const,
  ),
]);

/** The operation of a layer's JSON; undefined if it is another, or is called otherwise than once. */
export function arithmeticOf(json: Fields): Arithmetic | undefined {
  const { class_name, config, inbound_nodes: nodes } = json;
  const lambda = class_name === 'TFOpLambda';
  const name = lambda && isFields(config) ? config.function : class_name;
  const operator = typeof name === 'string' ? operators.get(name) : undefined;
  if (operator === undefined || !Array.isArray(nodes) || nodes.length !== 1) return undefined;
  const operands = lambda ? lambdaOperands(nodes[0]) : operationOperands(nodes[0]);
  const numbers = operands.filter((one) => typeof one === 'number').length;
  return operands.length === 2 && numbers < 2 ? { operator, operands } : undefined;
}

/** `["x", 0, 0, {"y": 127.5}]`, or `["_CONSTANT_VALUE", -1, 2.0, {"y": ["x", 0, 0]}]`. */
function lambdaOperands(node: unknown): unknown[] {
  const [name, call, output, named] = Array.isArray(node) ? (node as unknown[]) : [];
  if (!isFields(named)) return [];
  const { y, name: _, ...others } = named;
  if (y === undefined || Object.values(others).some((value) => value !== null)) return [];
  return [name === '_CONSTANT_VALUE' ? output : [name, call, output], y];
}

/** `{"args": [tensor, 127.5], "kwargs": {}}`. */
function operationOperands(node: unknown): unknown[] {
  if (!isFields(node) || !Array.isArray(node.args)) return [];
  if (isFields(node.kwargs) && Object.keys(node.kwargs).length > 0) return [];
  return node.args.map((one: unknown) => {
    const tensor = isFields(one) && one.class_name === '__keras_tensor__' ? one.config : undefined;
    return isFields(tensor) ? tensor.keras_history : one;
  });
}
