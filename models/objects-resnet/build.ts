import { gains, ModuleGraph } from '../module-graph.js';

const EPSILON = 1e-5;
const CLASSES = 10;
const STEM = 16;
/** Channels of `layer1` to `layer3`, two blocks each. */
const LAYERS = [16, 32, 64];
const REPEATS = 2;

/**
 * The network that `recipe.yaml` trains: a residual network of basic blocks (He et al. 2016) under torchvision's module
 * names, N × 3 × any height × any width (64 × 64 in training) to `logits` N × 10. Weights are random.
 */
export function build(): Uint8Array {
  const graph = new ModuleGraph('objects-resnet');
  const stem = { from: 3, to: STEM, kernel: 5, stride: 2, gain: gains.linear };
  let value = graph.batchNorm('bn1', graph.conv('conv1', graph.image(), stem), STEM, EPSILON);
  value = graph.node('relu', 'Relu', [value]);
  let from = STEM;
  LAYERS.forEach((to, layer) => {
    for (let index = 0; index < REPEATS; index++) {
      const stride = index === 0 && layer > 0 ? 2 : 1;
      value = block(graph, `layer${layer + 1}.${index}`, value, { from, to, stride });
      from = to;
    }
  });
  value = graph.node('avgpool', 'GlobalAveragePool', [value]);
  value = graph.node('', 'Flatten', [value], { axis: { int: 1 } });
  graph.linear('fc', value, { from, to: CLASSES, output: 'logits' });
  return graph.build();
}

interface Block {
  readonly from: number;
  readonly to: number;
  readonly stride: number;
}

function block(graph: ModuleGraph, path: string, input: string, block: Block): string {
  const { from, to, stride } = block;
  const norm = (name: string, value: string) => graph.batchNorm(name, value, to, EPSILON);
  const first = { from, to, kernel: 3, stride, gain: gains.relu };
  let value = norm(`${path}.bn1`, graph.conv(`${path}.conv1`, input, first));
  value = graph.node(`${path}.relu`, 'Relu', [value]);
  const second = { from: to, to, kernel: 3, gain: gains.relu };
  value = norm(`${path}.bn2`, graph.conv(`${path}.conv2`, value, second));
  let short = input;
  if (from !== to) {
    const down = { from, to, kernel: 1, stride, gain: gains.linear };
    short = norm(`${path}.downsample.1`, graph.conv(`${path}.downsample.0`, input, down));
  }
  return graph.node(`${path}.relu_1`, 'Relu', [graph.node(path, 'Add', [value, short])]);
}
