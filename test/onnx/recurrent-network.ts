import { GraphBuilder } from '../../src/onnx/graph-builder.js';

const CHANNELS = 4;

const numbers = (count: number, step: number) =>
  Float32Array.from({ length: count }, (_, i) => (((i * step) % 11) - 5) / 16);

/**
 * A network as CORnet has them, unrolled: the block `V1` once, the block `IT` in `steps` of one convolution, and a decoder. Each
 * block ends with an identity `output`, which leaves no node.
 * @param side of the image
 */
export function recurrentNetwork(steps = 3, side: number | string = 'S'): GraphBuilder {
  const graph = new GraphBuilder('recurrent');
  const image = graph.input('image', 'float32', ['N', 3, side, side]);
  graph.initializer('V1.conv.weight', [CHANNELS, 3, 3, 3], numbers(CHANNELS * 27, 7));
  graph.initializer('IT.conv.weight', [CHANNELS, CHANNELS, 3, 3], numbers(CHANNELS ** 2 * 9, 5));
  graph.initializer('decoder.linear.weight', [2, CHANNELS], numbers(2 * CHANNELS, 3));
  const node = (path: string, operator: string, inputs: readonly string[], pads = false) =>
    graph.node(operator, inputs, {
      name: `/${path}/${operator}`,
      outputs: [`/${path}/${operator}_output_0`],
      ...(pads && { attributes: { pads: { ints: [1, 1, 1, 1] } } }),
    });
  let value = node('V1/nonlin', 'Relu', [node('V1/conv', 'Conv', [image, 'V1.conv.weight'], true)]);
  for (let step = 0; step < steps; step++) {
    const call = step === 0 ? '' : `_${step}`;
    const conv = node(`IT/conv${call}`, 'Conv', [value, 'IT.conv.weight'], true);
    const sum = graph.node('Add', [conv, value], {
      ...{ name: `/IT/Add${call}`, outputs: [`/IT/Add${call}_output_0`] },
    });
    value = node(`IT/nonlin${call}`, 'Relu', [sum]);
  }
  const pool = node('decoder/avgpool', 'GlobalAveragePool', [value]);
  const flat = node('decoder/flatten', 'Flatten', [pool]);
  const logits = graph.node('Gemm', [flat, 'decoder.linear.weight'], {
    ...{ name: '/decoder/linear/Gemm', outputs: ['logits'] },
    attributes: { transB: { int: 1 } },
  });
  graph.output(logits, 'float32', ['N', 2]);
  return graph;
}
