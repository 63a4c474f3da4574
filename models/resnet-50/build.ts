import { gains, ModuleGraph } from '../module-graph.js';

const EPSILON = 1e-5;
const CLASSES = 1000;
const STEM = 64;
/** A bottleneck's output is four times as wide as its middle. */
const EXPANSION = 4;
/** Blocks and middle channels of `layer1` to `layer4` (He et al. 2016). */
const LAYERS = [
  [3, 64],
  [4, 128],
  [6, 256],
  [3, 512],
] as const;

/**
 * ResNet-50 as torchvision has it (the stride stands in the 3 × 3 convolution), N × 3 × any height ×
 * any width to `logits` N × 1000, 25,557,032 parameters. `relu` of a block is one module that is called
 * three times: as a layer it means the last call, the block's output. Weights are random
 * ({@link ModuleGraph}) until real ones are put in under the keys of the state dict.
 */
export function build(): Uint8Array {
  const graph = new ModuleGraph('resnet-50');
  let value = stem(graph);
  let from = STEM;
  // Mean square of the value, for weights that keep it near 1 although batch norms do nothing yet;
  // the pooling takes the largest of nine, which about doubles it.
  let power = 2;
  LAYERS.forEach(([repeats, middle], layer) => {
    for (let index = 0; index < repeats; index++) {
      const stride = index === 0 && layer > 0 ? 2 : 1;
      const block = { from, middle, stride, power, downsample: index === 0 };
      value = bottleneck(graph, `layer${layer + 1}.${index}`, value, block);
      power = block.downsample ? 1 : power + 1;
      from = middle * EXPANSION;
    }
  });
  value = graph.node('avgpool', 'GlobalAveragePool', [value]);
  value = graph.node('', 'Flatten', [value], { axis: { int: 1 } });
  graph.linear('fc', value, { from, to: CLASSES, output: 'logits' });
  return graph.build();
}

function stem(graph: ModuleGraph): string {
  const convolution = { from: 3, to: STEM, kernel: 7, stride: 2, gain: gains.linear };
  const convolved = graph.conv('conv1', graph.image(), convolution);
  const rectified = graph.node('relu', 'Relu', [graph.batchNorm('bn1', convolved, STEM, EPSILON)]);
  return graph.node('maxpool', 'MaxPool', [rectified], {
    ceil_mode: { int: 0 },
    kernel_shape: { ints: [3, 3] },
    pads: { ints: [1, 1, 1, 1] },
    strides: { ints: [2, 2] },
  });
}

interface Block {
  readonly from: number;
  /** Channels between the two 1 × 1 convolutions. */
  readonly middle: number;
  readonly stride: number;
  /** Mean square of the input. */
  readonly power: number;
  /** Whether the shortcut is a convolution. */
  readonly downsample: boolean;
}

function bottleneck(graph: ModuleGraph, path: string, input: string, block: Block): string {
  const { from, middle, stride, power, downsample } = block;
  const to = middle * EXPANSION;
  const norm = (name: string, value: string, channels: number) =>
    graph.batchNorm(`${path}.${name}`, value, channels, EPSILON);
  const first = { from, to: middle, kernel: 1, gain: gains.linear / power };
  let value = norm('bn1', graph.conv(`${path}.conv1`, input, first), middle);
  value = graph.node(`${path}.relu`, 'Relu', [value]);
  const second = { from: middle, to: middle, kernel: 3, stride, gain: gains.relu };
  value = norm('bn2', graph.conv(`${path}.conv2`, value, second), middle);
  value = graph.node(`${path}.relu_1`, 'Relu', [value]);
  const third = { from: middle, to, kernel: 1, gain: gains.relu };
  value = norm('bn3', graph.conv(`${path}.conv3`, value, third), to);
  let shortcut = input;
  if (downsample) {
    const convolution = { from, to, kernel: 1, stride, gain: gains.linear / power };
    shortcut = graph.conv(`${path}.downsample.0`, input, convolution);
    shortcut = norm('downsample.1', shortcut, to);
  }
  return graph.node(`${path}.relu_2`, 'Relu', [graph.node(path, 'Add', [value, shortcut])]);
}
