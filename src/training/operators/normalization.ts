import { type StaticGraph, sizeOf, type Value } from '../graph/static-graph.js';
import { blockedAffine, hasBlocksOfPlaces } from './blocked-convolution.js';
import type { Operator, OperatorCall, OperatorFamily } from './operator.js';
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

export const normalization: OperatorFamily = { BatchNormalization: batchNormalization };
