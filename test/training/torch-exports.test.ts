import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { RandomState } from '../../src/numerics/random/random-state.js';
import { readModel } from '../../src/onnx/model.js';
import { tensorElements } from '../../src/onnx/tensor-elements.js';
import { Session, type Tensor } from '../../src/runtime/session.js';
import { stepGraph } from '../../src/training/step/step-graph.js';
import { difference, type Summary, TOLERANCE } from './torch-fixture.js';

interface Fixture {
  readonly batch: number;
  readonly side: number;
  readonly seed: number;
  readonly classes: number;
  readonly networks: Readonly<
    Record<
      string,
      {
        readonly loss: number;
        readonly input: Summary;
        readonly parameters: Readonly<Record<string, Summary>>;
      }
    >
  >;
}

const folder = join(import.meta.dirname, '../fixtures/training/exports');
const fixture: Fixture = JSON.parse(readFileSync(join(folder, 'gradients.json'), 'utf8'));

/** The images and targets of the fixture, by its own random numbers. */
function batchOf({ batch, side, seed, classes }: Fixture) {
  const random = new RandomState(seed);
  const pictures = Float32Array.from(random.standardNormal(batch * 3 * side * side));
  const drawn = Float32Array.from(random.randomSample(batch * classes));
  const targets = drawn.map((value, i) => {
    const row = Math.floor(i / classes) * classes;
    return value / drawn.subarray(row, row + classes).reduce((sum, one) => sum + one, 0);
  });
  return { pictures, targets };
}

describe.each([
  ['as on a CPU', {}],
  ['in forms for every provider', { portable: true }],
])('%s', (_, kernels) => {
  test.each(Object.entries(fixture.networks))(
    '%s, exported by PyTorch, has the loss and the gradients that PyTorch has',
    async (name, expected) => {
      const model = readModel(readFileSync(join(folder, `${name}.onnx`)), name);
      const dims = [fixture.batch, 3, fixture.side, fixture.side];
      const parameters = Object.keys(expected.parameters);
      const training = () => false;
      const step = stepGraph(model, { dims, parameters, input: true, training, kernels });
      const { pictures, targets } = batchOf(fixture);
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
      expect(of(step.outputs.loss)[0] / expected.loss - 1).toBeCloseTo(0, 4);
      expect(difference(of(step.outputs.input), expected.input)).toBeLessThan(TOLERANCE);
      const errors = parameters.map((key) => [
        key,
        difference(of(step.outputs.gradients.get(key)), expected.parameters[key]),
      ]);
      expect(errors.filter(([, error]) => !((error as number) < TOLERANCE))).toEqual([]);
    },
  );
});
