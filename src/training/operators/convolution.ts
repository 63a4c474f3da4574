import type { Value } from '../graph/static-graph.js';
import { convolve, toBlocks } from './blocked-convolution.js';
import type { Convolution } from './convolution-types.js';
import { inputGradient } from './input-gradient.js';
import type { Operator, OperatorCall, OperatorFamily } from './operator.js';
import { weightGradient } from './weight-gradient.js';
import { windowCounts, windowsOf } from './windows.js';

function convolutionOf(call: OperatorCall): Convolution {
  const weights = call.input(1).dims;
  if (weights.length !== 4) call.refuse(`expected weights of 4 axes, found ${weights.length}`);
  const windows = windowsOf(call, [weights[2], weights[3]]);
  return { windows, groups: call.integer('group', 1) };
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
    convolve(graph, [input, weights, bias], convolutionOf(call), dims, output);
    return true;
  },
  gradients(call, gradient, [ofInput, ofWeights, ofBias], graph) {
    const convolution = convolutionOf(call);
    const [input, weights] = [call.input(0), call.input(1)];
    let known: Value | undefined;
    const blocks = () => {
      known ??= toBlocks(graph, gradient);
      return known;
    };
    const parts = { input, weights, gradient, blocks };
    return [
      ofInput ? inputGradient(graph, parts, convolution) : undefined,
      ofWeights ? weightGradient(graph, parts, convolution) : undefined,
      ofBias ? graph.sum(gradient, [0, 2, 3]) : undefined,
    ];
  },
};

/**
 * The sizes of a transposed convolution's result.
 * @throws VentralError `training-unsupported` where its padding is not written out
 */
function spreadDims(call: OperatorCall): readonly number[] {
  const { windows, groups } = convolutionOf(call);
  const { kernel, strides, dilations, before, after } = windows;
  if ((call.text('auto_pad') ?? 'NOTSET') !== 'NOTSET' || call.integers('output_shape'))
    call.refuse('padding that is not written out is not known here');
  const more = call.integers('output_padding') ?? [0, 0];
  const [count, , ...places] = call.input(0).dims;
  const sizes = places.map((size, axis) => {
    if (more[axis] >= strides[axis]) call.refuse('more padding than a stride is not known here');
    const reach = dilations[axis] * (kernel[axis] - 1) + 1;
    return strides[axis] * (size - 1) + reach + more[axis] - before[axis] - after[axis];
  });
  return [count, call.input(1).dims[1] * groups, ...sizes];
}

/** A convolution the other way round: its gradient is the convolution, of which it is the gradient. */
const convTranspose: Operator = {
  shapes: (call) => [spreadDims(call)],
  gradients(call, gradient, [ofInput, ofWeights, ofBias], graph) {
    const convolution = convolutionOf(call);
    const [input, weights] = [call.input(0), call.input(1)];
    const parts = { input: gradient, weights, gradient: input };
    const blocks = () => toBlocks(graph, input);
    return [
      ofInput ? convolve(graph, [gradient, weights], convolution, input.dims) : undefined,
      ofWeights ? weightGradient(graph, { ...parts, blocks }, convolution) : undefined,
      ofBias ? graph.sum(gradient, [0, 2, 3]) : undefined,
    ];
  },
};

export const convolution: OperatorFamily = { Conv: conv, ConvTranspose: convTranspose };
