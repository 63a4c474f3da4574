import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../../../src/formats/package-root.js';
import { GraphBuilder } from '../../../src/onnx/graph-builder.js';
import { readModel } from '../../../src/onnx/model.js';
import { Session, type Tensor } from '../../../src/runtime/session.js';
import { stepGraph } from '../../../src/training/step/step-graph.js';

interface Fixture {
  readonly batch: number;
  readonly classes: number;
  readonly logits: readonly number[];
  readonly targets: readonly number[];
  readonly loss: number;
  readonly gradient: readonly number[];
}

const fixture: Fixture = JSON.parse(
  readFileSync(join(packageRoot, 'test', 'fixtures', 'training', 'consistency.json'), 'utf8'),
);

/** A network that gives its input. */
function step(rows: number) {
  const graph = new GraphBuilder('as it is');
  graph.input('x', 'float64', ['batch', fixture.classes]);
  graph.output(graph.node('Identity', ['x']));
  return stepGraph(readModel(graph.build(), 'as it is'), {
    dims: [rows, fixture.classes],
    parameters: [],
    input: true,
    training: () => false,
    loss: 'jsd',
    precision: 'float64',
  });
}

const float64 = (dims: readonly number[], numbers: readonly number[]): Tensor => ({
  dtype: 'float64',
  dims,
  data: Float64Array.from(numbers),
});

test('the loss of three views, and its gradient, are those of PyTorch', async () => {
  const { batch, classes, logits, targets } = fixture;
  const { model, outputs, inputs, targets: dims } = step(3 * batch);
  const session = await Session.open(model, { threads: 1 });
  const found = await session.run({
    [inputs.pictures]: float64([3 * batch, classes], logits),
    [inputs.targets]: float64(dims, targets),
  });
  await session.close();
  const loss = (found[outputs.loss].data as Float64Array)[0];
  expect(Math.abs(loss / fixture.loss - 1)).toBeLessThan(1e-12);
  const gradient = found[outputs.input as string].data as Float64Array;
  gradient.forEach((value, i) => {
    expect(Math.abs(value - fixture.gradient[i])).toBeLessThan(1e-12);
  });
});

test('targets are of a third as many pictures as the batch has, which must be thrice some number', () => {
  expect(step(6).targets).toEqual([2, fixture.classes]);
  expect(() => step(7)).toThrow('7 images are not 3 views of each');
});
