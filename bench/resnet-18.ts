import { gains, ModuleGraph } from '../models/module-graph.js';

const EPSILON = 1e-5;
const CLASSES = 10;
const CHANNELS = [64, 128, 256, 512];
const BLOCKS = 2;

/**
 * ResNet-18 as it is trained on CIFAR (kuangliu/pytorch-cifar): a 3 × 3 stem without pooling, four layers of two
 * basic blocks, 11,173,962 parameters. To measure with; its weights are random.
 */
export function resnet18(): Uint8Array {
  const graph = new ModuleGraph('resnet-18');
  const stem = { from: 3, to: CHANNELS[0], kernel: 3, gain: gains.linear };
  let value = graph.conv('conv1', graph.image(), stem);
  value = graph.node('relu', 'Relu', [graph.batchNorm('bn1', value, CHANNELS[0], EPSILON)]);
  let from = CHANNELS[0];
  CHANNELS.forEach((to, layer) => {
    for (let index = 0; index < BLOCKS; index++) {
      const stride = index === 0 && layer > 0 ? 2 : 1;
      value = basicBlock(graph, `layer${layer + 1}.${index}`, value, { from, to, stride });
      from = to;
    }
  });
  value = graph.node('avgpool', 'GlobalAveragePool', [value]);
  value = graph.node('', 'Flatten', [value], { axis: { int: 1 } });
  graph.linear('fc', value, { from, to: CLASSES, output: 'logits' });
  return graph.build();
}

function basicBlock(
  graph: ModuleGraph,
  path: string,
  input: string,
  { from, to, stride }: { from: number; to: number; stride: number },
): string {
  const normed = (conv: string, norm: string, value: string, given: object) => {
    const convolution = { from, to, kernel: 3, gain: gains.relu, ...given };
    const found = graph.conv(`${path}.${conv}`, value, convolution);
    return graph.batchNorm(`${path}.${norm}`, found, to, EPSILON);
  };
  let value = normed('conv1', 'bn1', input, { stride });
  value = graph.node(`${path}.relu`, 'Relu', [value]);
  value = normed('conv2', 'bn2', value, { from: to });
  const shortcut =
    stride === 1 && from === to
      ? input
      : normed('downsample.0', 'downsample.1', input, { kernel: 1, stride });
  return graph.node(`${path}.relu_1`, 'Relu', [graph.node(path, 'Add', [value, shortcut])]);
}
