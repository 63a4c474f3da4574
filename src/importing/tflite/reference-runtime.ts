import type { Tensor } from '../../runtime/session.js';
import { valueText } from '../keras/refusals.js';
import type { SourceRuntime } from '../source/imported.js';
import type { Constants } from './constants.js';
import type { Step } from './operator-options.js';
import * as kernels from './reference-kernels.js';
import type { TfliteNetwork, TfliteTensor } from './tflite-file.js';
import { heldRange, rangeOf, stepsOf } from './value-range.js';

/** Multiplications above which a network is not run for the proof: minutes of float64 in JavaScript. */
const MOST_PRODUCTS = 2 ** 35;
/** Elements of all values together. */
const MOST_ELEMENTS = 2 ** 27;

/** What the reference computes. */
interface Reference {
  readonly steps: readonly Step[];
  readonly constants: Constants;
  /** Index of the input. */
  readonly input: number;
}

/**
 * The network as the file defines it, computed in float64 by kernels that share nothing with the ONNX graph but the
 * reading of the file; undefined for a network that would take too long. Where the source rounds its values to
 * 8 bits it is run a second time with that rounding, and the remark says what it changes.
 */
export function referenceRuntime(
  network: TfliteNetwork,
  reference: Reference,
): SourceRuntime | undefined {
  if (!isFeasible(network, reference)) return undefined;
  const { tensors } = network;
  const remarks: string[] = [];
  return {
    name: 'a float64 evaluation of the TensorFlow Lite file',
    dims: [1, ...tensors[reference.input].shape.slice(1)],
    async *run(input) {
      const last = reference.steps.at(-1)?.output;
      let result: kernels.Plane | undefined;
      for (const { index, value } of evaluate(network, reference, input, false)) {
        yield { layer: tensors[index].name, output: tensorOf(value) };
        if (index === last) result = value;
      }
      if (result === undefined || !reference.steps.some(({ result: to }) => stepsOf(to))) return;
      for (const { index, value } of evaluate(network, reference, input, true))
        if (index === last) remarks.push(roundingRemark(tensors[index].name, result, value));
    },
    remarks: () => remarks,
    async close() {},
  };
}

const tensorOf = ({ shape, data }: kernels.Plane): Tensor => ({
  dtype: 'float64',
  dims: [1, ...shape],
  data,
});

function isFeasible({ tensors }: TfliteNetwork, { steps }: Reference): boolean {
  const count = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1);
  let [elements, products] = [0, 0];
  for (const { result, operator, inputs } of steps) {
    const own = count(result.shape.slice(1));
    elements += own;
    const weights = inputs[1] === undefined ? [] : tensors[inputs[1]].shape;
    if (['CONV_2D', 'FULLY_CONNECTED'].includes(operator))
      products += own * count(weights.slice(1));
    else if (operator === 'DEPTHWISE_CONV_2D') products += own * count(weights.slice(1, 3));
    else products += own * 64;
  }
  return elements <= MOST_ELEMENTS && products <= MOST_PRODUCTS;
}

/** Evaluates the steps in order. */
function* evaluate(
  { tensors }: TfliteNetwork,
  { steps, constants, input }: Reference,
  image: Tensor,
  rounded: boolean,
): Generator<{ index: number; value: kernels.Plane }> {
  const values = new Map<number, kernels.Plane>();
  const keep = (index: number, plane: kernels.Plane): kernels.Plane => {
    const value = rounded ? roundedTo(plane, tensors[index]) : plane;
    values.set(index, value);
    return value;
  };
  const data = Float64Array.from(image.data as Float32Array);
  keep(input, { shape: tensors[input].shape.slice(1), data });
  for (const step of steps) {
    const planes = step.inputs.map((index) => {
      if (index === undefined) return undefined;
      const constant = constants.get(index);
      return values.get(index) ?? (constant && { shape: constant.dims, data: constant.data });
    });
    const value = keep(step.output, finished(step, computed(step, planes)));
    yield { index: step.output, value };
  }
}

/** A step's result, its fused activation and its saturation included. */
function finished(step: Step, { shape, data }: kernels.Plane): kernels.Plane {
  const activation = step.activation();
  const own = ['SOFTMAX', 'LOGISTIC', 'TANH'].includes(step.operator)
    ? undefined
    : rangeOf(step.result);
  const [least, most] = heldRange(activation, own);
  const active = activation === 'tanh' ? data.map(Math.tanh) : data;
  return { shape, data: active.map((value) => Math.min(Math.max(value, least), most)) };
}

/** The nearest value that the tensor's integers can have. */
function roundedTo(plane: kernels.Plane, tensor: TfliteTensor): kernels.Plane {
  const steps = stepsOf(tensor);
  if (steps === undefined) return plane;
  const { scale, zeroPoint, integers } = steps;
  const round = (value: number) => {
    const integer = Math.round(value / scale) + zeroPoint;
    return scale * (Math.min(Math.max(integer, integers[0]), integers[1]) - zeroPoint);
  };
  return { shape: plane.shape, data: plane.data.map(round) };
}

function roundingRemark(layer: string, exact: kernels.Plane, rounded: kernels.Plane): string {
  const apart = exact.data.reduce((most, x, i) => Math.max(most, Math.abs(x - rounded.data[i])), 0);
  const largest = exact.data.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  return `rounded to 8 bits as in the source, ${valueText(layer)} differs by at most ${apart.toPrecision(2)} on a test image (its largest value is ${largest.toPrecision(2)})`;
}

const functions: Readonly<Record<string, (x: number) => number>> = {
  RELU: (x) => Math.max(x, 0),
  RELU6: (x) => Math.min(Math.max(x, 0), 6),
  RELU_N1_TO_1: (x) => Math.min(Math.max(x, -1), 1),
  LOGISTIC: (x) => 1 / (1 + Math.exp(-x)),
  TANH: Math.tanh,
  HARD_SWISH: (x) => (x * Math.min(Math.max(x + 3, 0), 6)) / 6,
};

const pairs: Readonly<Record<string, (x: number, y: number) => number>> = {
  ADD: (x, y) => x + y,
  SUB: (x, y) => x - y,
  MUL: (x, y) => x * y,
  DIV: (x, y) => x / y,
  MAXIMUM: Math.max,
  MINIMUM: Math.min,
};

/** One operator; the translation has checked its inputs already. */
function computed(step: Step, planes: readonly (kernels.Plane | undefined)[]): kernels.Plane {
  const [a, b, c] = planes as kernels.Plane[];
  const { operator } = step;
  const shape = step.result.shape.slice(1);
  if (functions[operator]) return { shape, data: a.data.map(functions[operator]) };
  if (pairs[operator]) return kernels.pairwise(a, b, shape, pairs[operator]);
  switch (operator) {
    case 'CONV_2D':
      return kernels.conv(a, b, c?.data, step.convolution());
    case 'DEPTHWISE_CONV_2D':
      return kernels.depthwiseConv(a, b, c?.data, step.convolution());
    case 'FULLY_CONNECTED':
      return kernels.fullyConnected(a, b, c?.data, shape);
    case 'AVERAGE_POOL_2D':
      return kernels.pool(a, step.pooling(), 'mean');
    case 'MAX_POOL_2D':
      return kernels.pool(a, step.pooling(), 'max');
    case 'MEAN':
      return kernels.mean(a, axesOf(a, b), shape);
    case 'PAD':
    case 'PADV2':
      return kernels.pad(
        a,
        a.shape.map((_, at) => b.data[2 * at + 2]),
        shape,
        c?.data[0] ?? 0,
      );
    case 'CONCATENATION': {
      const axis = step.joinedAxis();
      const own = axis < 0 ? axis + shape.length + 1 : axis;
      return kernels.concatenate(planes as kernels.Plane[], own, shape);
    }
    case 'SOFTMAX':
      return kernels.softmaxOf(a);
    case 'LEAKY_RELU': {
      const slope = step.slope();
      return { shape, data: a.data.map((x) => (x < 0 ? slope * x : x)) };
    }
    default:
      // RESHAPE, SQUEEZE, EXPAND_DIMS, QUANTIZE, DEQUANTIZE
      return { shape, data: a.data };
  }
}

const axesOf = (value: kernels.Plane, axes: kernels.Plane): number[] =>
  [...axes.data].map((axis) => (axis < 0 ? axis + value.shape.length + 1 : axis));
