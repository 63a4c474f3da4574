import { gains, ModuleGraph } from '../module-graph.js';

const EPSILON = 1e-5;
const CLASSES = 10;
const STEM = 16;
/** Channels of `layer1` to `layer3`, three blocks each (He et al. 2016, section 4.2). */
const LAYERS = [16, 32, 64];
const REPEATS = 3;

/**
 * ResNet-20 for CIFAR-10 as github.com/akamaster/pytorch_resnet_cifar10 has it, under its module names:
 * N × 3 × any height × any width (32 × 32 in CIFAR) to `logits` N × 10, 269,722 parameters. Shortcuts
 * have no weights (the paper's option A): every second pixel, and channels of zeros on both sides.
 * Weights are random ({@link ModuleGraph}) until real ones are put in under the keys of the state dict.
 */
export function build(): Uint8Array {
  const graph = new ModuleGraph('resnet-20');
  const stem = { from: 3, to: STEM, kernel: 3, gain: gains.linear };
  let value = graph.batchNorm('bn1', graph.conv('conv1', graph.image(), stem), STEM, EPSILON);
  value = graph.node('relu', 'Relu', [value]);
  let from = STEM;
  // Mean square of the value, for weights that keep it near 1 although batch norms do nothing yet.
  let power = 0.5;
  LAYERS.forEach((to, layer) => {
    for (let index = 0; index < REPEATS; index++) {
      const stride = index === 0 && layer > 0 ? 2 : 1;
      value = block(graph, `layer${layer + 1}.${index}`, value, { from, to, stride, power });
      power += 1;
      from = to;
    }
  });
  value = graph.node('avgpool', 'GlobalAveragePool', [value]);
  value = graph.node('', 'Flatten', [value], { axis: { int: 1 } });
  graph.linear('linear', value, { from, to: CLASSES, output: 'logits' });
  return graph.build();
}

interface Block {
  readonly from: number;
  readonly to: number;
  readonly stride: number;
  /** Mean square of the input. */
  readonly power: number;
}

function block(graph: ModuleGraph, path: string, input: string, block: Block): string {
  const { from, to, stride, power } = block;
  const first = { from, to, kernel: 3, stride, gain: gains.linear / power };
  let value = graph.conv(`${path}.conv1`, input, first);
  value = graph.node(`${path}.relu`, 'Relu', [graph.batchNorm(`${path}.bn1`, value, to, EPSILON)]);
  const second = { from: to, to, kernel: 3, gain: gains.relu };
  value = graph.batchNorm(`${path}.bn2`, graph.conv(`${path}.conv2`, value, second), to, EPSILON);
  const short = stride === 1 ? input : shortcut(graph, `${path}.shortcut`, input, to);
  return graph.node(path, 'Relu', [graph.node(path, 'Add', [value, short])]);
}

/** Every second pixel of both axes, between as many channels of zeros as make `to`. */
function shortcut(graph: ModuleGraph, path: string, input: string, to: number): string {
  const integers = (name: string, values: number[]) => graph.integers(`/${path}/${name}`, values);
  const sliced = graph.node(path, 'Slice', [
    input,
    integers('starts', [0, 0]),
    integers('ends', [2 ** 31, 2 ** 31]),
    integers('axes', [2, 3]),
    integers('steps', [2, 2]),
  ]);
  const side = to / 4;
  return graph.node(path, 'Pad', [sliced, integers('pads', [0, side, 0, 0, 0, side, 0, 0])]);
}
