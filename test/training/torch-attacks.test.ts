import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../../src/formats/package-root.js';
import { RandomState } from '../../src/numerics/random/random-state.js';
import { GraphBuilder } from '../../src/onnx/graph-builder.js';
import { readModel } from '../../src/onnx/model.js';
import { runSearches, type Search } from '../../src/training/robustness/attack-slots.js';
import { GradientSearch } from '../../src/training/robustness/gradient-search.js';
import { AttackedNetwork } from '../../src/training/step/attacked-network.js';

interface Fixture {
  readonly side: number;
  readonly classes: number;
  readonly labels: readonly number[];
  readonly pictures: readonly number[];
  readonly kernel: readonly number[];
  readonly bias: readonly number[];
  readonly head: readonly number[];
  readonly offset: readonly number[];
  readonly cases: readonly {
    readonly norm: 'Linf' | 'L2';
    readonly epsilon: number;
    readonly size: number;
    readonly loss: 'cross-entropy' | 'margin';
    /** Losses of all images, and the first image, after each step. */
    readonly steps: readonly {
      readonly losses: readonly number[];
      readonly picture: readonly number[];
    }[];
  }[];
}

const file = join(packageRoot, 'test', 'fixtures', 'training', 'attacks.json');
const fixture: Fixture = JSON.parse(readFileSync(file, 'utf8'));
const { side, classes, labels, cases } = fixture;
const size = 3 * side * side;

function network() {
  const graph = new GraphBuilder('small');
  const weights = (name: string, dims: number[], values: readonly number[]) =>
    graph.initializer(name, dims, Float32Array.from(values));
  graph.input('x', 'float32', ['batch', 3, side, side]);
  weights('kernel', [4, 3, 3, 3], fixture.kernel);
  weights('bias', [4], fixture.bias);
  weights('head', [classes, 4 * side * side], fixture.head);
  weights('offset', [classes], fixture.offset);
  const conv = { attributes: { pads: { ints: [1, 1, 1, 1] } } };
  const seen = graph.node('Relu', [graph.node('Conv', ['x', 'kernel', 'bias'], conv)]);
  const gemm = { attributes: { transB: { int: 1 } } };
  graph.output(graph.node('Gemm', [graph.node('Flatten', [seen]), 'head', 'offset'], gemm));
  return readModel(graph.build(), 'small');
}

test.each(cases)('PGD in $norm up the $loss takes the steps of MadryLab', async (given) => {
  const { norm, epsilon, size: stepSize, loss, steps } = given;
  const target = await AttackedNetwork.open(network(), {
    dims: [2, 3, side, side],
    normalisation: { range: 1, mean: [0.4, 0.5, 0.6], std: [0.2, 0.25, 0.5] },
    loss,
    threads: 1,
  });
  const seen = labels.map(() => [] as { loss: number; picture: Float32Array }[]);
  async function* searches(): AsyncGenerator<Search> {
    for (const [i, label] of labels.entries()) {
      const picture = Float32Array.from(fixture.pictures.slice(i * size, (i + 1) * size));
      const options = { steps: steps.length - 1, stepSize, starts: 1, toTheEnd: true };
      const threat = { norm, epsilon };
      const search = new GradientSearch({ picture, label }, threat, options, new RandomState(0));
      const see = search.see.bind(search);
      search.see = (answer) => {
        seen[i].push({ loss: answer.loss, picture: search.picture.slice() });
        return see(answer);
      };
      yield search;
    }
  }
  await runSearches(target, searches(), {});
  await target.close();
  for (const [i, places] of seen.entries()) {
    expect(places).toHaveLength(steps.length);
    places.forEach((place, step) => {
      const expected = steps[step].losses[i];
      expect(Math.abs(place.loss - expected)).toBeLessThan(1e-4 * Math.max(1, Math.abs(expected)));
    });
  }
  seen[0].forEach(({ picture }, step) => {
    const apart = picture.map((value, at) => Math.abs(value - steps[step].picture[at]));
    expect(Math.max(...apart)).toBeLessThan(1e-5);
  });
});
