import { VentralError } from '../../errors/ventral-error.js';
import { GraphBuilder } from '../../onnx/graph-builder.js';
import { runtimeIdentity, Session } from '../../runtime/session.js';
import { type IsolationFacts, isolationFacts } from '../child/isolation-facts.js';

/** What a child finds out about its confinement. */
export interface RuntimeTrial {
  /** Version of ONNX Runtime, which ran a graph. */
  readonly version: string;
  readonly isolation: IsolationFacts;
}

/** The trial that a child runs. */
export interface TrialTask {
  /** Path of a file that it is not given. */
  readonly hidden: string;
}

/**
 * Runs a graph of one node in this process, and tests what the process may do.
 * @throws VentralError `internal` where the graph adds wrongly
 */
export async function tryRuntime({ hidden }: TrialTask): Promise<RuntimeTrial> {
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
      throw new VentralError('internal', `The runtime computed 1 + 1 and 2 + 2 as ${sums}`);
    }
  } finally {
    await session.close();
  }
  return { version: runtimeIdentity(1).ort, isolation: isolationFacts(hidden) };
}
