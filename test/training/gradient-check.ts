import { RandomState } from '../../src/numerics/random/random-state.js';
import { type Elements, GraphBuilder } from '../../src/onnx/graph-builder.js';
import { readModel } from '../../src/onnx/model.js';
import { Session, type Tensor } from '../../src/runtime/session.js';
import type { Precision } from '../../src/training/graph/static-graph.js';
import { blockedChannels } from '../../src/training/step/blocked-kernels.js';
import { type StepGraph, stepGraph } from '../../src/training/step/step-graph.js';

/** A network that a check is made of: writes nodes from the input to a value of [batch, classes]. */
export interface CheckedNetwork {
  /** Sizes of the input, the batch first. */
  readonly dims: readonly number[];
  /** Sizes of parameters, by name. */
  readonly parameters: Readonly<Record<string, readonly number[]>>;
  readonly write: (graph: GraphBuilder, constants: Constants) => string;
  readonly training?: boolean;
  /** float32 where the runtime has the operators in no other type. */
  readonly precision?: Precision;
  /** Whether convolutions may be in the layout of the runtime's own kernels. */
  readonly blocks?: boolean;
  /** Whether only forms are written that providers beside the CPU have. */
  readonly portable?: boolean;
  /** Lowest value of inputs and parameters; by default they lie about 0. */
  readonly from?: number;
}

/** Adds whole numbers, or numbers of the network's own type. */
export interface Constants {
  integers(numbers: readonly number[]): string;
  numbers(dims: readonly number[], numbers: readonly number[]): string;
}

const SEED = 7;

/** Largest difference of a gradient from central differences along random directions, by target, relative. */
export async function gradientErrors(
  network: CheckedNetwork,
  classes: number,
): Promise<Readonly<Record<string, number>>> {
  const precision = network.precision ?? 'float64';
  const block = network.blocks ? await blockedChannels() : undefined;
  const step = built(network, precision, block);
  const session = await Session.open(step.model, { threads: 1, operators: 'as written' });
  try {
    const random = new RandomState(SEED);
    const draw = (dims: readonly number[], low: number, high: number) => {
      const numbers = random.randomSample(dims.reduce((a, b) => a * b, 1));
      const spread = numbers.map((u) => low + u * (high - low));
      return precision === 'float64' ? spread : Float32Array.from(spread);
    };
    const low = network.from ?? -1;
    const feeds: Record<string, Tensor> = {
      [step.inputs.pictures]: tensor(precision, network.dims, draw(network.dims, low, low + 2)),
      [step.inputs.targets]: tensor(
        precision,
        [network.dims[0], classes],
        draw([network.dims[0], classes], 0, 1),
      ),
    };
    for (const [name, dims] of Object.entries(network.parameters)) {
      const elements = draw(dims, low, low + 2);
      feeds[name] = tensor(precision, dims, elements);
    }
    const found = await session.run(feeds);
    const errors: Record<string, number> = {};
    const targets = new Map([
      ...step.outputs.gradients,
      [step.inputs.pictures, step.outputs.input as string],
    ]);
    for (const [name, output] of targets) {
      const gradient = found[output].data as Float64Array;
      errors[name] = await directionError(session, {
        feeds,
        name,
        gradient,
        step,
        random,
        precision,
      });
    }
    return errors;
  } finally {
    await session.close();
  }
}

interface Check {
  readonly feeds: Record<string, Tensor>;
  readonly name: string;
  readonly gradient: ArrayLike<number>;
  readonly step: StepGraph;
  readonly random: RandomState;
  readonly precision: Precision;
}

async function directionError(session: Session, check: Check): Promise<number> {
  const { feeds, name, gradient, step, random, precision } = check;
  const { dims, data } = feeds[name];
  const at = data as Float64Array;
  const distance = precision === 'float64' ? 1e-6 : 1e-2;
  let worst = 0;
  for (let trial = 0; trial < 3; trial++) {
    const direction = random.randomSample(at.length).map((u) => 2 * u - 1);
    const lossAt = async (sign: number) => {
      const moved = at.map((value, i) => value + sign * distance * direction[i]);
      const result = await session.run({ ...feeds, [name]: tensor(precision, dims, moved) }, [
        step.outputs.loss,
      ]);
      return Number((result[step.outputs.loss].data as Float64Array)[0]);
    };
    const difference = ((await lossAt(1)) - (await lossAt(-1))) / (2 * distance);
    const slope = direction.reduce((sum, value, i) => sum + value * gradient[i], 0);
    const size = Math.hypot(...Array.from(gradient)) + 1e-3;
    worst = Math.max(worst, Math.abs(difference - slope) / size);
  }
  return worst;
}

const tensor = (
  dtype: Precision,
  dims: readonly number[],
  data: Float32Array | Float64Array,
): Tensor => ({ dtype, dims, data }) as Tensor;

function built(network: CheckedNetwork, precision: Precision, block?: number): StepGraph {
  const graph = new GraphBuilder('checked');
  const array = (numbers: readonly number[]): Elements =>
    precision === 'float64' ? Float64Array.from(numbers) : Float32Array.from(numbers);
  graph.input('x', precision, ['batch', ...network.dims.slice(1)]);
  for (const [name, dims] of Object.entries(network.parameters)) {
    const count = dims.reduce((a, b) => a * b, 1);
    graph.initializer(name, dims, array(Array(count).fill(1)));
  }
  let made = 0;
  const output = network.write(graph, {
    integers: (numbers) =>
      graph.initializer(`integers${made++}`, [numbers.length], BigInt64Array.from(numbers, BigInt)),
    numbers: (dims, numbers) => graph.initializer(`numbers${made++}`, dims, array(numbers)),
  });
  graph.output(output);
  return stepGraph(readModel(graph.build(), 'checked'), {
    dims: network.dims,
    parameters: Object.keys(network.parameters),
    input: true,
    training: () => network.training ?? false,
    precision,
    kernels: { block, portable: network.portable ?? false },
  });
}
