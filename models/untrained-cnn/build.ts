import { RandomState } from '../../src/numerics/random/random-state.js';
import { GraphBuilder } from '../../src/onnx/graph-builder.js';

const SIDE = 112;
/** Channels of the image and of the four blocks; each block halves the side. */
const CHANNELS = [3, 32, 64, 128, 256];
const CLASSES = 1000;
const SEED = 20151207;

/**
 * Four blocks of convolution, batch norm and ReLU (`layer1` N × 32 × 56 × 56 to `layer4`
 * N × 256 × 7 × 7), `avgpool` (N × 256) and `fc` (N × 1000), with normal weights of variance
 * 2 / fan-in (He et al. 2015) and batch norms as they are before training. The same bytes every time.
 */
export function build(): Uint8Array {
  const graph = new GraphBuilder('untrained-cnn');
  const random = new RandomState(SEED);
  let value = graph.input('image', 'float32', ['batch', 3, SIDE, SIDE]);
  for (let layer = 1; layer < CHANNELS.length; layer++) {
    value = block(graph, value, { layer, random });
    graph.output(value);
  }
  const pooled = graph.node('GlobalAveragePool', [value], { outputs: ['pool'] });
  const features = graph.node('Flatten', [pooled], { outputs: ['avgpool'] });
  const width = CHANNELS[CHANNELS.length - 1];
  const weight = graph.initializer('fc.weight', [CLASSES, width], he(random, CLASSES, width));
  const bias = graph.initializer('fc.bias', [CLASSES], new Float32Array(CLASSES));
  graph.node('Gemm', [features, weight, bias], {
    outputs: ['fc'],
    attributes: { transB: { int: 1 } },
  });
  graph.output('avgpool');
  graph.output('fc');
  return graph.build();
}

function block(
  graph: GraphBuilder,
  input: string,
  { layer, random }: { layer: number; random: RandomState },
): string {
  const [from, to] = [CHANNELS[layer - 1], CHANNELS[layer]];
  const name = `layer${layer}`;
  const weight = he(random, to, from * 9);
  const convolved = graph.node(
    'Conv',
    [input, graph.initializer(`${name}.conv.weight`, [to, from, 3, 3], weight)],
    {
      outputs: [`${name}.conv`],
      attributes: { pads: { ints: [1, 1, 1, 1] }, strides: { ints: [2, 2] } },
    },
  );
  const ones = new Float32Array(to).fill(1);
  const zeros = new Float32Array(to);
  const statistics = Object.entries({ weight: ones, bias: zeros, mean: zeros, var: ones });
  const normalised = graph.node(
    'BatchNormalization',
    [convolved, ...statistics.map(([key, v]) => graph.initializer(`${name}.bn.${key}`, [to], v))],
    { outputs: [`${name}.bn`] },
  );
  return graph.node('Relu', [normalised], { outputs: [name] });
}

/** Normal weights of variance 2 / fan-in (rows × fanIn). */
function he(random: RandomState, rows: number, fanIn: number): Float32Array {
  const scale = Math.sqrt(2 / fanIn);
  return Float32Array.from(random.standardNormal(rows * fanIn), (value) => value * scale);
}
