import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { openModelFile } from '../../../src/activations/model-file.js';
import { readModel } from '../../../src/onnx/model.js';
import { tensorElements } from '../../../src/onnx/tensor-elements.js';
import { redrawWeights } from '../../../src/scoring/floor/redrawn-weights.js';
import { parseRecipe } from '../../../src/training/recipe/parse-recipe.js';
import type { TrainStage } from '../../../src/training/recipe/recipe.js';
import { frozenModules } from '../../../src/training/step/frozen-modules.js';

const generated = { generate: 'objects-on-backgrounds', seed: 1, count: 100, side: 32 };
const train = { name: 'first', epochs: 2, batch: 8, rate: 0.1 };
const recipeOf = (...stages: object[]) => ({
  name: 'trial',
  model: 'objects-resnet',
  data: { train: generated, test: { ...generated, seed: 2 } },
  stages,
});
const parsed = (recipe: object) => parseRecipe(stringify(recipe), 'recipe.yaml');
const first = (recipe: object) => (parsed(recipe).stages[0] as { train: TrainStage }).train;

describe('a recipe', () => {
  test('has every default written out', () => {
    const { seed, weights, workers, data } = parsed(recipeOf({ train }));
    expect({ seed, weights, workers, validation: data.validation }).toEqual({
      seed: 1,
      weights: 'as-given',
      workers: 1,
      validation: { share: 0.1 },
    });
    expect(first(recipeOf({ train }))).toEqual({
      ...train,
      from: 'untrained',
      optimizer: { name: 'sgd', momentum: 0.9, nesterov: false, weight_decay: 0 },
      schedule: { name: 'cosine' },
      warmup: 0,
      accumulate: 1,
      label_smoothing: 0,
      batch_norm_momentum: 0.1,
      dropout: 0,
      drop_connect: 0,
      augment: [],
      best_by: 'accuracy',
      keep: 'last',
    });
  });

  test('takes quotients for epsilon, and steps of the method', () => {
    const spec = (method: string) => {
      const adversarial = { method, norm: 'Linf', epsilon: '8/255' };
      return first(recipeOf({ train: { ...train, adversarial } })).adversarial;
    };
    expect(spec('pgd')).toMatchObject({ steps: 7, random_start: false, epsilon: 8 / 255 });
    expect(spec('pgd')?.step_size).toBeCloseTo((2.5 * 8) / 255 / 7, 12);
    expect(spec('fast')).toMatchObject({ steps: 1, random_start: true, step_size: 10 / 255 });
    expect(spec('free')).toMatchObject({ replays: 4, step_size: 8 / 255 });
  });

  test('begins a stage with the network of the one before', () => {
    const average = { name: 'mean', of: 'first' };
    const { stages } = parsed(recipeOf({ train }, { average }, { train: { ...train, name: 'b' } }));
    expect(stages[1]).toMatchObject({ average: { epochs: [0, 1], method: 'uniform' } });
    expect(stages[2]).toMatchObject({ train: { from: 'mean' } });
  });

  const attacked = { method: 'pgd', norm: 'Linf', epsilon: 0.1 };
  const wrong: readonly [object, RegExp][] = [
    [{ train: { ...train, rat: 1 } }, /recipe\.yaml:\d+:\d+ .*no key "rat"; did you mean "rate"/],
    [{ train: { ...train, from: 'secnd' } }, /from.*|no stage before is called secnd/],
    [{ average: { name: 'mean', of: 'untrained' } }, /untrained is no train stage/],
    [{ train: { ...train, adversarial: attacked, mix: { CutMix: {} } } }, /one class per image/],
    [{ train: { ...train, name: 'a-epoch0' } }, /what an epoch would be called/],
    [{ train: { ...train, freeze: 'first-half', only: ['fc'] } }, /exclude each other/],
    [{ train: { ...train, best_by: 'robust-accuracy' } }, /measured in adversarial stages/],
    [{ score: { checkpoints: ['nobody'], benchmarks: ['x'] } }, /no stage before is called nobody/],
  ];
  test.each(wrong)('%j is refused with its place', (stage, sentence) => {
    expect(() => parsed(recipeOf(stage))).toThrow(sentence);
    expect(() => parsed(recipeOf(stage))).toThrow(
      expect.objectContaining({ code: 'recipe-invalid' }),
    );
  });

  test('cannot average epochs that a stage does not have, nor use a name twice', () => {
    const average = { name: 'mean', of: 'first', epochs: [1, 4] };
    expect(() => parsed(recipeOf({ train }, { average }))).toThrow(/epochs 0 to 1, found 4/);
    expect(() => parsed(recipeOf({ train }, { train }))).toThrow(/first is taken/);
  });
});

describe('frozen modules', () => {
  test('the first half of EfficientNet-B1 is stem and blocks up to 3.2, 11 of 23', async () => {
    const { model } = await openModelFile('efficientnet-b1');
    const { names, rule } = frozenModules(model, { freeze: 'first-half' });
    expect(rule).toMatch(/11 of 23 blocks up to blocks\.3\.2/);
    const weights = model.graph.initializers.filter(
      ({ name }) => names.has(name) && !/running_(mean|var)|num_batches/.test(name),
    );
    const count = weights
      .filter(({ name }) => /weight|bias/.test(name))
      .reduce((sum, { dims }) => sum + dims.reduce((a, b) => a * b, 1), 0);
    expect(count).toBe(351_272);
  });

  test('the first half of ResNet-50 is 8 of 16 blocks', async () => {
    const { model } = await openModelFile('resnet-50');
    const { names, rule } = frozenModules(model, { freeze: 'first-half' });
    expect(rule).toMatch(/8 of 16 blocks up to layer3\.0/);
    expect(names.has('layer3.0.downsample.1.running_var')).toBe(true);
    expect(names.has('layer3.1.conv1.weight')).toBe(false);
  });

  test('globs take modules, `only` all but them; one that fits nothing is named', async () => {
    const { model } = await openModelFile('resnet-50');
    const some = frozenModules(model, { freeze: ['layer1.*', 'bn1'] }).names;
    expect([some.has('layer1.2.bn3.weight'), some.has('bn1.running_mean')]).toEqual([true, true]);
    expect([some.has('conv1.weight'), some.has('layer2.0.conv1.weight')]).toEqual([false, false]);
    const rest = frozenModules(model, { only: ['fc', 'layer4.2.bn3'] }).names;
    expect([rest.has('fc.weight'), rest.has('layer4.2.bn3.bias')]).toEqual([false, false]);
    expect(rest.has('layer4.2.conv3.weight')).toBe(true);
    expect(() => frozenModules(model, { freeze: ['layer9'] })).toThrow(/layer9 fits no module/);
  });
});

test('weights that are drawn anew keep their scale, and follow from the seed', async () => {
  const { model } = await openModelFile(resolve('models/objects-resnet/untrained.yaml'));
  const of = (bytes: Uint8Array, name: string) => {
    const tensor = readModel(bytes, 'redrawn').graph.initializers.find((t) => t.name === name);
    if (!tensor) throw new RangeError(name);
    return tensorElements(tensor) as Float32Array;
  };
  const [one, again, two] = [
    redrawWeights(model, 1),
    redrawWeights(model, 1),
    redrawWeights(model, 2),
  ];
  expect(Buffer.compare(one, again)).toBe(0);
  const spread = (values: Float32Array) =>
    Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
  const given = model.graph.initializers.find(({ name }) => name === 'layer3.1.conv2.weight');
  const scale = spread(tensorElements(given as NonNullable<typeof given>) as Float32Array);
  for (const bytes of [one, two])
    expect(spread(of(bytes, 'layer3.1.conv2.weight')) / scale).toBeCloseTo(1, 1);
  expect(of(one, 'fc.weight')).not.toEqual(of(two, 'fc.weight'));
  expect(of(one, 'layer1.0.bn1.weight').every((value) => value === 1)).toBe(true);
});

test('every shipped recipe follows the schema', () => {
  const recipes = readdirSync('models', { recursive: true, encoding: 'utf8' })
    .filter((file) => /recipe[^/]*\.yaml$/.test(file))
    .map((file) => resolve('models', file));
  expect(recipes.length).toBeGreaterThan(0);
  for (const path of recipes)
    expect(() => parseRecipe(readFileSync(path, 'utf8'), path)).not.toThrow();
});
