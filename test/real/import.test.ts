import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { build } from '../../models/resnet-20/build.js';
import { graft } from '../../src/importing/graft/graft.js';
import { planGraft } from '../../src/importing/graft/graft-plan.js';
import { storedFloats } from '../../src/importing/graft/weight-bytes.js';
import type { StoredTensor } from '../../src/importing/source/checkpoint.js';
import { exposeValues } from '../../src/onnx/expose.js';
import { resolveLayer } from '../../src/onnx/layers.js';
import { type Model, readModel } from '../../src/onnx/model.js';
import { modulesOf } from '../../src/onnx/modules.js';
import { Session } from '../../src/runtime/session.js';
import { tensorOf } from '../importing/made-tensors.js';
import { sharedData } from './shared-data.js';

const folder = sharedData('resnet20-cifar10');

/**
 * The state dict of a network whose batch norms were folded: convolutions without a bias, and batch norms that
 * add it. Their mean and variance are made up and undone by weight and bias, so that all four count.
 */
function unfolded(model: Model): Map<string, StoredTensor> {
  const { folded, flow } = modulesOf(model);
  const stored = new Map(model.graph.initializers.map((tensor) => [tensor.name, tensor]));
  const floats = (name: string) => storedFloats(stored.get(name)!)!;
  const state = new Map<string, StoredTensor>();
  for (const name of ['linear.weight', 'linear.bias']) {
    state.set(name, tensorOf(stored.get(name)!.dims, floats(name)));
  }
  for (const [value, scope] of folded) {
    const [, weight, bias] = flow.nodes[flow.producers.get(value)!].inputs;
    const norm = scope.path.replace('conv', 'bn');
    const channels = floats(bias).length;
    const mean = Float64Array.from({ length: channels }, (_, i) => Math.sin(i + 1));
    const variance = Float64Array.from({ length: channels }, (_, i) => 1.5 + Math.cos(i));
    const scale = variance.map((each) => Math.sqrt(each + 1e-5));
    state.set(`${scope.path}.weight`, tensorOf(stored.get(weight)!.dims, floats(weight)));
    const parts = {
      weight: scale,
      bias: Float64Array.from(floats(bias), (each, i) => each + mean[i]),
      running_mean: mean,
      running_var: variance,
    };
    for (const [leaf, values] of Object.entries(parts)) {
      state.set(`${norm}.${leaf}`, tensorOf([channels], values));
    }
  }
  return state;
}

describe.skipIf(!folder)('a ResNet-20 that was trained on CIFAR-10', () => {
  const original = () =>
    readModel(readFileSync(join(folder!, 'resnet20_cifar10.onnx')), 'resnet20_cifar10.onnx');
  const run = async (model: Model, values: string[]) => {
    const session = await Session.open(exposeValues(model, values));
    const data = Float32Array.from({ length: 3072 }, (_, k) => -2 + (4 * k) / 3071);
    const outputs = await session.run({ image: { dtype: 'float32', dims: [1, 3, 32, 32], data } });
    await session.close();
    return values.map((value) => outputs[value].data as Float32Array);
  };

  test('gives in our own graph, under its key names, what it gives in its export', async () => {
    const plan = planGraft(readModel(build(), 'resnet-20'), unfolded(original()));
    expect(plan.table).toMatchObject({ loaded: 97, total: 97, unexpected: [] });
    const imported = readModel((await graft(plan, 'resnet20.th')).model, 'imported');
    const layers = ['relu', 'layer1', 'layer2', 'layer3', 'linear'];
    const ours = await run(
      imported,
      layers.map((layer) => resolveLayer(imported, layer).value),
    );
    const theirs = await run(original(), ['conv1', 'layer1', 'layer2', 'layer3', 'logits']);
    const apart = ours.map((values, k) =>
      values.reduce((most, value, i) => Math.max(most, Math.abs(value - theirs[k][i])), 0),
    );
    expect(Math.max(...apart)).toBeLessThan(1e-4);
    // The logits of its README, for this very input.
    const logits = [1.98947, -1.26105, 4.6909, 0.08766, 0.42189, -1.71734, -3.06498, 1.21996];
    logits.forEach((logit, i) => {
      expect(ours[4][i]).toBeCloseTo(logit, 4);
    });
  });

  test('put back into its own export, batch norms folded again, changes no weight but by rounding', async () => {
    const before = original();
    const grafted = await graft(planGraft(before, unfolded(before)), 'resnet20.th');
    expect(grafted.epsilon?.known).toMatch(/this very checkpoint/);
    const after = readModel(grafted.model, 'again');
    const [a, b] = [before, after].map(({ graph }) => graph.initializers);
    const apart = a.map((tensor, k) => {
      const [old, put] = [storedFloats(tensor), storedFloats(b[k])];
      return old?.reduce((most, value, i) => Math.max(most, Math.abs(value - put![i])), 0) ?? 0;
    });
    expect(Math.max(...apart)).toBeLessThan(1e-6);
  });
});
