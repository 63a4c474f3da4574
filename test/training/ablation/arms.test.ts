import { describe, expect, test } from 'vitest';
import { armsOf, type Direction } from '../../../src/training/ablation/arms.js';
import { networkName, type Stage } from '../../../src/training/recipe/recipe.js';
import { parsed, smallAblation } from './small-ablation.js';

const arm = (more: object) => ({ name: 'own', table: 'behaviour', ...more });
const withArms = (...arms: object[]) => parsed(smallAblation({ arms }));

/** Recipes by arm. */
function recipes(ablation: ReturnType<typeof parsed>, direction: Direction = 'leave-one-out') {
  const arms = armsOf(ablation, direction, 'small.yaml');
  return Object.fromEntries(arms.map((each) => [each.id, each.recipe(ablation.families[0], 7)]));
}

const train = (stage: Stage) => {
  if ('train' in stage) return stage.train;
  throw new Error('no train stage');
};
const kindsOf = ({ stages }: { stages: readonly Stage[] }) =>
  stages.map((stage) => networkName(stage) ?? Object.keys(stage)[0]);

describe('an arm', () => {
  test('leaves one technique out of the base, or puts one that the base lacks on it', () => {
    const found = recipes(parsed(smallAblation()));
    const seen = Object.entries(found).map(([id, { stages }]) => [
      id,
      train(stages[0]).adversarial?.method,
      Object.keys(train(stages[1]).mix ?? {}),
    ]);
    expect(seen).toEqual([
      ['base', 'fast', ['CutMix']],
      ['without-hard', undefined, ['CutMix']],
      ['without-cutmix', 'fast', []],
      ['mixup', 'fast', ['MixUp']],
    ]);
  });

  test('adds one technique to the plain stages', () => {
    const found = recipes(parsed(smallAblation()), 'add-one');
    const seen = Object.entries(found).map(([id, { stages }]) => [
      id,
      train(stages[0]).adversarial?.method,
      Object.keys(train(stages[1]).mix ?? {}),
    ]);
    expect(seen).toEqual([
      ['base', undefined, []],
      ['hard', 'fast', []],
      ['cutmix', undefined, ['CutMix']],
      ['mixup', undefined, ['MixUp']],
    ]);
  });

  test('may add stages, and another test resolution; the last network is measured', () => {
    const average = { name: 'mean', of: 'first' };
    const found = recipes(
      withArms(arm({ add: [{ average }], input: { resize: 24 } })),
      'leave-one-out',
    );
    expect(kindsOf(found.base)).toEqual(['first', 'second', 'mean', 'evaluate']);
    expect(found.base.stages[3]).toMatchObject({
      evaluate: { checkpoints: ['mean'], attacks: ['pgd-20'], input: { resize: 24 } },
    });
    expect(kindsOf(found['without-own'])).toEqual(['first', 'second', 'evaluate']);
    expect(found['without-own'].stages[2]).toMatchObject({ evaluate: { checkpoints: ['second'] } });
    expect(JSON.stringify(found['without-own'])).not.toContain('resize');
  });

  test('is the recipe of its seed, with first weights of its own', () => {
    const { base, mixup } = recipes(parsed(smallAblation()));
    expect([base.seed, base.weights, base.name]).toEqual([7, 'redrawn', 'small-net']);
    expect(mixup.name).toBe(base.name);
  });

  test('may change names of objects alone, not what all objects share', () => {
    const change = JSON.parse('{"first": {"__proto__": {"rate": 5}}}');
    const file = JSON.stringify(smallAblation()).replace(
      '"arms":[',
      `"arms":[{"name":"evil","table":"behaviour","change":${JSON.stringify(change)}},`,
    );
    expect(() => recipes(parsed(JSON.parse(file)))).toThrow(
      /stages.0.train has no key "__proto__"/,
    );
    expect(({} as { rate?: number }).rate).toBeUndefined();
  });
});

describe('an ablation is refused', () => {
  const refused: [string, object, RegExp][] = [
    [
      'with a key that there is not',
      smallAblation({ seed: 1 }),
      /^small\.yaml:\d+:\d+ there is no key "seed"; did you mean "seeds"/,
    ],
    [
      'with a source of data that there is not',
      smallAblation({ data: { train: { url: 'x' }, test: { folder: 'y' } } }),
      /^small\.yaml:\d+:\d+ data\.train lacks "folder"/,
    ],
    ['with one seed', smallAblation({ seeds: [1] }), /seeds: must NOT have fewer than 2 items/],
    [
      'where two techniques have one name',
      smallAblation({ arms: [arm({ change: { first: { rate: 1 } } }), arm({})] }),
      /small\.yaml:\d+:\d+ arms: own is taken/,
    ],
    [
      'where a technique is called as the base is',
      smallAblation({ arms: [arm({ name: 'base' })] }),
      /arms: base is taken/,
    ],
    [
      'where an arm leaves the folder',
      smallAblation({ arms: [arm({ name: '../up' })] }),
      /arms\.0\.name: must match pattern/,
    ],
  ];
  test.each(refused)('%s', (_, ablation, message) => {
    expect(() => parsed(ablation)).toThrow(message);
    expect(() => parsed(ablation)).toThrow(expect.objectContaining({ code: 'recipe-invalid' }));
  });

  const unmade: [string, object, RegExp][] = [
    [
      'whose change is of no stage',
      arm({ change: { frist: { rate: 1 } } }),
      /^small\.yaml, arm base: change: no stage is called frist.*first/,
    ],
    [
      'whose change makes no stage',
      arm({ change: { first: { raet: 1 } } }),
      /^small\.yaml, arm base: stages\.0\.train has no key "raet".*rate/,
    ],
    [
      'whose change excludes what is there',
      arm({
        in_base: false,
        change: { first: { freeze: 'first-half', only: ['fc'] } },
      }),
      /^small\.yaml, arm own: stages\.0\.train\.only freeze and only exclude each other/,
    ],
    [
      'that is called as another arm is',
      [arm({ change: { first: { rate: 1 } } }), arm({ name: 'without-own', in_base: false })],
      /two arms are called without-own/,
    ],
  ];
  test.each(unmade)('%s', (_, arms, message) => {
    expect(() => recipes(withArms(...[arms].flat()))).toThrow(message);
  });
});
