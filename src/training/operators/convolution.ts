import type { StaticGraph, Value } from '../static-graph.js';
import { convolve } from './blocked-convolution.js';
import type { Call, Family, Operator } from './operator.js';
import { weightGradient } from './weight-gradient.js';
import { type Windows, windowAttributes, windowCounts, windowsOf } from './windows.js';

/** Convolution with stride, padding, dilation and groups, depthwise among them. */

export interface Convolution {
  readonly windows: Windows;
  readonly groups: number;
}

function convolutionOf(call: Call): Convolution {
  const weights = call.input(1).dims;
  if (weights.length !== 4) call.refuse(`expected weights of 4 axes, found ${weights.length}`);
  const windows = windowsOf(call, [weights[2], weights[3]]);
  return { windows, groups: call.integer('group', 1) };
}

/**
 * Kernels turned about, and with inputs and outputs exchanged within each group: convolved with these, the
 * gradient of the output becomes that of the input (stride 1).
 */
function turned(graph: StaticGraph, weights: Value, groups: number): Value {
  const [outputs, each, height, width] = weights.dims;
  const taps = height * width;
  const split = graph.reshape(weights, [groups, outputs / groups, each, taps]);
  const exchanged = graph.transpose(split, [0, 2, 1, 3]);
  const flat = graph.reshape(exchanged, [groups * each * (outputs / groups), taps]);
  const dims = [groups * each, outputs / groups, height, width];
  if (taps === 1) return graph.reshape(flat, dims);
  // A product with a turned identity is several times as quick as a Slice with negative steps.
  const turn = Array.from({ length: taps * taps }, (_, i) =>
    Math.floor(i / taps) + (i % taps) === taps - 1 ? 1 : 0,
  );
  const product = graph.emit('MatMul', [flat, graph.constant([taps, taps], turn)], flat.dims);
  return graph.reshape(product, dims);
}

function inputGradient(
  graph: StaticGraph,
  call: Call,
  gradient: Value,
  { windows, groups }: Convolution,
): Value {
  const [input, weights] = [call.input(0), call.input(1)];
  const { kernel, strides, dilations, before, after } = windows;
  const reach = [0, 1].map((axis) => dilations[axis] * (kernel[axis] - 1));
  const single = strides[0] === 1 && strides[1] === 1;
  const inside = reach.every((width, axis) => before[axis] <= width && after[axis] <= width);
  if (single && inside) {
    const pads = (side: Windows['before']) => [reach[0] - side[0], reach[1] - side[1]] as const;
    const around = { ...windows, before: pads(before), after: pads(after) };
    const kernels = turned(graph, weights, groups);
    const { dims } = input;
    return convolve(graph, { input: gradient, weights: kernels, windows: around, groups, dims });
  }
  const rest = [0, 1].map((axis) => {
    const covered = (gradient.dims[2 + axis] - 1) * strides[axis] + reach[axis] + 1;
    return input.dims[2 + axis] + before[axis] + after[axis] - covered;
  });
  return graph.emit('ConvTranspose', [gradient, weights], input.dims, {
    group: { int: groups },
    output_padding: { ints: rest },
    ...windowAttributes(windows),
  });
}

const conv: Operator = {
  shapes(call) {
    const { windows } = convolutionOf(call);
    const [count, , height, width] = call.input(0).dims;
    return [[count, call.input(1).dims[0], ...windowCounts([height, width], windows)]];
  },
  write(call, graph, [output]) {
    const [input, weights] = [call.input(0), call.input(1)];
    const bias = call.inputs[2];
    const [dims] = conv.shapes(call);
    const convolved = { ...convolutionOf(call), input, weights, dims, ...(bias ? { bias } : {}) };
    convolve(graph, convolved, output);
    return true;
  },
  gradients(call, gradient, [ofInput, ofWeights, ofBias], graph) {
    const convolution = convolutionOf(call);
    return [
      ofInput ? inputGradient(graph, call, gradient, convolution) : undefined,
      ofWeights
        ? weightGradient(
            graph,
            { input: call.input(0), weights: call.input(1), gradient },
            convolution,
          )
        : undefined,
      ofBias ? graph.sum(gradient, [0, 2, 3]) : undefined,
    ];
  },
};

export const convolution: Family = { Conv: conv };
