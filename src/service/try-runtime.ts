import { networkInterfaces } from 'node:os';
import { VentralError } from '../errors/ventral-error.js';
import { GraphBuilder } from '../onnx/graph-builder.js';
import { runtimeIdentity, Session } from '../runtime/session.js';

/** What a child finds of its own place. */
export interface RuntimeTrial {
  /** Version of ONNX Runtime, which ran a graph. */
  readonly version: string;
  /** Network interfaces that are up. */
  readonly interfaces: readonly string[];
}

/** Runs a graph of one node in this process. Throws `internal` where it adds wrongly. */
export async function tryRuntime(): Promise<RuntimeTrial> {
  const graph = new GraphBuilder('trial');
  graph.input('x', 'float32', [2]);
  graph.node('Add', ['x', 'x'], { outputs: ['y'] });
  graph.output('y', 'float32', [2]);
  const session = await Session.open(graph.build(), { threads: 1, name: 'a trial graph' });
  try {
    const x = { dtype: 'float32', dims: [2], data: Float32Array.of(1, 2) } as const;
    const { y } = await session.run({ x });
    const sums = [...(y.data as Float32Array)];
    if (String(sums) !== '2,4') {
      throw new VentralError('internal', `The runtime says that 1 + 1 and 2 + 2 are ${sums}`);
    }
  } finally {
    await session.close();
  }
  return { version: runtimeIdentity(1).ort, interfaces: Object.keys(networkInterfaces()) };
}
