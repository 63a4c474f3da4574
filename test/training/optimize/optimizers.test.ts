import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { packageRoot } from '../../../src/formats/package-root.js';
import {
  adam,
  adamw,
  clipGradients,
  gradientNorm,
  type Optimizer,
  type Parameter,
  sgd,
} from '../../../src/training/optimize/optimizers.js';
import { rateAt, type Schedule } from '../../../src/training/optimize/schedules.js';
import { climb } from '../../../src/training/optimize/sharpness.js';

interface Fixture {
  readonly start: readonly number[];
  readonly gradients: readonly (readonly number[])[];
  readonly optimizers: Readonly<
    Record<string, { rate: number; options: object; weights: readonly (readonly number[])[] }>
  >;
  readonly schedules: Readonly<Record<string, readonly number[]>>;
}

const file = join(packageRoot, 'test', 'fixtures', 'training', 'optimizers.json');
const fixture: Fixture = JSON.parse(readFileSync(file, 'utf8'));
const makers = { sgd, momentum: sgd, nesterov: sgd, adam, adamw };
/** The fixture is in float64; weights are kept in float32. */
const TOLERANCE = 2e-6;

const parameter = (values: readonly number[], decays = true): Parameter => ({
  name: 'w',
  values: Float32Array.from(values),
  decays,
});
const gradient = (values: readonly number[]) => new Map([['w', Float32Array.from(values)]]);

describe('optimizers', () => {
  test.each(Object.entries(makers))('%s takes the steps of PyTorch', (name, make) => {
    const { rate, options, weights } = fixture.optimizers[name];
    const optimizer = make(options);
    const own = parameter(fixture.start);
    fixture.gradients.forEach((given, step) => {
      optimizer.step([own], gradient(given), rate);
      own.values.forEach((value, i) => {
        expect(Math.abs(value - weights[step][i])).toBeLessThan(TOLERANCE);
      });
    });
  });

  test.each(Object.entries(makers))('%s goes on from its state to the same bits', (name, make) => {
    const { rate, options } = fixture.optimizers[name];
    const run = (optimizer: Optimizer, own: Parameter, gradients: Fixture['gradients']) => {
      for (const given of gradients) optimizer.step([own], gradient(given), rate);
    };
    const [whole, first, second] = [make(options), make(options), make(options)];
    const [undisturbed, own] = [parameter(fixture.start), parameter(fixture.start)];
    run(whole, undisturbed, fixture.gradients);
    run(first, own, fixture.gradients.slice(0, 4));
    second.restore(first.state);
    // The first continues too, and must not touch what the second has.
    run(first, parameter(fixture.start), fixture.gradients);
    run(second, own, fixture.gradients.slice(4));
    expect(own.values).toEqual(undisturbed.values);
    expect(second.state.steps).toBe(fixture.gradients.length);
  });

  test('decay does not apply to norms and biases', () => {
    const own = parameter([1, 2], false);
    sgd({ weight_decay: 0.5 }).step([own], gradient([0, 0]), 0.1);
    adamw({ weight_decay: 0.5 }).step([own], gradient([0, 0]), 0.1);
    expect([...own.values]).toEqual([1, 2]);
  });

  test('what has no gradient stays as it is', () => {
    const own = parameter([1, 2]);
    adamw({ weight_decay: 0.5 }).step([own], new Map(), 0.1);
    expect([...own.values]).toEqual([1, 2]);
  });

  test('gradients are clipped to a norm, and shorter ones are not touched', () => {
    const long = gradient([3, 4]);
    expect(clipGradients(long, 1)).toBe(5);
    expect(gradientNorm(long)).toBeCloseTo(1, 5);
    const short = gradient([0.3, 0.4]);
    clipGradients(short, 1);
    expect(short).toEqual(gradient([0.3, 0.4]));
  });
});

const numbers = fc.array(fc.float({ noNaN: true, min: -100, max: 100 }), {
  minLength: 3,
  maxLength: 3,
});

describe('sharpness-aware minimisation', () => {
  test('with a radius of 0 moves nothing, and always puts every bit back', () => {
    fc.assert(
      fc.property(
        numbers,
        numbers,
        fc.double({ min: 0, max: 2, noNaN: true }),
        fc.boolean(),
        (w, g, rho, adaptive) => {
          const own = parameter(w);
          const before = own.values.slice();
          const back = climb([own], gradient(g), { rho, adaptive });
          if (rho === 0) expect(own.values.map(Math.abs)).toEqual(before.map(Math.abs));
          back();
          expect(own.values).toEqual(before);
        },
      ),
    );
  });

  test('moves by its radius, along the gradient', () => {
    const own = parameter([1, -2]);
    climb([own], gradient([3, 4]), { rho: 0.5 });
    expect(own.values[0]).toBeCloseTo(1.3, 6);
    expect(own.values[1]).toBeCloseTo(-1.6, 6);
  });

  test('adaptively moves each weight in proportion to its square', () => {
    const own = parameter([1, -2]);
    climb([own], gradient([3, 2]), { rho: 0.5, adaptive: true });
    // |w·g| = |(3, −4)| = 5
    expect(own.values[0]).toBeCloseTo(1 + 0.1 * 3 * 1, 6);
    expect(own.values[1]).toBeCloseTo(-2 + 0.1 * 2 * 4, 6);
  });
});

const schedules: Record<string, Schedule> = {
  cosine: { name: 'cosine' },
  step: { name: 'step', every: 15 / 40, gamma: 0.1 },
  triangular: { name: 'triangular', peak: 0.4 },
};

describe('schedules', () => {
  test.each(Object.entries(schedules))('%s goes as PyTorch has it', (name, schedule) => {
    fixture.schedules[name].forEach((rate, step) => {
      expect(rateAt(step, { rate: 0.5, schedule, steps: 40 })).toBeCloseTo(rate, 10);
    });
  });

  test('a warm-up rises in a line to where the schedule begins', () => {
    const options = { rate: 1, schedule: { name: 'cosine' }, steps: 14, warmup: 4 } as const;
    const rates = [0, 1, 2, 3, 4].map((step) => rateAt(step, options));
    expect(rates.map((rate) => Number(rate.toFixed(10)))).toEqual([0.2, 0.4, 0.6, 0.8, 1]);
  });
});
