import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { packageRoot } from '../../../src/formats/package-root.js';
import { RandomState } from '../../../src/numerics/random/random-state.js';
import { readModel } from '../../../src/onnx/model.js';
import { Session } from '../../../src/runtime/session.js';
import { sgd } from '../../../src/training/optimize/optimizers.js';
import { type Batch, TrainedNetwork } from '../../../src/training/step/trained-network.js';
import { oraclePath } from '../../oracle.js';
import { difference, type Summary } from '../torch-fixture.js';

interface Fixture {
  readonly batch: number;
  readonly side: number;
  readonly rate: number;
  readonly momentum: number;
  readonly weight_decay: number;
  readonly losses: readonly number[];
  readonly parameters: Readonly<Record<string, Summary>>;
  readonly statistics: Readonly<Record<string, Summary>>;
}

/** Relative; float32 against float64 over ten steps. */
const TOLERANCE = 1e-3;

const networkOf = (name: string) => {
  const path = oraclePath(`11-layer-names/${name}/unfolded.onnx`);
  return readModel(readFileSync(path), name);
};

function* batches({ batch, side }: Fixture, classes: number): Generator<Batch> {
  const random = new RandomState(5);
  for (;;) {
    const pictures = Float32Array.from(random.standardNormal(batch * 3 * side * side));
    const targets = new Float32Array(batch * classes);
    random.randint(0, classes, batch).forEach((label, row) => {
      targets[row * classes + label] = 1;
    });
    yield { pictures, targets };
  }
}

const fixtureOf = (name: string): Fixture =>
  JSON.parse(
    readFileSync(join(packageRoot, 'test', 'fixtures', 'training', `steps-${name}.json`), 'utf8'),
  );

describe.each(['resnet', 'mbconv'])('%s', (name) => {
  const fixture = fixtureOf(name);
  const dims = [fixture.batch, 3, fixture.side, fixture.side];

  async function trained(frozen?: (name: string) => boolean) {
    const network = await TrainedNetwork.open(networkOf(name), {
      dims,
      threads: 1,
      ...(frozen ? { frozen } : {}),
    });
    const optimizer = sgd(fixture);
    const losses: number[] = [];
    const given = batches(fixture, 6);
    for (let step = 0; step < fixture.losses.length; step++) {
      const pass = await network.pass(given.next().value as Batch);
      losses.push(pass.loss);
      optimizer.step(network.parameters, pass.gradients, fixture.rate);
      network.follow(pass);
    }
    await network.close();
    return { losses, network };
  }

  test('stays with PyTorch over ten steps, running statistics too', async () => {
    const { losses, network } = await trained();
    losses.forEach((loss, step) => {
      expect(Math.abs(loss / fixture.losses[step] - 1)).toBeLessThan(TOLERANCE);
    });
    const tensors = new Map([
      ...network.parameters.map(({ name: key, values }) => [key, values] as const),
      ...network.statistics,
    ]);
    const wanted = { ...fixture.parameters, ...fixture.statistics };
    expect([...tensors.keys()].sort()).toEqual(Object.keys(wanted).sort());
    for (const [key, summary] of Object.entries(wanted))
      expect(difference(tensors.get(key) as Float32Array, summary), key).toBeLessThan(TOLERANCE);
  });

  test('gives the same bits from the same batches', async () => {
    const [first, second] = [await trained(), await trained()];
    expect(second.losses).toEqual(first.losses);
    expect(second.network.checkpoint()).toEqual(first.network.checkpoint());
  });

  test('is a model that runs at every step, with what is frozen as it was, to the byte', async () => {
    const before = networkOf(name);
    const first = /^(conv1|bn1|layer1|conv_stem|blocks\.0)\./;
    const { network } = await trained((key) => first.test(key));
    const bytes = network.checkpoint();
    const after = readModel(bytes, name);
    after.graph.initializers.forEach((tensor, i) => {
      const same = Buffer.compare(tensor.bytes, before.graph.initializers[i].bytes) === 0;
      if (first.test(tensor.name)) expect(same, tensor.name).toBe(true);
      else if (tensor.dims.length > 1) expect(same, tensor.name).toBe(false);
    });
    const session = await Session.open(bytes, { threads: 1 });
    const { pictures } = batches(fixture, 6).next().value as Batch;
    const outputs = await session.run({
      [session.inputs[0].name]: { dtype: 'float32', dims, data: pictures },
    });
    await session.close();
    for (const value of outputs[session.outputs[0].name].data as Float32Array)
      expect(value).toSatisfy(Number.isFinite);
  });
});
