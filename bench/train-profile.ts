import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { RandomState } from '../src/numerics/random/random-state.js';
import { type Model, readModel } from '../src/onnx/model.js';
import { tensorElements } from '../src/onnx/tensor-elements.js';
import { blockedChannels } from '../src/training/step/blocked-kernels.js';
import { type StepGraph, stepGraph } from '../src/training/step/step-graph.js';
import { untied } from '../src/training/step/untied.js';
import { bytesOf } from './train-step.js';

/**
 * Where the time of a training step goes: the least milliseconds of each node over some steps on one thread, summed
 * by operator, and by operator and sizes.
 *
 *   node dist/bench/train-profile.js [efficientnet-b1] [--side 240] [--batch 8] [--steps 5] [--rows 40]
 */

const TENSOR_FLOAT = 1;

/** Initializers that are trained: not the running statistics of batch norms, nor single numbers. */
function weightsOf({ graph }: Model) {
  const norms = graph.nodes.filter(({ operator }) => operator === 'BatchNormalization');
  const running = new Set(norms.flatMap(({ inputs }) => inputs.slice(3)));
  const read = new Set(graph.nodes.flatMap(({ inputs }) => inputs));
  return graph.initializers.filter(
    ({ name, dims, elementType }) =>
      elementType === TENSOR_FLOAT && dims.length > 0 && read.has(name) && !running.has(name),
  );
}

function feedsOf(model: Model, step: StepGraph, dims: readonly number[]): Record<string, Tensor> {
  const count = dims.reduce((product, size) => product * size, 1);
  const pictures = Float32Array.from(new RandomState(1).standardNormal(count));
  const [rows, classes] = step.targets;
  const targets = new Float32Array(rows * classes);
  for (let row = 0; row < rows; row++) targets[row * classes + (row % 10)] = 1;
  const weights = weightsOf(model).map((tensor) => {
    const elements = Float32Array.from(tensorElements(tensor) as Float32Array);
    return [tensor.name, new Tensor('float32', elements, tensor.dims)] as const;
  });
  return {
    ...Object.fromEntries(weights),
    [step.inputs.pictures]: new Tensor('float32', pictures, dims),
    [step.inputs.targets]: new Tensor('float32', targets, step.targets),
  };
}

/** What the runtime's profile says of a node. */
interface NodeEvent {
  readonly cat: string;
  readonly name: string;
  /** Microseconds. */
  readonly dur: number;
  readonly args: {
    readonly op_name: string;
    readonly node_index: string;
    readonly input_type_shape: readonly Record<string, readonly number[]>[];
    readonly output_type_shape: readonly Record<string, readonly number[]>[];
  };
}

async function profiled(model: Uint8Array, feeds: Record<string, Tensor>, steps: number) {
  const folder = mkdtempSync(join(tmpdir(), 'ventral-profile-'));
  const session = await InferenceSession.create(model, {
    enableProfiling: true,
    profileFilePrefix: join(folder, 'step'),
    intraOpNumThreads: 1,
    enableMemPattern: false,
    graphOptimizationLevel: 'disabled',
    logSeverityLevel: 4,
  });
  const outputs = await session.run(feeds);
  for (let step = 0; step < steps; step++) await session.run(feeds, outputs);
  session.endProfiling();
  await session.release();
  const [file] = readdirSync(folder);
  const events: readonly NodeEvent[] = JSON.parse(readFileSync(join(folder, file), 'utf8'));
  rmSync(folder, { recursive: true });
  const best = new Map<string, NodeEvent>();
  for (const event of events) {
    if (event.cat !== 'Node' || !event.name.endsWith('_kernel_time')) continue;
    const before = best.get(event.args.node_index);
    if (!before || event.dur < before.dur) best.set(event.args.node_index, event);
  }
  return [...best.values()];
}

const shapes = (all: NodeEvent['args']['input_type_shape']) =>
  all.map((one) => Object.values(one)[0].join('x')).join(' ');

function print(nodes: readonly NodeEvent[], keyOf: (node: NodeEvent) => string, rows: number) {
  const sums = new Map<string, { time: number; count: number }>();
  for (const node of nodes) {
    const { time, count } = sums.get(keyOf(node)) ?? { time: 0, count: 0 };
    sums.set(keyOf(node), { time: time + node.dur / 1000, count: count + 1 });
  }
  const sorted = [...sums].sort(([, a], [, b]) => b.time - a.time).slice(0, rows);
  for (const [key, { time, count }] of sorted)
    console.log(`${time.toFixed(1).padStart(9)} ms ${String(count).padStart(5)}  ${key}`);
  console.log();
}

async function main(): Promise<void> {
  const number = (otherwise: number) => ({ type: 'string', default: String(otherwise) }) as const;
  const { values, positionals } = parseArgs({
    options: { side: number(240), batch: number(8), steps: number(5), rows: number(40) },
    allowPositionals: true,
  });
  const [network = 'efficientnet-b1'] = positionals;
  const model = untied(readModel(await bytesOf(network), network));
  const dims = [Number(values.batch), 3, Number(values.side), Number(values.side)];
  const step = stepGraph(model, {
    dims,
    parameters: weightsOf(model).map(({ name }) => name),
    input: false,
    training: () => true,
    kernels: { block: await blockedChannels() },
  });
  const nodes = await profiled(step.model, feedsOf(model, step, dims), Number(values.steps));
  const all = nodes.reduce((sum, { dur }) => sum + dur / 1000, 0);
  console.log(`${network} at ${values.side}, batch ${values.batch}: ${all.toFixed(0)} ms\n`);
  print(nodes, ({ args }) => args.op_name, 30);
  print(
    nodes,
    ({ args }) =>
      `${args.op_name} ${shapes(args.input_type_shape)} -> ${shapes(args.output_type_shape)}`,
    Number(values.rows),
  );
}

await main();
