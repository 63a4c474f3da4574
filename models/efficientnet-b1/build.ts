import { gains, ModuleGraph } from '../module-graph.js';

/**
 * What the published networks differ in: TensorFlow's, which timm's `tf_efficientnet_b1` and lukemelas'
 * keep, has a batch norm epsilon of 1e-3 and "same" padding by the parity of the side; torchvision's and
 * timm's own `efficientnet_b1` have PyTorch's.
 */
export type Variant = 'tensorflow' | 'pytorch';

const variants = {
  tensorflow: { epsilon: 1e-3, padding: { padding: 'same' } },
  pytorch: { epsilon: 1e-5, padding: {} },
} as const;

/** A stage: how often its block stands, kernel, stride of the first, expansion, channels. */
export type Stage = readonly [
  repeats: number,
  kernel: number,
  stride: number,
  expand: number,
  channels: number,
];
/** EfficientNet-B0's stages with the repeats of B1, ⌈1.1 × repeats⌉ (Tan and Le 2019). */
const STAGES: readonly Stage[] = [
  [2, 3, 1, 1, 16],
  [3, 3, 2, 6, 24],
  [3, 5, 2, 6, 40],
  [4, 3, 2, 6, 80],
  [4, 5, 1, 6, 112],
  [5, 5, 2, 6, 192],
  [2, 3, 1, 6, 320],
];

/** What makes one EfficientNet of several. */
export interface Shape {
  /** Of the graph, and seed of its weights. */
  readonly name: string;
  readonly variant: Variant;
  /** Channels of the first convolution, of stride 2, and of the last, of kernel 1. */
  readonly stem: number;
  readonly head: number;
  readonly stages: readonly Stage[];
  readonly classes: number;
}

/**
 * EfficientNet-B1, N × 3 × any height × any width to `logits` N × 1000, 7,794,184 parameters. Modules are
 * called as in timm's `tf_efficientnet_b1` of version 0.5 (February 2022): `bn1` is the batch norm alone
 * and `act1` the activation after it; from 0.6 on a hook on `bn1` records what `act1` gives here.
 * Weights are random ({@link ModuleGraph}) until real ones are put in under the keys of the state dict.
 */
export function build(variant: Variant = 'tensorflow'): Uint8Array {
  const name = 'efficientnet-b1';
  return efficientNet({ name, variant, stem: 32, head: 1280, stages: STAGES, classes: 1000 });
}

/** A network of mobile blocks under timm's module names, N × 3 × any height × any width to `logits` N × classes. */
export function efficientNet({ name, variant, stem, head, stages, classes }: Shape): Uint8Array {
  const graph = new ModuleGraph(name);
  const { epsilon, padding } = variants[variant];
  let value = graph.conv('conv_stem', graph.image(), {
    from: 3,
    to: stem,
    kernel: 3,
    stride: 2,
    ...padding,
    gain: gains.linear,
  });
  value = graph.silu('act1', graph.batchNorm('bn1', value, stem, epsilon));
  let from = stem;
  // Mean square of the value, for weights that keep it near 1 although batch norms do nothing yet.
  let power = 1 / gains.silu;
  stages.forEach(([repeats, kernel, stride, expand, to], stage) => {
    for (let index = 0; index < repeats; index++) {
      const path = `blocks.${stage}.${index}`;
      const middle = from * expand;
      const strides = index === 0 ? stride : 1;
      const block = { from, middle, to, kernel, stride: strides, power, variant };
      value = mobileBlock(graph, path, value, block);
      power = skips(block) ? power + 1 : 1;
      from = to;
    }
  });
  const last = { from, to: head, kernel: 1, gain: gains.linear / power };
  value = graph.batchNorm('bn2', graph.conv('conv_head', value, last), head, epsilon);
  value = graph.node('global_pool.pool', 'GlobalAveragePool', [graph.silu('act2', value)]);
  value = graph.node('global_pool.flatten', 'Flatten', [value], { axis: { int: 1 } });
  graph.linear('classifier', value, { from: head, to: classes, output: 'logits' });
  return graph.build();
}

interface Block {
  readonly from: number;
  /** Channels that the depthwise convolution works on. */
  readonly middle: number;
  readonly to: number;
  readonly kernel: number;
  readonly stride: number;
  /** Mean square of the input. */
  readonly power: number;
  readonly variant: Variant;
}

/** Whether a block adds its input to what it makes of it. */
const skips = ({ from, to, stride }: Block) => from === to && stride === 1;

/**
 * InvertedResidual, or DepthwiseSeparableConv (which is the same without the expansion, its parts
 * numbered otherwise) in the first stage.
 */
function mobileBlock(graph: ModuleGraph, path: string, input: string, block: Block): string {
  const { from, middle, to, kernel, stride, power } = block;
  const { epsilon, padding } = variants[block.variant];
  const expands = middle !== from;
  const names = expands
    ? { norms: ['bn1', 'bn2', 'bn3'], act: 'act2', project: 'conv_pwl' }
    : { norms: ['', 'bn1', 'bn2'], act: 'act1', project: 'conv_pw' };
  const norm = (index: number, value: string, channels: number) =>
    graph.batchNorm(`${path}.${names.norms[index]}`, value, channels, epsilon);
  let value = input;
  if (expands) {
    const expansion = { from, to: middle, kernel: 1, gain: gains.linear / power };
    value = norm(0, graph.conv(`${path}.conv_pw`, value, expansion), middle);
    value = graph.silu(`${path}.act1`, value);
  }
  value = graph.conv(`${path}.conv_dw`, value, {
    from: middle,
    to: middle,
    kernel,
    stride,
    groups: middle,
    ...(stride === 1 ? {} : padding),
    gain: expands ? gains.silu : gains.linear / power,
  });
  value = graph.silu(`${path}.${names.act}`, norm(1, value, middle));
  value = squeezeExcite(graph, `${path}.se`, value, { channels: middle, reduced: from / 4 });
  const projection = { from: middle, to, kernel: 1, gain: gains.silu * gains.halved };
  value = norm(2, graph.conv(`${path}.${names.project}`, value, projection), to);
  return skips(block) ? graph.node(path, 'Add', [value, input]) : value;
}

/** Squeeze and excitation; a quarter of the block's input channels in between. */
function squeezeExcite(
  graph: ModuleGraph,
  path: string,
  input: string,
  { channels, reduced }: { channels: number; reduced: number },
): string {
  const mean = graph.node(path, 'GlobalAveragePool', [input]);
  let gate = graph.conv(`${path}.conv_reduce`, mean, {
    from: channels,
    to: reduced,
    kernel: 1,
    bias: true,
    gain: gains.linear,
  });
  gate = graph.conv(`${path}.conv_expand`, graph.silu(`${path}.act1`, gate), {
    from: reduced,
    to: channels,
    kernel: 1,
    bias: true,
    gain: gains.gate,
  });
  return graph.node(path, 'Mul', [input, graph.node(`${path}.gate`, 'Sigmoid', [gate])]);
}
