import { createHash } from 'node:crypto';
import type { ModelFile } from '../../src/activations/model-file.js';
import { RandomState } from '../../src/numerics/random/random-state.js';
import { GraphBuilder } from '../../src/onnx/graph-builder.js';
import { readModel } from '../../src/onnx/model.js';

const CHANNELS = 8;

/**
 * Three blocks of a convolution that is scaled, shifted and rectified (`r0` …), and added to itself (`o0` …);
 * the runtime fuses the scale into the convolution where nothing else reads that. Then `pool`, `log` (which is
 * not finite) and `words`.
 * @param nudge is added to one weight
 */
export function branchingNetwork(nudge = 0): GraphBuilder {
  const graph = new GraphBuilder('branching');
  const random = new RandomState(1);
  const weights = (name: string, dims: number[]) =>
    graph.initializer(
      name,
      dims,
      Float32Array.from(random.standardNormal(dims.reduce((a, b) => a * b)), (w) => w / 4),
    );
  let value = graph.input('image', 'float32', ['N', 3, 'H', 'W']);
  for (const block of [0, 1, 2]) {
    weights(`w${block}`, [CHANNELS, block === 0 ? 3 : CHANNELS, 3, 3]);
    weights(`scale${block}`, [1, CHANNELS, 1, 1]);
    weights(`shift${block}`, [1, CHANNELS, 1, 1]);
    const pads = { ints: [1, 1, 1, 1] };
    graph.node('Conv', [value, `w${block}`], { outputs: [`c${block}`], attributes: { pads } });
    graph.node('Mul', [`c${block}`, `scale${block}`], { outputs: [`s${block}`] });
    graph.node('Add', [`s${block}`, `shift${block}`], { outputs: [`t${block}`] });
    graph.node('Relu', [`t${block}`], { outputs: [`r${block}`] });
    value = graph.node('Add', [`r${block}`, `c${block}`], { outputs: [`o${block}`] });
  }
  graph.initializer('nudge', [1], Float32Array.of(1 + nudge));
  graph.node('Mul', [value, 'nudge'], { outputs: ['scaled'] });
  graph.node('GlobalAveragePool', ['scaled'], { outputs: ['pool'] });
  graph.node('Log', ['pool'], { outputs: ['log'] });
  graph.node('Cast', ['pool'], { outputs: ['words'], attributes: { to: { int: 8 } } });
  graph.output('pool', 'float32', ['N', CHANNELS, 1, 1]);
  return graph;
}

/** A network as it would come from a file of that name. */
export function fileOf(graph: GraphBuilder, name = 'branching'): ModelFile {
  const bytes = graph.build();
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  return { name, digest, bytes, model: readModel(bytes, name), card: undefined };
}
