import { expect, test } from 'vitest';
import { openModelFile } from '../../../src/activations/model-file.js';
import { GraphBuilder } from '../../../src/onnx/graph-builder.js';
import { type Model, readModel } from '../../../src/onnx/model.js';
import { drawMask, type MaskRates, maskPlaces } from '../../../src/training/step/masks.js';
import { TrainedNetwork } from '../../../src/training/step/trained-network.js';

test('drop-connect grows with depth as EfficientNet has it, on the branch alone', async () => {
  const { model } = await openModelFile('efficientnet-b1');
  const places = maskPlaces(model, { drop_connect: 0.2 });
  const rates = places.map(({ node, rate }) => [node.outputs[0].split('/').at(-2), rate] as const);
  // Block 0.0 has no shortcut; the rate of a block is by its number among all 23.
  expect(places).toHaveLength(16);
  expect(rates[0]).toEqual(['blocks.0.1', 0.2 / 23]);
  expect(rates.find(([block]) => block === 'blocks.3.1')?.[1]).toBeCloseTo((0.2 * 9) / 23, 12);
  expect(rates.at(-1)).toEqual(['blocks.6.1', (0.2 * 22) / 23]);
  for (const { node, input, per } of places) {
    expect(per).toBe('picture');
    expect(node.inputs[input]).toMatch(/bn[23]\/BatchNormalization/);
  }
});

test('a shortcut that is a convolution is not taken for the branch', async () => {
  const { model } = await openModelFile('resnet-50');
  const places = maskPlaces(model, { drop_connect: 0.1 });
  expect(places.map(({ rate }) => Math.round(rate * 160))).toEqual(
    Array.from({ length: 15 }, (_, i) => i + 1),
  );
  for (const { node, input } of places) expect(node.inputs[input]).toContain('/bn3/');
});

test("dropout falls on the classifier's input", async () => {
  const { model } = await openModelFile('efficientnet-b1');
  const [place, ...rest] = maskPlaces(model, { dropout: 0.3 });
  expect(rest).toEqual([]);
  expect(place).toMatchObject({ input: 0, rate: 0.3, per: 'value' });
  expect(place.node.outputs).toEqual(['logits']);
});

test('a rate that has no place is refused', () => {
  const graph = new GraphBuilder('no product');
  graph.input('x', 'float32', ['batch', 2]);
  graph.output(graph.node('Sigmoid', ['x']));
  const model = readModel(graph.build(), 'no product');
  expect(() => maskPlaces(model, { dropout: 0.3 })).toThrow('no place for dropout');
  expect(() => maskPlaces(model, { drop_connect: 0.3 })).toThrow('no place for drop_connect');
});

test('a mask follows from seed, step and name, and keeps the mean', () => {
  const mask = { name: 'mask:a', dims: [40, 50], rate: 0.25 };
  const drawn = drawMask(mask, 3, 8);
  expect(drawMask(mask, 3, 8)).toEqual(drawn);
  for (const other of [
    drawMask(mask, 4, 8),
    drawMask(mask, 3, 9),
    drawMask({ ...mask, name: 'b' }, 3, 8),
  ])
    expect(other).not.toEqual(drawn);
  expect(new Set(drawn)).toEqual(new Set([0, Math.fround(4 / 3)]));
  expect(drawn.filter((value) => value === 0).length / drawn.length).toBeCloseTo(0.25, 1);
});

/** Dropout as an exporter leaves it in training mode: ratio and mode are inputs. */
function dropoutNetwork(): Model {
  const graph = new GraphBuilder('dropout');
  graph.input('x', 'float32', ['batch', 4]);
  graph.initializer(
    'first',
    [4, 4],
    Float32Array.from({ length: 16 }, (_, i) => (i % 5) - 1.5),
  );
  graph.initializer(
    'second',
    [4, 2],
    Float32Array.from({ length: 8 }, (_, i) => (i % 3) - 1),
  );
  graph.initializer('ratio', [], Float32Array.of(0.5));
  const hidden = graph.node('Tanh', [graph.node('MatMul', ['x', 'first'])]);
  const dropped = graph.node('Dropout', [hidden, 'ratio'], { name: 'drop' });
  graph.output(graph.node('MatMul', [dropped, 'second'], { name: 'logits' }));
  return readModel(graph.build(), 'dropout');
}

const batch = (step: number) => ({
  pictures: Float32Array.from({ length: 8 }, (_, i) => Math.sin(i)),
  targets: Float32Array.of(1, 0, 0, 1),
  step,
});

async function logits(model: Model, steps: readonly number[], rates?: MaskRates) {
  const network = await TrainedNetwork.open(model, {
    dims: [2, 4],
    threads: 1,
    masks: { ...rates, seed: 5 },
  });
  const found: number[][] = [];
  for (const step of steps) found.push([...(await network.pass(batch(step))).logits]);
  const { gradients } = await network.pass(batch(steps[0]));
  const first = [...(gradients.get('second') as Float32Array)];
  await network.close();
  return { found, first };
}

test('a Dropout that stands in the graph drops by the mask of the step', async () => {
  const model = dropoutNetwork();
  const { found, first } = await logits(model, [1, 2, 1]);
  expect(found[2]).toEqual(found[0]);
  expect(found[1]).not.toEqual(found[0]);
  const [place] = maskPlaces(model, {});
  expect(place).toMatchObject({ node: { operator: 'Dropout' }, rate: 0.5 });
  expect(maskPlaces(model, { dropout: 0.125 })).toMatchObject([
    { node: { operator: 'Dropout' }, rate: 0.125 },
  ]);
  // A unit that is dropped for both images gets no gradient.
  const mask = drawMask({ name: 'mask:drop', dims: [2, 4], rate: 0.5 }, 5, 1);
  for (let unit = 0; unit < 4; unit++) {
    const dropped = mask[unit] === 0 && mask[4 + unit] === 0;
    expect(first[2 * unit] === 0, `unit ${unit}`).toBe(dropped);
  }
});

/** Two residual blocks, or the first alone. */
function residualNetwork(blocks: number): Model {
  const graph = new GraphBuilder('residual');
  graph.input('x', 'float32', ['batch', 4]);
  let value = 'x';
  for (let block = 0; block < blocks; block++) {
    const numbers = Array.from({ length: 16 }, (_, i) => Math.cos(i + 3 * block));
    const weights = graph.initializer(`weights${block}`, [4, 4], Float32Array.from(numbers));
    const branch = graph.node('Tanh', [graph.node('MatMul', [value, weights])]);
    value = graph.node('Add', [branch, value]);
  }
  graph.output(value);
  return readModel(graph.build(), 'residual');
}

test('a picture whose branch is dropped is what the shortcut makes of it, others are made up for it', async () => {
  const pictures = Float32Array.from({ length: 24 }, (_, i) => Math.sin(i));
  const given = { pictures, targets: new Float32Array(24).fill(0.25) };
  const answers = async (model: Model, rate: number) => {
    const options = { dims: [6, 4], threads: 1, masks: { drop_connect: rate, seed: 2 } };
    const network = await TrainedNetwork.open(model, options);
    const { logits: found } = await network.pass(given);
    const copy = found.slice();
    await network.close();
    return copy;
  };
  const shortcut = await answers(residualNetwork(1), 0);
  const whole = await answers(residualNetwork(2), 0);
  const dropped = await answers(residualNetwork(2), 0.8);
  const mask = drawMask({ name: 'mask:Add_5', dims: [6, 1], rate: 0.4 }, 2, 0);
  expect(mask.filter((value) => value === 0).length).toBeGreaterThan(0);
  dropped.forEach((value, i) => {
    const expected = shortcut[i] + mask[Math.floor(i / 4)] * (whole[i] - shortcut[i]);
    expect(value).toBeCloseTo(expected, 5);
  });
});
