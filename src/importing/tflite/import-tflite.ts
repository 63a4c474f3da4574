import { present } from '../../formats/present.js';
import { activated } from '../keras/activations.js';
import {
  NetworkGraph,
  toChannelsFirst,
  toChannelsLast,
  type Value,
} from '../keras/network-graph.js';
import { clipped, cropped } from '../keras/operations.js';
import { invalidPart } from '../keras/refusals.js';
import type { Imported, MatchedLayer } from '../source/imported.js';
import { Constants } from './constants.js';
import { Step } from './operator-options.js';
import { referenceRuntime } from './reference-runtime.js';
import { readTflite, type TfliteNetwork, type TfliteTensor } from './tflite-file.js';
import { translateStep } from './translate-step.js';
import { heldRange, type Range, rangeOf, stepsOf } from './value-range.js';

/** Classes of TensorFlow's ImageNet networks: a "background" before the 1000. */
const WITH_BACKGROUND = 1001;

/** Operators whose results stay within the range of what they take. */
const withinInputs = new Set([
  ...['RESHAPE', 'SQUEEZE', 'EXPAND_DIMS', 'MAX_POOL_2D', 'AVERAGE_POOL_2D', 'MEAN', 'PAD'],
  ...['CONCATENATION', 'MAXIMUM', 'MINIMUM', 'QUANTIZE', 'DEQUANTIZE'],
]);

/** Operators whose results have a range of their own, which the format prescribes. */
const bounded = new Set(['SOFTMAX', 'LOGISTIC', 'TANH']);

/**
 * Imports a network of TensorFlow Lite, in floating point or quantised. Every operator that the outputs need
 * becomes a module under the name of its result. Quantised weights become scale × (q − zero point); values are held
 * in the range in which the quantised network saturates, but not rounded to its steps.
 * @throws VentralError `checkpoint-invalid`, `import-unsupported`, `file-missing`
 */
export async function importTflite(path: string): Promise<Imported> {
  const network = await readTflite(path);
  return importNetwork(network);
}

/** {@link importTflite} of a network that was read. */
export async function importNetwork(network: TfliteNetwork): Promise<Imported> {
  const constants = new Constants(network);
  const steps = neededSteps(network, constants);
  const start = inputOf(network);
  const graph = new NetworkGraph(network.file);
  const values = new Map<number, Value>();
  graph.begin(start.tensor.name, 'input');
  const sizes = start.tensor.shape.slice(1);
  const input = graph.input(start.tensor.name, sizes, sizes.length === 3);
  values.set(start.index, input);
  for (const step of steps)
    values.set(step.output, translated(network, graph, step, values, constants));
  const outputs = network.outputs.flatMap((index) => values.get(index) ?? []);
  if (outputs.length === 0 || outputs.some(({ name }) => name === input.name))
    throw invalidPart(network.file, 'outputs', 'values that are computed', 'others');
  const logits = withoutBackground(network, graph, steps, values);
  const layers = steps.map((step) => matched(step.result.name, values.get(step.output) as Value));
  const source = referenceRuntime(network, { steps, constants, input: start.index });
  return {
    model: graph.build([...outputs, ...(logits ? [logits] : [])]),
    layers,
    ...present({ source, normalizer: normalizerOf(start.tensor) }),
    ...(input.moved && { inputAxes: toChannelsLast }),
    notes: notesOf(network, steps, logits !== undefined),
  };
}

const matched = (layer: string, { name, moved }: Value): MatchedLayer => ({
  layer,
  value: name,
  ...(moved ? { axes: toChannelsFirst } : {}),
});

/** Inputs of an operator that have to be computed: a shape, of which the result says the same, does not. */
const computedInputs = ({ operator, inputs }: Step) =>
  ['RESHAPE', 'SQUEEZE', 'EXPAND_DIMS'].includes(operator) ? inputs.slice(0, 1) : inputs;

/** The operators that the outputs need, in order; those that only unpack constants are left out. */
function neededSteps(network: TfliteNetwork, constants: Constants): Step[] {
  const all = network.operators.map((operator) => new Step(network, operator));
  const wanted = new Set(network.outputs);
  const needed: Step[] = [];
  for (const step of all) {
    const [from] = step.inputs;
    if (step.operator === 'DEQUANTIZE' && from !== undefined) constants.alias(step.output, from);
  }
  for (const step of all.reverse()) {
    if (!step.makes(wanted) || constants.get(step.output) !== undefined) continue;
    needed.push(step);
    for (const index of computedInputs(step)) if (index !== undefined) wanted.add(index);
  }
  return needed.reverse();
}

function inputOf({ file, inputs, tensors }: TfliteNetwork): {
  index: number;
  tensor: TfliteTensor;
} {
  const [index] = inputs;
  if (index === undefined || inputs.length !== 1)
    throw invalidPart(file, 'inputs', 'one input for images', `${inputs.length}`);
  const tensor = tensors[index];
  const { shape, type } = tensor;
  const fits = shape.length >= 2 && shape.every((size) => size >= 1 && size <= 65_536);
  if (fits && ['float32', 'uint8', 'int8', 'int16'].includes(type)) return { index, tensor };
  throw invalidPart(file, 'the input', 'a batch of images', `${type} [${shape.join(', ')}]`);
}

function translated(
  { file, tensors }: TfliteNetwork,
  graph: NetworkGraph,
  step: Step,
  values: ReadonlyMap<number, Value>,
  constants: Constants,
): Value {
  graph.begin(step.result.name, step.operator);
  const plain = translateStep({ graph, step, values, constants });
  const activation = step.activation();
  const active = activation === 'tanh' ? activated(graph, plain, 'tanh', 3) : plain;
  const given = step.inputs.flatMap((at) =>
    at !== undefined && values.has(at) ? [rangeOf(tensors[at])] : [],
  );
  const own = saturation(step, given);
  const [least, most] = heldRange(activation, own);
  const value = graph.finish(held(graph, active, least, most));
  const [, ...declared] = step.result.shape;
  if (`${declared}` === `${value.shape}`) return value;
  throw invalidPart(file, `the shape of ${step.result.name}`, value.shape.join(' × '), declared);
}

/** Where a quantised result saturates; undefined where it cannot. */
function saturation(step: Step, given: readonly (Range | undefined)[]): Range | undefined {
  const own = rangeOf(step.result);
  const alike = given.every((range) => `${range}` === `${own}`);
  const stays = bounded.has(step.operator) || (withinInputs.has(step.operator) && alike);
  return stays ? undefined : own;
}

function held(graph: NetworkGraph, value: Value, least: number, most: number): Value {
  const [low, high] = [least, most].map((limit) => (Number.isFinite(limit) ? limit : undefined));
  return low === undefined && high === undefined ? value : clipped(graph, value, low, high);
}

/** A layer `logits` of the 1000 classes that everybody else has, of a network with a background before them. */
function withoutBackground(
  { tensors, outputs }: TfliteNetwork,
  graph: NetworkGraph,
  steps: readonly Step[],
  values: ReadonlyMap<number, Value>,
): Value | undefined {
  const last = steps.find(({ output }) => output === outputs[0]);
  const index = last?.operator === 'SOFTMAX' ? last.inputs[0] : last?.output;
  const value = index === undefined ? undefined : values.get(index);
  const taken = tensors.some(({ name }) => name === 'logits');
  if (taken || value?.shape.length !== 1 || value.shape[0] !== WITH_BACKGROUND) return undefined;
  graph.begin('logits', 'without background');
  return graph.finish(cropped(graph, value, [[1, 0]]));
}

/** Bytes of an image are what a uint8 input holds: (pixel / 255 − mean) / std is its number. */
function normalizerOf(input: TfliteTensor): Imported['normalizer'] {
  const steps = stepsOf(input);
  if (steps === undefined || input.type !== 'uint8') return undefined;
  const three = (value: number) => [value, value, value];
  return { mean: three(steps.zeroPoint / 255), std: three(1 / (255 * steps.scale)) };
}

function notesOf({ tensors }: TfliteNetwork, steps: readonly Step[], logits: boolean): string[] {
  const used = new Set(steps.flatMap(({ inputs }) => inputs));
  const isQuantised = ({ quantization, type }: TfliteTensor) =>
    quantization !== undefined && ['uint8', 'int8'].includes(type);
  const weights = tensors.filter((one, i) => used.has(i) && one.data && isQuantised(one)).length;
  const rounded = steps.filter(({ result }) => stepsOf(result) !== undefined).length;
  return [
    ...(weights > 0
      ? [`${weights} tensors of 8-bit weights are written in float32, as scale × (q − zero point)`]
      : []),
    ...(rounded > 0
      ? [
          `the source rounds ${rounded} values to 8 bits; the imported network computes them in float32 and holds them in the ranges of the source`,
        ]
      : []),
    ...(logits
      ? [
          'the first of the 1001 classes is TensorFlow’s background: the layer logits has the 1000 others',
        ]
      : []),
  ];
}
