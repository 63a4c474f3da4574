import { GraphBuilder } from '../../onnx/graph-builder.js';
import { readModel } from '../../onnx/model.js';
import type { Provider } from '../../runtime/provider.js';
import { Session, type Tensor } from '../../runtime/session.js';
import { type StepGraph, stepGraph } from './step-graph.js';

/** What runs a training, and why. */
export interface ChosenProvider {
  readonly provider: Provider;
  /** A sentence for people. */
  readonly word: string;
}

/**
 * Chooses what runs the steps of a training: the provider that is asked for, where a small step gives on it
 * what it gives on the CPU; else the CPU. With `auto` one is taken only if it is quicker, too: an adapter may
 * be a program that pretends to be one. What is chosen belongs in the record of a run, as bits depend on it.
 */
export async function chooseProvider(asked: Provider | 'auto'): Promise<ChosenProvider> {
  if (asked === 'cpu') return { provider: 'cpu', word: 'The steps run on the CPU.' };
  const trial = trialStep();
  const own = await tried(trial, 'cpu');
  const words: string[] = [];
  for (const provider of asked === 'auto' ? (['cuda', 'webgpu'] as const) : [asked]) {
    const word = await judged(trial, own, provider, asked === 'auto');
    if (word === undefined)
      return {
        provider,
        word: `The steps run on ${provider}: a small one gave what the CPU gives.`,
      };
    words.push(word);
  }
  return { provider: 'cpu', word: `The steps run on the CPU: ${words.join('; ')}.` };
}

/** Relative to the largest value of each output. */
const TOLERANCE = 1e-3;

/** Why a provider is not taken; undefined if it is. */
async function judged(
  trial: Trial,
  own: Tried,
  provider: Provider,
  quicker: boolean,
): Promise<string | undefined> {
  let found: Tried;
  try {
    found = await tried(trial, provider);
  } catch (error) {
    const cause = error instanceof Error ? (error.cause ?? error) : error;
    const [line] = (cause instanceof Error ? cause.message : String(cause)).split('\n');
    return `${provider} failed (${line})`;
  }
  const difference = Math.max(
    ...own.outputs.map((values, i) => relative(values, found.outputs[i])),
  );
  if (!(difference <= TOLERANCE))
    return `${provider} gives other numbers (by ${difference.toExponential(1)} of the largest)`;
  if (quicker && found.milliseconds >= own.milliseconds)
    return `${provider} is slower (${found.milliseconds.toFixed(1)} ms for a small step, not ${own.milliseconds.toFixed(1)})`;
  return undefined;
}

function relative(expected: Float32Array, found: Float32Array): number {
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-6);
  return expected.reduce((most, value, i) => {
    const difference = Math.abs(value - found[i]) / largest;
    return Number.isNaN(difference) ? Number.POSITIVE_INFINITY : Math.max(most, difference);
  }, 0);
}

interface Trial {
  readonly step: StepGraph;
  readonly feeds: Readonly<Record<string, Tensor>>;
}

interface Tried {
  readonly outputs: readonly Float32Array[];
  /** The least of a few steps. */
  readonly milliseconds: number;
}

const RUNS = 3;

async function tried({ step, feeds }: Trial, provider: Provider): Promise<Tried> {
  const session = await Session.open(step.model, { operators: 'as written', provider });
  try {
    let results = await session.run(feeds);
    let milliseconds = Number.POSITIVE_INFINITY;
    for (let i = 0; i < RUNS; i++) {
      const started = performance.now();
      results = await session.run(feeds);
      milliseconds = Math.min(milliseconds, performance.now() - started);
    }
    const names = session.outputs.map(({ name }) => name);
    return { outputs: names.map((name) => results[name].data as Float32Array), milliseconds };
  } finally {
    await session.close();
  }
}

const DIMS = [4, 8, 12, 12];
const CLASSES = 5;

/** A step with what networks are made of: dense and depthwise convolutions, norms, a gate, a pool, a product. */
function trialStep(): Trial {
  const graph = new GraphBuilder('trial');
  const tensors: [string, Float32Array][] = [];
  const weights = (dims: readonly number[], of = wave) => {
    const values = of(dims.reduce((product, size) => product * size, 1));
    const name = graph.initializer(`weights${tensors.length}`, dims, values);
    tensors.push([name, values]);
    return name;
  };
  const ones = (count: number) => new Float32Array(count).fill(1);
  const conv = (value: string, dims: readonly number[], group: number, stride: number) =>
    graph.node('Conv', [value, weights(dims)], {
      attributes: {
        group: { int: group },
        strides: { ints: [stride, stride] },
        pads: { ints: [1, 1, 1, 1] },
      },
    });
  const [, channels] = DIMS;
  const norm = (value: string) => {
    const [scale, bias] = [weights([channels], ones), weights([channels])];
    const mean = graph.initializer(`mean${tensors.length}`, [channels], new Float32Array(channels));
    const variance = graph.initializer(`variance${tensors.length}`, [channels], ones(channels));
    return graph.node('BatchNormalization', [value, scale, bias, mean, variance]);
  };
  const picture = graph.input('picture', 'float32', ['batch', ...DIMS.slice(1)]);
  const first = norm(conv(picture, [channels, channels, 3, 3], 1, 1));
  const gated = graph.node('Mul', [first, graph.node('Sigmoid', [first])]);
  const second = graph.node('Relu', [norm(conv(gated, [channels, 1, 3, 3], channels, 2))]);
  const pooled = graph.node('Flatten', [graph.node('GlobalAveragePool', [second])]);
  graph.output(graph.node('Gemm', [pooled, weights([channels, CLASSES])]));
  const parameters = tensors.map(([name]) => name);
  const step = stepGraph(readModel(graph.build(), 'the trial'), {
    dims: DIMS,
    parameters,
    input: true,
    training: () => true,
    kernels: { portable: true },
  });
  const feed = (dims: readonly number[], data: Float32Array): Tensor => ({
    dtype: 'float32',
    dims,
    data,
  });
  const targets = ones(step.targets[0] * CLASSES).map((one) => one / CLASSES);
  const feeds = {
    [step.inputs.pictures]: feed(DIMS, wave(DIMS.reduce((product, size) => product * size, 1))),
    [step.inputs.targets]: feed(step.targets, targets),
    ...Object.fromEntries(
      tensors.map(([name, values]) => [name, feed(step.sizes.get(name) ?? [], values)]),
    ),
  };
  return { step, feeds };
}

/** Numbers between −1 and 1 of which no two neighbours are alike. */
const wave = (count: number) => Float32Array.from({ length: count }, (_, i) => Math.sin(i * i));
