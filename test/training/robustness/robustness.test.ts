import { describe, expect, test } from 'vitest';
import { RandomState } from '../../../src/numerics/random/random-state.js';
import { Work } from '../../../src/runtime/work.js';
import type { Threat } from '../../../src/training/attack/threat.js';
import { runSearches, type Search } from '../../../src/training/robustness/attack-slots.js';
import { evaluateRobustness } from '../../../src/training/robustness/evaluate-robustness.js';
import { GradientSearch } from '../../../src/training/robustness/gradient-search.js';
import { robustnessEvents } from '../../../src/training/robustness/robustness.js';
import { SquareSearch } from '../../../src/training/robustness/square-search.js';
import { AttackedNetwork } from '../../../src/training/step/attacked-network.js';
import {
  greyPictures,
  linearNetwork,
  marginOf,
  normalisation,
  reach,
  SIDE,
} from '../linear-network.js';

const COUNT = 16;
const pictures = greyPictures(COUNT);
const margins = pictures.map(marginOf);
/** Two of the examples bear the wrong name. */
const labels = margins.map((margin, i) => (margin > 0 === i > 1 ? 1 : 0));
const examples = { labels, picture: async (index: number) => pictures[index].slice() };
const dims = [4, 3, SIDE, SIDE];
const network = (scale = 1) => ({
  model: linearNetwork(scale),
  dims,
  normalisation,
  threads: 1,
});
/** Examples that nothing within the radius turns. */
const standing = ({ norm, epsilon }: Threat) =>
  margins.filter((margin, i) => i > 1 && Math.abs(margin) > epsilon * reach[norm]).length;
const sorted = [...margins].map(Math.abs).sort((a, b) => a - b);
const middle = (sorted[COUNT / 2] + sorted[COUNT / 2 - 1]) / 2;
const threats = (['Linf', 'L2'] as const).flatMap((norm) =>
  [0.5, 1].map((share) => ({ norm, epsilon: (share * middle) / reach[norm] })),
);

describe('of a network whose worst pictures are known', () => {
  test('every figure is what can be computed by hand, and nothing looks masked', async () => {
    const found = await evaluateRobustness(network(), examples, { threats, seed: 1 });
    expect(found.clean).toMatchObject({ correct: COUNT - 2, count: COUNT });
    expect(found.threats.map(({ worst }) => worst.correct)).toEqual(threats.map(standing));
    for (const threat of found.threats) {
      expect(threat.attacks.map(({ attack }) => attack)).toEqual([
        'fgsm',
        'pgd-20',
        'pgd-100',
        'margin',
        'square',
      ]);
      for (const { attack, correct, accuracy, interval } of threat.attacks) {
        if (attack === 'square') expect(correct).toBeGreaterThanOrEqual(threat.worst.correct);
        else expect(correct).toBe(standing(threat));
        expect(interval[0] <= accuracy && accuracy <= interval[1]).toBe(true);
      }
    }
    expect(found.checks.map(({ passed }) => passed)).not.toContain(false);
    expect(found.checks).toHaveLength(1 + 2 + threats.length);
    expect(found.maskingSuspected).toBe(false);
  });

  test('the size of a batch and what else is asked change no count', async () => {
    const options = { threats: threats.slice(2, 3), attacks: ['pgd-20'] as const, seed: 1 };
    const few = await evaluateRobustness(network(), examples, options);
    const wide = { ...network(), dims: [7, 3, SIDE, SIDE] };
    const more = await evaluateRobustness(wide, examples, {
      ...options,
      attacks: ['square', 'pgd-20'],
    });
    const of = (found: typeof few) =>
      found.threats.map(({ attacks }) => attacks.find(({ attack }) => attack === 'pgd-20'));
    expect(of(more)).toEqual(of(few));
    expect(await evaluateRobustness(network(), examples, options)).toEqual(few);
  });

  test('becomes events of a run', async () => {
    const options = { threats: threats.slice(0, 1), attacks: ['fgsm'] as const, seed: 1 };
    const events = robustnessEvents('late', await evaluateRobustness(network(), examples, options));
    expect(events.map(({ attack, epsilon }) => [attack, epsilon])).toEqual([
      ['clean', 0],
      ['fgsm', threats[0].epsilon],
      ['worst', threats[0].epsilon],
    ]);
    expect(events[2]).toMatchObject({ checkpoint: 'late', count: COUNT, norm: 'Linf' });
  });
});

test('a network whose softmax saturates is suspected of masking, with every check that saw it', async () => {
  const options = { threats: threats.slice(0, 2), seed: 1 };
  const found = await evaluateRobustness(network(1e7), examples, options);
  expect(found.maskingSuspected).toBe(true);
  const failed = found.checks.filter(({ passed }) => passed === false).map(({ name }) => name);
  expect(failed).toEqual([
    'accuracy goes to about 0 as epsilon grows',
    expect.stringMatching(/^loss rises with steps at Linf/),
    expect.stringMatching(/^no black-box attack beats PGD at Linf/),
  ]);
  // The margin does not saturate: the worst case is right all the same.
  expect(found.threats.map(({ worst }) => worst.correct)).toEqual(options.threats.map(standing));
  const [{ attacks }] = found.threats;
  expect(attacks.find(({ attack }) => attack === 'pgd-20')?.correct).toBe(COUNT - 2);
});

test('where nothing is named right there is nothing to check', async () => {
  const wrong = { ...examples, labels: margins.map((margin) => (margin > 0 ? 0 : 1)) };
  const found = await evaluateRobustness(network(), wrong, { threats, seed: 1 });
  expect(found.clean.correct).toBe(0);
  expect(found.checks[0]).toMatchObject({ passed: null });
  expect(found.threats[0].worst).toMatchObject({ correct: 0, count: COUNT });
});

test.each([
  [{ ...examples, labels: [] }, /no example/],
  [{ ...examples, labels: [0, 2] }, /class 2, and the network tells 2 classes apart/],
  [{ ...examples, labels: [-1] }, /class -1/],
])('refuses what cannot be evaluated: %#', async (given, sentence) => {
  await expect(evaluateRobustness(network(), given, { threats, seed: 1 })).rejects.toMatchObject({
    code: 'training-data-invalid',
    message: sentence,
  });
});

test('stops where it is told to', async () => {
  const stop = new AbortController();
  const progress = Work.start(() => stop.abort());
  const options = { threats, seed: 1, signal: stop.signal, progress };
  await expect(evaluateRobustness(network(), examples, options)).rejects.toMatchObject({
    code: 'interrupted',
  });
});

/** Runs searches to their end; gives every place that was looked at. */
async function placesOf(make: (picture: Float32Array, label: number, seed: number) => Search) {
  const target = await AttackedNetwork.open(linearNetwork(), { ...network(), loss: 'margin' });
  const seen = pictures.map(() => [] as Float32Array[]);
  async function* searches() {
    for (const [i, picture] of pictures.entries()) {
      const search = make(picture, labels[i], i);
      const see = search.see.bind(search);
      search.see = (answer) => {
        seen[i].push(search.picture.slice());
        return see(answer);
      };
      yield search;
    }
  }
  await runSearches(target, searches(), {});
  await target.close();
  return seen;
}

describe.each(['Linf', 'L2'] as const)('in %s', (norm) => {
  const threat = { norm, epsilon: norm === 'Linf' ? 0.05 : 0.2 };

  test.each([
    ['Square', 60],
    ['PGD', 2 * 21],
  ] as const)('every place that %s looks at is in the ball and in [0, 1]', async (name, most) => {
    const seen = await placesOf((picture, label, seed) => {
      const random = new RandomState(seed);
      if (name === 'Square')
        return new SquareSearch({ picture, label }, dims.slice(1), threat, 60, random);
      const options = { steps: 20, stepSize: threat.epsilon / 8, starts: 2 };
      return new GradientSearch({ picture, label }, threat, options, random);
    });
    seen.forEach((places, i) => {
      expect(places.length).toBeGreaterThan(0);
      expect(places.length).toBeLessThanOrEqual(most);
      for (const place of places) {
        const moves = place.map((value, at) => Math.abs(value - pictures[i][at]));
        const far = norm === 'L2' ? Math.hypot(...moves) : Math.max(...moves);
        expect(far).toBeLessThanOrEqual(threat.epsilon + 1e-6);
        expect(place.every((value) => value >= 0 && value <= 1)).toBe(true);
      }
    });
  });

  test('without gradients the square attack comes near to the worst', async () => {
    const gains = pictures.slice(2, 6).map((picture, i) => {
      // The other class of an image that is far from being turned.
      const label = margins[i + 2] > 0 ? 1 : 0;
      const search = new SquareSearch(
        { picture, label },
        dims.slice(1),
        threat,
        1000,
        new RandomState(i),
      );
      const lossOf = (place: Float32Array) => (label === 1 ? -1 : 1) * marginOf(place);
      let best = Number.NEGATIVE_INFINITY;
      for (let over = false; !over; ) {
        const loss = lossOf(search.picture);
        best = Math.max(best, loss);
        over = search.see({ loss, fools: false });
      }
      return (best - lossOf(picture)) / (threat.epsilon * reach[norm]);
    });
    for (const gain of gains) {
      expect(gain).toBeGreaterThan(norm === 'Linf' ? 0.8 : 0.4);
      expect(gain).toBeLessThanOrEqual(1 + 1e-6);
    }
  });
});
