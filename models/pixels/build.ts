import { GraphBuilder } from '../../src/onnx/graph-builder.js';

/** Side of the image in pixels, as in Brain-Score's model `pixels`. */
const SIDE = 256;

/** The network that does nothing: `pixels` is the 8-bit RGB image (N × 256 × 256 × 3). */
export function build(): Uint8Array {
  const graph = new GraphBuilder('pixels');
  const dims = ['batch', SIDE, SIDE, 3];
  const image = graph.input('image', 'uint8', dims);
  graph.output(graph.node('Identity', [image], { outputs: ['pixels'] }), 'uint8', dims);
  return graph.build();
}
