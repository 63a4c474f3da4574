import { GraphBuilder } from '../../src/onnx/graph-builder.js';

const CHANNELS = 4;
const WIDTH = 6;

const numbers = (count: number, step: number) =>
  Float32Array.from({ length: count }, (_, i) => (((i * step) % 11) - 5) / 8);

function imageTower(graph: GraphBuilder, image: string): string {
  graph.initializer('visual.conv.weight', [CHANNELS, 3, 3, 3], numbers(CHANNELS * 27, 7));
  graph.initializer('visual.proj.weight', [CHANNELS, WIDTH], numbers(CHANNELS * WIDTH, 3));
  const names = (path: string, operator: string) => ({
    name: `/visual/${path}/${operator}`,
    outputs: [`/visual/${path}/${operator}_output_0`],
  });
  const conv = graph.node('Conv', [image, 'visual.conv.weight'], names('conv', 'Conv'));
  const relu = graph.node('Relu', [conv], names('act', 'Relu'));
  const pool = graph.node('GlobalAveragePool', [relu], names('pool', 'GlobalAveragePool'));
  const flat = graph.node('Flatten', [pool], names('flatten', 'Flatten'));
  return graph.node('MatMul', [flat, 'visual.proj.weight'], names('proj', 'MatMul'));
}

/** The vision tower of {@link twoTowers}, exported alone. */
export function visionTower(): GraphBuilder {
  const graph = new GraphBuilder('tower');
  graph.output(imageTower(graph, graph.input('pixel_values', 'float32', ['N', 3, 'H', 'W'])));
  return graph;
}

/**
 * An image and a text that meet in a product, as a combined export of CLIP: the text's tower stands first, the image is
 * the second of three inputs. The module `meeting` begins with what depends on the image alone.
 * @param second what else has the axes of an image
 */
export function twoTowers(second?: 'float32'): GraphBuilder {
  const graph = new GraphBuilder('towers');
  graph.input('input_ids', 'int64', ['M', 7]);
  const image = graph.input('pixel_values', 'float32', ['N', 3, 'H', 'W']);
  graph.input('attention_mask', 'float32', ['M', 7, 1]);
  if (second) graph.input('depth', second, ['N', 3, 'H', 'W']);
  graph.initializer('text.embedding.weight', [5, WIDTH], numbers(5 * WIDTH, 5));
  const words = graph.node('Gather', ['text.embedding.weight', 'input_ids'], {
    ...{ name: '/text/embedding/Gather', outputs: ['/text/embedding/Gather_output_0'] },
  });
  const masked = graph.node('Mul', [words, 'attention_mask'], {
    ...{ name: '/text/Mul', outputs: ['/text/Mul_output_0'] },
  });
  const text = graph.node('ReduceMean', [masked], {
    ...{ name: '/text/pool/ReduceMean', outputs: ['/text/pool/ReduceMean_output_0'] },
    attributes: { axes: { ints: [1] }, keepdims: { int: 0 } },
  });
  const seen = imageTower(graph, image);
  const scaled = graph.node('Relu', [seen], {
    ...{ name: '/meeting/Relu', outputs: ['/meeting/Relu_output_0'] },
  });
  const turned = graph.node('Transpose', [text], { attributes: { perm: { ints: [1, 0] } } });
  graph.node('MatMul', [scaled, turned], { name: '/meeting/MatMul', outputs: ['logits'] });
  graph.output('logits', 'float32', ['N', 'M']);
  graph.output(seen);
  return graph;
}
