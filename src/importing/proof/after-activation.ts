import type { Model } from '../../onnx/model.js';
import { modulesOf } from '../../onnx/modules.js';

/** Operators that activations are written as. */
const ACTIVATIONS = new Set([
  ...['Relu', 'LeakyRelu', 'PRelu', 'Elu', 'Selu', 'Celu', 'Clip', 'Gelu', 'Mish', 'Erf'],
  ...['Sigmoid', 'HardSigmoid', 'HardSwish', 'Tanh', 'Softplus'],
  ...['Mul', 'Add', 'Div', 'Min', 'Max', 'Identity'],
]);
/** Nodes that an activation is written as at the most: GELU takes five. */
const MOST = 6;

/**
 * The values that activations right after a batch norm make of its output alone. A library may hold both in one
 * module (timm's BatchNormAct2d), whose recorded output is then one of these.
 * @param value output of a batch norm, or of the convolution that it was folded into
 * @returns none for any other value
 */
export function valuesAfterNorm(model: Model, value: string): readonly string[] {
  const { flow, folded } = modulesOf(model);
  const at = flow.producers.get(value);
  if (at === undefined) return [];
  if (flow.nodes[at].operator !== 'BatchNormalization' && !folded.has(value)) return [];
  const made = new Set([value]);
  for (let index = at + 1; index < flow.nodes.length && made.size <= MOST; index++) {
    const { operator, outputs } = flow.nodes[index];
    const read = flow.reads[index].filter((name) => flow.data.has(name));
    if (read.length === 0 || !read.every((name) => made.has(name))) continue;
    if (!ACTIVATIONS.has(operator)) continue;
    made.add(outputs[0]);
  }
  return [...made].slice(1);
}
