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

export const convolution: OperatorFamily = { Conv: conv };
