import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openModelFile } from '../../src/activations/model-file.js';
import { packageRoot } from '../../src/formats/package-root.js';
import { RandomState } from '../../src/numerics/random/random-state.js';
import { tensorElements } from '../../src/onnx/tensor-elements.js';
import { Session, type Tensor } from '../../src/runtime/session.js';
import { blockedChannels } from '../../src/training/step/blocked-kernels.js';
import { stepGraph } from '../../src/training/step/step-graph.js';

/** A gradient as the fixture has it: its norm, and its products with standard normal vectors. */
export interface Summary {
  readonly norm: number;
  readonly products: readonly number[];
}

interface Fixture {
  readonly batch: number;
  readonly side: number;
  readonly seed: number;
  readonly loss: number;
  readonly input: Summary;
  readonly parameters: Readonly<Record<string, Summary>>;
  readonly statistics: Readonly<Record<string, Summary>>;
}

/** Relative differences in float32 that the gradients of whole networks may have. */
export const TOLERANCE = 1e-3;
/** Gradients that are 0 but for rounding, such as of what a batch normalisation takes away, are compared with this. */
const NOTHING = 1e-3;
/** The like for means of a batch, whose deviations are about 1. */
const NO_MEAN = 1;

const float32 = (dims: readonly number[], data: Float32Array): Tensor => ({
  dtype: 'float32',
  dims,
  data,
});

/** The images and targets of a fixture, by its own random numbers. */
export function batchOf(
  { batch, seed }: { readonly batch: number; readonly seed: number },
  { side, classes }: { readonly side: number; readonly classes: number },
) {
  const random = new RandomState(seed);
  const pictures = Float32Array.from(random.standardNormal(batch * 3 * side * side));
  const drawn = Float32Array.from(random.randomSample(batch * classes));
  const targets = drawn.map((value, i) => {
    const row = Math.floor(i / classes) * classes;
    return value / drawn.subarray(row, row + classes).reduce((sum, one) => sum + one, 0);
  });
  return { pictures, targets };
}

/** How far a gradient is from the fixture's, in the mean over directions, relative to its norm. */
export function difference(
  found: Float32Array,
  { norm, products }: Summary,
  nothing = NOTHING,
): number {
  const random = new RandomState(1);
  const squares = products.map((product) => {
    const direction = random.standardNormal(found.length);
    const own = direction.reduce((sum, value, i) => sum + value * found[i], 0);
    return (own - product) ** 2;
  });
  const mean = Math.sqrt(squares.reduce((sum, square) => sum + square, 0) / squares.length);
  return mean / Math.max(norm, nothing);
}

/** Runs a shipped network's step and says how far it is from the fixture; `far` are gradients beyond the tolerance. */
export async function comparedWithPyTorch(name: string) {
  const folder = join(packageRoot, 'test', 'fixtures', 'training');
  const fixture: Fixture = JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8'));
  const { model } = await openModelFile(name);
  const parameters = Object.keys(fixture.parameters);
  const dims = [fixture.batch, 3, fixture.side, fixture.side];
  const block = await blockedChannels();
  const step = stepGraph(model, {
    dims,
    parameters,
    input: true,
    training: () => true,
    kernels: { block },
  });
  const tensors = new Map(model.graph.initializers.map((tensor) => [tensor.name, tensor]));
  const feeds: Record<string, Tensor> = {};
  for (const parameter of parameters) {
    const elements = tensorElements(tensors.get(parameter) as never) as Float32Array;
    // As the fixture has it: see there.
    const factor = /^layer.*bn3\.weight$/.test(parameter) ? 0.2 : 1;
    const scaled = elements.map((value) => value * factor);
    feeds[parameter] = float32(step.sizes.get(parameter) ?? [], scaled);
  }
  const session = await Session.open(step.model, { operators: 'as written' });
  const classes = session.inputs.find(({ name: input }) => input === step.inputs.targets);
  const width = classes?.dims[1] as number;
  const { pictures, targets } = batchOf(fixture, { side: fixture.side, classes: width });
  feeds[step.inputs.pictures] = float32(dims, pictures);
  feeds[step.inputs.targets] = float32([fixture.batch, width], targets);
  const found = await session.run(feeds);
  await session.close();
  const of = (output: string | undefined) => found[output as string].data as Float32Array;
  const compared: [string, Float32Array, Summary][] = [
    ...parameters.map((key): [string, Float32Array, Summary] => [
      key,
      of(step.outputs.gradients.get(key)),
      fixture.parameters[key],
    ]),
    ...Object.entries(fixture.statistics).map(([key, summary]): [string, Float32Array, Summary] => [
      key,
      of(step.outputs.statistics.get(key)),
      summary,
    ]),
  ];
  const errors = compared.map(([key, gradient, summary]) => ({
    key,
    error: difference(gradient, summary, key in fixture.statistics ? NO_MEAN : NOTHING),
  }));
  return {
    loss: Math.abs(of(step.outputs.loss)[0] / fixture.loss - 1),
    input: difference(of(step.outputs.input), fixture.input),
    largest: Math.max(...errors.map(({ error }) => error)),
    far: errors.filter(({ error }) => !(error < TOLERANCE)),
  };
}
