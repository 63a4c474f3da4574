import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { build as buildEfficientNet } from '../../models/efficientnet-b1/build.js';
import {
  bestNaming,
  graphNamings,
  ourKey,
  ourPath,
  theirKey,
} from '../../src/importing/architectures/architecture.js';
import {
  efficientnetB1,
  pytorchEfficientnetB1,
} from '../../src/importing/architectures/efficientnet-b1.js';
import {
  buildArchitecture,
  findArchitecture,
} from '../../src/importing/architectures/find-architecture.js';
import { wantedNames } from '../../src/importing/graft/graft-plan.js';
import { importWeights } from '../../src/importing/import-weights.js';
import { resolveLayer } from '../../src/onnx/layers.js';
import { readModel } from '../../src/onnx/model.js';

const winner = join(import.meta.dirname, '..', 'fixtures', 'graft', 'winner-names.pt');
const ours = wantedNames(readModel(buildEfficientNet(), 'efficientnet-b1'));
const [timm, torchvision, lukemelas] = efficientnetB1.namings;

test('the winner of 2022 loads by its own key names, and its normalizer is found', async () => {
  const onto = { arch: 'efficientnet-b1' };
  const imported = await importWeights({ checkpoint: winner, onto });
  const { keys, normalizer, notes, source } = imported;
  expect(source).toEqual({ format: 'pytorch', path: 'model' });
  expect(imported.onto).toEqual({ ...onto, names: 'timm', variant: 'tensorflow' });
  expect(keys).toMatchObject({
    total: 439,
    loaded: 439,
    missing: [],
    unexpected: [],
    misshapen: [],
  });
  const reasons = new Map<string, number>();
  for (const { why } of keys.ignored) reasons.set(why, (reasons.get(why) ?? 0) + 1);
  expect(Object.fromEntries(reasons)).toEqual({
    'counts batches of the training': 69,
    'normalises the input': 4,
    'the same tensor again': 508,
  });
  expect(normalizer!.mean.map((value) => Number(value.toFixed(3)))).toEqual([0.485, 0.456, 0.406]);
  expect(normalizer!.std.map((value) => Number(value.toFixed(3)))).toEqual([0.229, 0.224, 0.225]);
  expect(notes.join()).toMatch(/pytorch-efficientnet-b1/);
});

describe('EfficientNet-B1 by the names of', () => {
  test.each([
    ['timm', timm, 'blocks.0.0.conv_dw.weight', 'blocks.0.0.conv_dw.weight'],
    ['torchvision', torchvision, 'blocks.0.0.conv_dw.weight', 'features.1.0.block.0.0.weight'],
    [
      'torchvision',
      torchvision,
      'blocks.1.0.bn3.running_var',
      'features.2.0.block.3.1.running_var',
    ],
    ['torchvision', torchvision, 'blocks.0.1.se.conv_expand.bias', 'features.1.1.block.1.fc2.bias'],
    ['lukemelas', lukemelas, 'blocks.1.2.conv_pwl.weight', '_blocks.4._project_conv.weight'],
    ['lukemelas', lukemelas, 'bn2.bias', '_bn1.bias'],
  ])('%s', (library, naming, key, theirs) => {
    expect(naming.library).toBe(library);
    expect(theirKey(naming, key)).toBe(theirs);
    const names = [...ours].map((each) => theirKey(naming, each));
    expect(new Set(names).size).toBe(439);
    expect(names).not.toContain(undefined);
    const wrapped = names.map((name) => `module.model.${name}`);
    expect(bestNaming(efficientnetB1.namings, ours, wrapped)).toBe(naming);
  });

  test('every module of a library is one of ours', () => {
    const model = readModel(buildEfficientNet('pytorch'), 'efficientnet-b1');
    for (const { modules } of [torchvision, lukemelas]) {
      for (const [path] of modules!) expect(() => resolveLayer(model, path)).not.toThrow();
    }
  });

  test('torchvision tells PyTorch’s padding and epsilon, the others TensorFlow’s, unless it is said', () => {
    expect(efficientnetB1.namings.map(({ variant }) => variant)).toEqual([
      'tensorflow',
      'pytorch',
      'tensorflow',
    ]);
    expect(pytorchEfficientnetB1.namings.every(({ variant }) => variant === 'pytorch')).toBe(true);
    expect(pytorchEfficientnetB1.namings.some(({ assumed }) => assumed)).toBe(false);
  });
});

describe('outputs that a library recorded', () => {
  const none = new Set<string>();

  test('of blocks, activations and gates are found', () => {
    expect(ourPath(torchvision, 'features.3.1', none)).toBe('blocks.2.1');
    expect(ourPath(torchvision, 'features.3.1.block.1', none)).toBe('blocks.2.1.act2');
    expect(ourPath(torchvision, 'features.3.1.block.2.scale_activation', none)).toBe(
      'blocks.2.1.se.gate',
    );
    expect(ourPath(torchvision, 'blocks.2.1', none)).toBe('');
  });

  test('of timm’s batch norms are those of the activation inside, from its version 0.6 on', () => {
    const newer = new Set(['bn1', 'bn1.act', 'blocks.1.0.bn2', 'blocks.1.0.bn2.act']);
    expect(ourPath(timm, 'bn1', none)).toBe('bn1');
    expect(ourPath(timm, 'bn1', newer)).toBe('act1');
    expect(ourPath(timm, 'bn1.act', newer)).toBe('act1');
    expect(ourPath(timm, 'bn1.drop', newer)).toBe('bn1');
    expect(ourPath(timm, 'blocks.1.0.bn2', newer)).toBe('blocks.1.0.act2');
    const last = new Set(['blocks.1.0.bn3.act']);
    expect(ourPath(timm, 'blocks.1.0.bn3', last)).toBe('blocks.1.0.bn3');
  });
});

test('an export of a wrapper takes checkpoints with and without its name before the keys', () => {
  const exported = new Set(['net.model.conv1.weight', 'net.model.layer1.0.bn1.bias']);
  const namings = graphNamings(exported);
  const inner = bestNaming(namings, exported, ['module.conv1.weight', 'module.layer1.0.bn1.bias']);
  expect(theirKey(inner, 'net.model.conv1.weight')).toBe('conv1.weight');
  expect(ourPath(inner, 'layer1.0', new Set())).toBe('net.model.layer1.0');
  expect(ourPath(inner, 'net.model.layer1.0', new Set())).toBe('net.model.layer1.0');
  expect(ourKey(inner, 'bn1.running_mean')).toBe('net.model.bn1.running_mean');
  const whole = bestNaming(namings, exported, exported);
  expect(theirKey(whole, 'net.model.conv1.weight')).toBe('net.model.conv1.weight');
  expect(graphNamings(new Set(['conv1.weight', 'fc.bias']))).toHaveLength(1);
});

test('an architecture that is not there is refused with those that are', () => {
  expect(() => findArchitecture('resnet50')).toThrowError(
    /--arch resnet50: expected resnet-50, efficientnet-b1, .*did you mean "resnet-50".*--graph/,
  );
  expect(() => findArchitecture('__proto__')).toThrowError(/expected resnet-50/);
});

test('the variants of EfficientNet-B1 differ in padding and epsilon alone', async () => {
  const architecture = findArchitecture('efficientnet-b1');
  const [tensorflow, pytorch] = await Promise.all(
    ['tensorflow', 'pytorch'].map(async (variant) =>
      readModel(await buildArchitecture(architecture, variant), variant),
    ),
  );
  const weights = ({ graph }: typeof pytorch) => graph.initializers.map(({ name }) => name);
  expect(weights(pytorch)).toEqual(weights(tensorflow));
  const attributes = ({ graph }: typeof pytorch, operator: string, name: string) =>
    graph.nodes
      .filter((node) => node.operator === operator)
      .flatMap((node) => node.attributes.filter((attribute) => attribute.name === name));
  expect(attributes(tensorflow, 'Conv', 'auto_pad')).toHaveLength(5);
  expect(attributes(pytorch, 'Conv', 'auto_pad')).toHaveLength(0);
  const epsilons = (model: typeof pytorch) =>
    new Set(attributes(model, 'BatchNormalization', 'epsilon').map(({ float }) => float));
  expect([...epsilons(tensorflow)]).toEqual([Math.fround(1e-3)]);
  expect([...epsilons(pytorch)]).toEqual([Math.fround(1e-5)]);
});
