import { GraphBuilder } from '../../src/onnx/graph-builder.js';

/** Side of the images of these networks. */
export const SIDE = 16;
const HALF = 10;
const FLOAT = 1;
const INT = 6;

const cast = (graph: GraphBuilder, from: string, to: number, name: string) =>
  graph.node('Cast', [from], { outputs: [name], attributes: { to: { int: to } } });

/**
 * Half-precision attention as exporters write it: a transposition and a product, which the runtime fuses into an
 * operator that it has no kernel for, and dies. The layer `z` has 3 × 12 units.
 */
export function halfAttention(): GraphBuilder {
  const graph = new GraphBuilder('half attention');
  graph.input('image', 'float32', ['N', 3, SIDE, SIDE]);
  graph.initializer('shape', [3], BigInt64Array.of(0n, 3n, BigInt(SIDE * SIDE)));
  const tokens = graph.node('Reshape', [cast(graph, 'image', HALF, 'halves'), 'shape']);
  const perm = { ints: [1, 0, 2] };
  const turned = graph.node('Transpose', [tokens], { attributes: { perm } });
  // Bits of a half each: 1 and a bit, of either sign.
  const weights = Uint16Array.from({ length: SIDE * SIDE * 12 }, (_, i) => {
    const sign = (i * 7) % 5 < 2 ? 0x8000 : 0;
    return sign + 0x2000 + ((i * 37) % 1024);
  });
  graph.initializer('weights', [SIDE * SIDE, 12], weights);
  const product = graph.node('MatMul', [turned, 'weights'], { outputs: ['product'] });
  graph.node('Transpose', [product], { outputs: ['z'], attributes: { perm } });
  graph.output('z', 'float16', ['N', 3, 12]);
  return graph;
}

/** The smallest integer modulo -1, at which the processor ends the program at every level of optimisation. */
export function alwaysCrashing(): GraphBuilder {
  const graph = new GraphBuilder('crash');
  graph.input('image', 'float32', ['N', 3, SIDE, SIDE]);
  graph.initializer('low', [1], Int32Array.of(-(2 ** 31)));
  graph.initializer('minus', [1], Int32Array.of(-1));
  const least = graph.node('Add', [cast(graph, 'image', INT, 'whole'), 'low']);
  cast(graph, graph.node('Mod', [least, 'minus']), FLOAT, 'z');
  graph.output('z', 'float32', ['N', 3, SIDE, SIDE]);
  return graph;
}
