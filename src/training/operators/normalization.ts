import { type StaticGraph, sizeOf, type Value } from '../graph/static-graph.js';
import { blockedAffine, hasBlocksOfPlaces } from './blocked-convolution.js';
import type { Operator, OperatorCall, OperatorFamily, Wanted } from './operator.js';
import { rowProduct } from './row-products.js';

/**
 * Batch normalisation of images, [N, C, …]. With running statistics it is linear in its input; in training
 * mode the statistics are those of the batch, and outputs 1 and 2 of the node.
 */

const EPSILON = 1e-5;

/** Sizes with which a value a channel broadcasts over the input. */
const overChannels = (rank: number, channels: number) =>
  Array.from({ length: rank }, (_, axis) => (axis === 1 ? channels : 1));

/** 1/√(variance + epsilon), a channel. */
function inverseDeviation(graph: StaticGraph, variance: Value, epsilon: number): Value {
  const sum = graph.add(variance, graph.scalar(epsilon));
  return graph.divide(graph.scalar(1), graph.emit('Sqrt', [sum], sum.dims));
}

interface Pieces {
  readonly input: Value;
  readonly gradient: Value;
  readonly scale: Value;
  readonly mean: Value;
  readonly deviation: Value;
}

/** Σ dy and Σ dy·(x − mean)/σ, a channel: the gradients of bias and scale. */
function channelSums(graph: StaticGraph, { input, gradient, mean, deviation }: Pieces) {
  const axes = input.dims.map((_, axis) => axis).filter((axis) => axis !== 1);
  const bias = graph.sum(gradient, axes);
  const products = graph.sum(rowProduct(graph, gradient, input), [0]);
  const centred = graph.subtract(products, graph.multiply(mean, bias));
  return { bias, scale: graph.multiply(centred, deviation) };
}

/**
 * dx = γ/σ·(dy − Σdy/M − (x − mean)/σ²·Σ dy·(x − mean)/M), M values a channel, as a·dy + b·x + c: where places make
 * up no blocks, a and c by the operator of batch normalisation, which passes over the values once.
 */
function trainingGradient(graph: StaticGraph, pieces: Pieces) {
  const { input, gradient, scale, mean, deviation } = pieces;
  const channels = input.dims[1];
  const count = graph.scalar(sizeOf(input.dims) / channels);
  const sums = channelSums(graph, pieces);
  const a = graph.multiply(scale, deviation);
  const share = graph.divide(graph.multiply(a, deviation), count);
  const b = graph.emit('Neg', [graph.multiply(share, sums.scale)], [channels]);
  const offset = graph.divide(graph.multiply(a, sums.bias), count);
  const c = graph.emit('Neg', [graph.add(offset, graph.multiply(b, mean))], [channels]);
  if (hasBlocksOfPlaces(graph, input.dims)) {
    const slope = blockedAffine(graph, input, b);
    return { ...sums, input: blockedAffine(graph, gradient, a, { offset: c, sum: slope }) };
  }
  const none = graph.constant([channels], Array(channels).fill(0));
  const one = graph.constant([channels], Array(channels).fill(1));
  // With an epsilon of 0 and a variance of 1 nothing is divided by.
  const scaled = graph.emit('BatchNormalization', [gradient, a, c, none, one], input.dims, {
    epsilon: { float: 0 },
  });
  const spread = overChannels(input.dims.length, channels);
  const slope = graph.multiply(input, graph.reshape(b, spread));
  return { ...sums, input: graph.add(scaled, slope) };
}

/** Training mode by means, for providers whose operator has none: y, mean and variance of the batch. */
function byMeans(
  graph: StaticGraph,
  call: OperatorCall,
  [y, mean, variance]: readonly string[],
): void {
  const [input, scale, bias] = [call.input(0), call.input(1), call.input(2)];
  const channels = input.dims[1];
  const spread = overChannels(input.dims.length, channels);
  const axes = input.dims.map((_, axis) => axis).filter((axis) => axis !== 1);
  const count = graph.scalar(sizeOf(input.dims) / channels);
  const named = (value: Value, name: string) =>
    graph.emit('Identity', [value], value.dims, {}, '', name);
  const means = named(graph.divide(graph.sum(input, axes), count), mean);
  const centred = graph.subtract(input, graph.reshape(means, spread));
  const squares = graph.sum(graph.multiply(centred, centred), axes);
  const variances = named(graph.divide(squares, count), variance);
  const deviation = inverseDeviation(graph, variances, call.float('epsilon', EPSILON));
  const factor = graph.reshape(graph.multiply(scale, deviation), spread);
  const scaled = graph.multiply(centred, factor);
  named(graph.add(scaled, graph.reshape(bias, spread)), y);
}

const batchNormalization: Operator = {
  shapes(call) {
    const { dims } = call.input(0);
    return call.training ? [dims, [dims[1]], [dims[1]]] : [dims];
  },
  write(call, graph, outputs) {
    if (!call.training || !graph.portable) return false;
    byMeans(graph, call, outputs);
    return true;
  },
  gradients(call, gradient, [ofInput, ofScale, ofBias], graph) {
    const [input, scale] = [call.input(0), call.input(1)];
    const { training } = call;
    const mean = training ? call.outputs[1] : call.input(3);
    const variance = training ? call.outputs[2] : call.input(4);
    const deviation = inverseDeviation(graph, variance, call.float('epsilon', EPSILON));
    const pieces = { input, gradient, scale, mean, deviation };
    if (training) {
      const found = trainingGradient(graph, pieces);
      return [
        ofInput ? found.input : undefined,
        ofScale ? found.scale : undefined,
        ofBias ? found.bias : undefined,
      ];
    }
    const sums = ofScale || ofBias ? channelSums(graph, pieces) : undefined;
    const factor = () =>
      graph.reshape(
        graph.multiply(scale, deviation),
        overChannels(input.dims.length, input.dims[1]),
      );
    return [
      ofInput ? graph.multiply(gradient, factor()) : undefined,
      ofScale ? sums?.scale : undefined,
      ofBias ? sums?.bias : undefined,
    ];
  },
};

/*
 * Normalisations whose statistics are those of one image: of layers, of instances (a channel each) and of groups of
 * channels. They are the same in training and evaluation.
 */

/** A normalisation in sizes in which each statistic is over whole axes. */
interface Normalised {
  /** Sizes of the values. */
  readonly dims: readonly number[];
  /** Axes that the statistics are over. */
  readonly axes: readonly number[];
  /** Sizes in which scale and bias broadcast over the values. */
  readonly scale: readonly number[];
}

/** The mean over axes, kept as 1. */
function mean(graph: StaticGraph, value: Value, axes: readonly number[]): Value {
  const dims = value.dims.map((size, axis) => (axes.includes(axis) ? 1 : size));
  const sum = graph.emit('ReduceSum', [value, graph.integers(axes)], dims);
  return graph.divide(sum, graph.scalar(sizeOf(value.dims) / sizeOf(dims)));
}

/** (x − mean)/σ, and 1/σ. */
function normalise(graph: StaticGraph, value: Value, axes: readonly number[], epsilon: number) {
  const centred = graph.subtract(value, mean(graph, value, axes));
  const variance = mean(graph, graph.multiply(centred, centred), axes);
  const sum = graph.add(variance, graph.scalar(epsilon));
  const root = graph.emit('Sqrt', [sum], sum.dims);
  const inverse = graph.divide(graph.scalar(1), root);
  return { normal: graph.multiply(centred, inverse), inverse };
}

/** dx = (h − mean h − x̂·mean(h·x̂))/σ with h = γ·dy, the gradient of x̂ = (x − mean)/σ. */
function gradientsOf(
  graph: StaticGraph,
  call: OperatorCall,
  given: Value,
  [ofInput, ofScale, ofBias]: Wanted,
  { dims, axes, scale: spread }: Normalised,
): readonly (Value | undefined)[] {
  const input = graph.reshape(call.input(0), dims);
  const gradient = graph.reshape(given, dims);
  const { normal, inverse } = normalise(graph, input, axes, call.float('epsilon', EPSILON));
  const toInput = () => {
    const scale = graph.reshape(call.input(1), spread);
    const own = graph.multiply(gradient, scale);
    const even = graph.subtract(own, mean(graph, own, axes));
    const along = graph.multiply(normal, mean(graph, graph.multiply(own, normal), axes));
    return graph.multiply(graph.subtract(even, along), inverse);
  };
  return [
    ofInput ? toInput() : undefined,
    ofScale ? graph.sumTo(graph.multiply(gradient, normal), spread) : undefined,
    ofBias ? graph.sumTo(gradient, spread) : undefined,
  ];
}

const normalisation = (sizes: (call: OperatorCall) => Normalised): Operator => ({
  shapes: (call) => [call.input(0).dims],
  gradients: (call, gradient, wanted, graph) =>
    gradientsOf(graph, call, gradient, wanted, sizes(call)),
});

function ofLayer(call: OperatorCall): Normalised {
  const { dims } = call.input(0);
  const axis = call.integer('axis', -1);
  const first = axis < 0 ? axis + dims.length : axis;
  const axes = dims.map((_, i) => i).slice(first);
  const { dims: scale } = call.input(1);
  return { dims, axes, scale: [...Array(dims.length - scale.length).fill(1), ...scale] };
}

/** Sizes with channels along one axis alone. */
const alongAxis = (rank: number, axis: number, channels: number) =>
  Array.from({ length: rank }, (_, i) => (i === axis ? channels : 1));

function ofInstance(call: OperatorCall): Normalised {
  const { dims } = call.input(0);
  const axes = dims.map((_, i) => i).slice(2);
  return { dims, axes, scale: alongAxis(dims.length, 1, dims[1]) };
}

/** Scale and bias are a number a channel, in operator sets before 21 a number a group. */
function ofGroups(call: OperatorCall): Normalised {
  const [count, channels, ...places] = call.input(0).dims;
  const groups = call.integer('num_groups', 1);
  const each = channels / groups;
  const dims = [count, groups, each, sizeOf(places)];
  const aChannel = call.input(1).dims[0] === channels;
  return { dims, axes: [2, 3], scale: [1, groups, aChannel ? each : 1, 1] };
}

export const normalization: OperatorFamily = {
  BatchNormalization: batchNormalization,
  LayerNormalization: normalisation(ofLayer),
  InstanceNormalization: normalisation(ofInstance),
  GroupNormalization: normalisation(ofGroups),
};
