import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readModel } from '../../src/onnx/model.js';
import { tensorElements } from '../../src/onnx/tensor-elements.js';
import { Session, type Tensor } from '../../src/runtime/session.js';
import type { Kernels } from '../../src/training/graph/static-graph.js';
import { stepGraph } from '../../src/training/step/step-graph.js';
import { batchOf, difference, type Summary, TOLERANCE } from './torch-fixture.js';

/** What `torch_exports.py` writes of one network. */
interface Exported {
  /** Of the images, where networks differ in it. */
  readonly side?: number;
  readonly loss: number;
  readonly input: Summary;
  readonly parameters: Readonly<Record<string, Summary>>;
}

interface Fixture {
  readonly batch: number;
  readonly side?: number;
  readonly seed: number;
  readonly classes: number;
  readonly networks: Readonly<Record<string, Exported>>;
}

/** `gradients.json` of a folder. */
export const readFixture = (folder: string): Fixture =>
  JSON.parse(readFileSync(join(folder, 'gradients.json'), 'utf8'));

/** How far the step of an exported network is from autograd; `far` are gradients beyond the tolerance. */
export async function besideAutograd(
  folder: string,
  fixture: Fixture,
  name: string,
  kernels: Kernels = {},
) {
  const expected = fixture.networks[name];
  const model = readModel(readFileSync(join(folder, `${name}.onnx`)), name);
  const side = expected.side ?? (fixture.side as number);
  const dims = [fixture.batch, 3, side, side];
  const parameters = Object.keys(expected.parameters);
  const training = () => false;
  const step = stepGraph(model, { dims, parameters, input: true, training, kernels });
  const { pictures, targets } = batchOf(fixture, { side, classes: fixture.classes });
  const float32 = (sizes: readonly number[], data: Float32Array): Tensor => ({
    dtype: 'float32',
    dims: sizes,
    data,
  });
  const feeds: Record<string, Tensor> = {
    [step.inputs.pictures]: float32(dims, pictures),
    [step.inputs.targets]: float32([fixture.batch, fixture.classes], targets),
  };
  for (const tensor of model.graph.initializers) {
    if (!parameters.includes(tensor.name)) continue;
    feeds[tensor.name] = float32(tensor.dims, tensorElements(tensor) as Float32Array);
  }
  const session = await Session.open(step.model, { threads: 1, operators: 'as written' });
  const found = await session.run(feeds);
  await session.close();
  const of = (output: string | undefined) => found[output as string].data as Float32Array;
  const errors = parameters.map((key) => ({
    key,
    error: difference(of(step.outputs.gradients.get(key)), expected.parameters[key]),
  }));
  return {
    loss: Math.abs(of(step.outputs.loss)[0] / expected.loss - 1),
    input: difference(of(step.outputs.input), expected.input),
    far: errors.filter(({ error }) => !(error < TOLERANCE)),
  };
}
