import { GraphBuilder } from '../../src/onnx/graph-builder.js';

/** A small network with a known answer: y = relu(x · W + b), z = y + 1 (N × 2 in, N × 2 out). */
export function smallNetwork(): GraphBuilder {
  const graph = new GraphBuilder('small');
  graph.input('x', 'float32', ['batch', 2]);
  graph.initializer('dense.weight', [2, 2], Float32Array.of(1, -2, 3, 0.5));
  graph.initializer('dense.bias', [2], Float32Array.of(0.25, -0.25));
  graph.node('Gemm', ['x', 'dense.weight', 'dense.bias'], {
    name: '/dense/Gemm',
    outputs: ['/dense/Gemm_output_0'],
  });
  graph.node('Relu', ['/dense/Gemm_output_0'], { name: '/act/Relu', outputs: ['y'] });
  graph.initializer('one', [1], Float32Array.of(1));
  graph.node('Add', ['y', 'one'], { outputs: ['z'] });
  graph.output('z', 'float32', ['batch', 2]);
  return graph;
}
