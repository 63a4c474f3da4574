import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { importTfjs } from '../../../src/importing/tfjs/import-tfjs.js';

let root: string;
let count = 0;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'ventral-hostile-'));
});
afterAll(() => rm(root, { recursive: true }));

type Json = Record<string, unknown>;

/** A folder with a model.json and one shard, and what the import says of it. */
async function refusal(json: unknown, shard = Buffer.alloc(0)): Promise<unknown> {
  const folder = await mkdtemp(join(root, `${count++}-`));
  await writeFile(
    join(folder, 'model.json'),
    typeof json === 'string' ? json : JSON.stringify(json),
  );
  await writeFile(join(folder, 'shard.bin'), shard);
  return importTfjs(folder).then(
    () => 'imported',
    (error: unknown) => error,
  );
}

const manifest = (weights: readonly Json[], paths = ['shard.bin']) => [{ paths, weights }];
const topology = (config: unknown, class_name = 'Model') => ({
  modelTopology: { class_name, config },
  weightsManifest: manifest([]),
});
const input = (shape: unknown[] = [null, 4, 4, 3]) => ({
  name: 'input',
  class_name: 'InputLayer',
  config: { batch_input_shape: shape },
  inbound_nodes: [],
});
const layer = (
  name: string,
  from: string | readonly string[],
  class_name = 'Flatten',
  config: Json = {},
) => ({
  name,
  class_name,
  config,
  inbound_nodes: [[from].flat().map((one) => [one, 0, 0, {}])],
});
const model = (layers: readonly unknown[], output: string) => ({
  name: 'model',
  layers,
  input_layers: [['input', 0, 0]],
  output_layers: [[output, 0, 0]],
});

/** A model in which each level calls the one below it several times. */
function explosion(depth: number, calls: number): Json {
  if (depth === 0) return model([input(), layer('end', 'input', 'Dropout')], 'end');
  const inner = {
    name: 'inner',
    class_name: 'Model',
    config: { ...explosion(depth - 1, calls), name: 'inner' },
  };
  const nodes = Array.from({ length: calls }, (_, call) => [
    call === 0 ? ['input', 0, 0, {}] : ['inner', call, 0, {}],
  ]);
  return {
    ...model([input(), { ...inner, inbound_nodes: nodes }], 'inner'),
    output_layers: [['inner', calls, 0]],
  };
}

function nestedModels(depth: number): Json {
  if (depth === 0) return model([input(), layer('end', 'input')], 'end');
  const inner = {
    ...layer('inner', 'input', 'Model', { ...nestedModels(depth - 1), name: 'inner' }),
  };
  return { ...model([input(), inner], 'inner'), output_layers: [['inner', 1, 0]] };
}

const topologies: readonly [what: string, config: unknown, code: string, words: RegExp][] = [
  [
    'a circle of layers',
    model([input(), layer('a', ['input', 'c'], 'Add'), layer('b', 'a'), layer('c', 'b')], 'c'),
    'checkpoint-invalid',
    /circle/,
  ],
  [
    'a layer that takes itself',
    model([input(), layer('a', 'a')], 'a'),
    'checkpoint-invalid',
    /circle/,
  ],
  [
    'a layer that takes nothing that is there',
    model([input(), layer('a', 'nowhere')], 'a'),
    'checkpoint-invalid',
    /nowhere/,
  ],
  [
    'calls that wait for each other',
    model(
      [
        input(),
        { ...layer('a', 'b'), inbound_nodes: [[['b', 0, 0]], [['input', 0, 0]]] },
        { ...layer('b', 'a'), inbound_nodes: [[['a', 1, 0]]] },
      ],
      'a',
    ),
    'checkpoint-invalid',
    /circle/,
  ],
  [
    'an output that is not there',
    model([input(), layer('a', 'input')], 'b'),
    'checkpoint-invalid',
    /b, call 0/,
  ],
  [
    'two layers of one name',
    model([input(), layer('a', 'input'), layer('a', 'input')], 'a'),
    'checkpoint-invalid',
    /different names/,
  ],
  ['no layers', model([], 'a'), 'checkpoint-invalid', /layers/],
  ['layers that are none', model([null, 1, 'x'], 'a'), 'checkpoint-invalid', /layers/],
  [
    'too many layers',
    model(
      Array.from({ length: 20_001 }, (_, n) => layer(`l${n}`, 'input')),
      'l0',
    ),
    'checkpoint-invalid',
    /at most 20000 layers/,
  ],
  ['models nested too deep', nestedModels(20), 'checkpoint-invalid', /16 models deep/],
  ['models that multiply', explosion(6, 9), 'checkpoint-invalid', /20000 calls/],
  [
    'a class that is unknown',
    model([input(), layer('a', 'input', 'Lambda')], 'a'),
    'import-unsupported',
    /layer a is of class Lambda/,
  ],
  [
    'the name of an object of JavaScript',
    model([input(), layer('a', 'input', '__proto__')], 'a'),
    'import-unsupported',
    /__proto__/,
  ],
  [
    'an operation that is unknown',
    model([input(), layer('a', 'input', 'TFOpLambda', { function: 'nn.relu' })], 'a'),
    'import-unsupported',
    /TFOpLambda, an operation outside of layers/,
  ],
  [
    'an operation that no file may name',
    model([input(), layer('a', 'input', 'Arithmetic', { operator: 'Loop' })], 'a'),
    'import-unsupported',
    /layer a is of class Arithmetic/,
  ],
  [
    'an activation that is unknown',
    model([input(), layer('a', 'input', 'Activation', { activation: 'constructor' })], 'a'),
    'import-unsupported',
    /constructor/,
  ],
  [
    'an enormous input',
    model([input([null, 65_536, 65_536, 3]), layer('a', 'input')], 'a'),
    'checkpoint-invalid',
    /at most/,
  ],
  [
    'an enormous value',
    model([input(), layer('a', 'input', 'UpSampling2D', { size: [16_000_000, 16_000_000] })], 'a'),
    'checkpoint-invalid',
    /at most/,
  ],
  [
    'margins of minus sizes',
    model(
      [
        input(),
        layer('a', 'input', 'ZeroPadding2D', {
          padding: [
            [-1, 0],
            [0, 0],
          ],
        }),
      ],
      'a',
    ),
    'checkpoint-invalid',
    /margins/,
  ],
  [
    'more taken off than there is',
    model([input(), layer('a', 'input', 'Cropping2D', { cropping: 2 })], 'a'),
    'checkpoint-invalid',
    /layer a/,
  ],
  [
    'a shape that does not fit',
    model([input(), layer('a', 'input', 'Reshape', { target_shape: [-1, 7] })], 'a'),
    'checkpoint-invalid',
    /shape/,
  ],
  [
    'a stride of nothing',
    model([input(), layer('a', 'input', 'MaxPooling2D', { strides: [0, 0] })], 'a'),
    'checkpoint-invalid',
    /strides/,
  ],
  [
    'a layer under two names',
    model([input(), { ...layer('a', 'input'), config: { name: 'b' } }], 'a'),
    'checkpoint-invalid',
    /should be a, found b/,
  ],
  [
    'a layer without a name of its own',
    model([input(), { ...layer('a', 'input', 'Flatten', { name: 'a' }), name: undefined }], 'a'),
    'checkpoint-invalid',
    /a name for each/,
  ],
  [
    'two inputs',
    {
      ...model([input(), layer('a', 'input')], 'a'),
      input_layers: [
        ['input', 0, 0],
        ['a', 0, 0],
      ],
    },
    'checkpoint-invalid',
    /one input/,
  ],
  [
    'a layer whose weights are missing',
    model([input(), layer('a', 'input', 'Dense', { units: 2 })], 'a'),
    'checkpoint-unmatched',
    /weights kernel, bias/,
  ],
];

it.each(topologies)('refuses %s', async (_, config, code, words) => {
  const error = await refusal(topology(config));
  expect(error).toMatchObject({
    code,
    message: expect.stringMatching(words),
    details: { file: 'model.json' },
  });
});

const weight = (shape: readonly number[], more: Json = {}) => ({
  name: 'a/kernel',
  shape,
  dtype: 'float32',
  ...more,
});
const one = topology(
  model([input([null, 3]), layer('a', 'input', 'Dense', { units: 2, use_bias: false })], 'a'),
);

const manifests: readonly [
  what: string,
  manifest: unknown,
  bytes: number,
  code: string,
  words: RegExp,
][] = [
  ['a shard above the folder', manifest([], ['../shard.bin']), 0, 'checkpoint-unsafe', /beside it/],
  ['a shard by its whole path', manifest([], ['/etc/passwd']), 0, 'checkpoint-unsafe', /beside it/],
  [
    'a shard below the folder',
    manifest([], ['a/../shard.bin']),
    0,
    'checkpoint-unsafe',
    /beside it/,
  ],
  [
    'a shard behind backslashes',
    manifest([], ['..\\shard.bin']),
    0,
    'checkpoint-unsafe',
    /beside it/,
  ],
  [
    'a shard at an address',
    manifest([], ['http://127.0.0.1/shard.bin']),
    0,
    'checkpoint-unsafe',
    /beside it/,
  ],
  ['the folder as a shard', manifest([], ['.']), 0, 'checkpoint-unsafe', /beside it/],
  ['a shard that is not there', manifest([], ['other.bin']), 0, 'file-missing', /other\.bin/],
  [
    'weights larger than the shard',
    manifest([weight([3, 2])]),
    23,
    'checkpoint-invalid',
    /23 bytes/,
  ],
  [
    'weights smaller than the shard',
    manifest([weight([3, 2])]),
    25,
    'checkpoint-invalid',
    /25 bytes/,
  ],
  [
    'weights larger than any memory',
    manifest([weight([2 ** 30, 2 ** 30, 2 ** 30])]),
    24,
    'checkpoint-invalid',
    /24 bytes/,
  ],
  ['minus sizes', manifest([weight([-3, -2])]), 24, 'checkpoint-invalid', /sizes/],
  [
    'texts as weights',
    manifest([weight([3, 2], { dtype: 'string' })]),
    24,
    'checkpoint-invalid',
    /dtype/,
  ],
  [
    'a quantization without a scale',
    manifest([weight([3, 2], { quantization: { dtype: 'uint8' } })]),
    6,
    'checkpoint-invalid',
    /quantization/,
  ],
  [
    'a weight that stands twice',
    manifest([weight([3]), weight([3])]),
    24,
    'checkpoint-invalid',
    /different names/,
  ],
  [
    'a weight of another shape',
    manifest([weight([2, 3])]),
    24,
    'checkpoint-invalid',
    /as the weights have/,
  ],
  [
    'a weight that no layer takes',
    manifest([weight([3, 2]), weight([1], { name: 'b/bias' })]),
    28,
    'checkpoint-unmatched',
    /b\/bias/,
  ],
  ['no manifest', undefined, 0, 'checkpoint-invalid', /weightsManifest/],
];

it.each(manifests)('refuses %s', async (_, weightsManifest, bytes, code, words) => {
  const error = await refusal({ ...one, weightsManifest }, Buffer.alloc(bytes));
  expect(error).toMatchObject({ code, message: expect.stringMatching(words) });
});

const node = (name: string, op: string, inputs: readonly string[] = [], attr: Json = {}) => ({
  name,
  op,
  input: inputs,
  attr,
});
const placeholder = (shape = [-1, 4, 4, 3]) =>
  node('x', 'Placeholder', [], {
    shape: { shape: { dim: shape.map((size) => ({ size: String(size) })) } },
  });

const graphs: readonly [what: string, nodes: unknown, code: string, words: RegExp][] = [
  [
    'a circle of nodes',
    [placeholder(), node('a', 'Add', ['x', 'b']), node('b', 'Relu', ['a'])],
    'checkpoint-invalid',
    /circle/,
  ],
  [
    'a node that takes nothing that is there',
    [placeholder(), node('a', 'Relu', ['y'])],
    'checkpoint-invalid',
    /input of node a/,
  ],
  [
    'two nodes of one name',
    [placeholder(), node('x', 'Relu', ['x'])],
    'checkpoint-invalid',
    /different names/,
  ],
  [
    'an operator that is unknown',
    [placeholder(), node('a', 'While', ['x'])],
    'import-unsupported',
    /layer a is of class While/,
  ],
  [
    'an operator that reads files',
    [placeholder(), node('f', 'ReadFile', ['x'])],
    'import-unsupported',
    /ReadFile/,
  ],
  [
    'a constant without a weight',
    [placeholder(), node('c', 'Const'), node('a', 'Add', ['x', 'c'])],
    'checkpoint-unmatched',
    /constant c/,
  ],
  [
    'no input',
    [node('c', 'Const'), node('a', 'Relu', ['c'])],
    'checkpoint-invalid',
    /one Placeholder/,
  ],
  [
    'an input of an open rank',
    [
      node('x', 'Placeholder', [], { shape: { shape: { unknownRank: true } } }),
      node('a', 'Relu', ['x']),
    ],
    'checkpoint-invalid',
    /open rank/,
  ],
  [
    'the second output of a node',
    [placeholder(), node('a', 'Relu', ['x:1'])],
    'checkpoint-invalid',
    /first outputs/,
  ],
  [
    'an enormous input',
    [placeholder([-1, 60_000, 60_000, 3]), node('a', 'Relu', ['x'])],
    'checkpoint-invalid',
    /at most/,
  ],
  ['no nodes', [], 'checkpoint-invalid', /nodes/],
  ['nodes that are none', [null], 'checkpoint-invalid', /name and an op/],
];

it.each(graphs)('refuses %s in a graph', async (_, nodes, code, words) => {
  const error = await refusal({ modelTopology: { node: nodes }, weightsManifest: [] });
  expect(error).toMatchObject({ code, message: expect.stringMatching(words) });
});

it('refuses a shard that is a link to elsewhere', async () => {
  const folder = await mkdtemp(join(root, 'link-'));
  const json = { ...one, weightsManifest: manifest([weight([3, 2])], ['link.bin']) };
  await writeFile(join(folder, 'model.json'), JSON.stringify(json));
  await writeFile(join(root, 'elsewhere.bin'), Buffer.alloc(24));
  await symlink(join(root, 'elsewhere.bin'), join(folder, 'link.bin'));
  await expect(importTfjs(folder)).rejects.toMatchObject({ code: 'checkpoint-unsafe' });
});

it.each([
  ['nothing', ''],
  ['no JSON', '{'],
  ['another value', '[]'],
  [
    'JSON ten thousand levels deep',
    '{"modelTopology":'.concat('['.repeat(10_000), ']'.repeat(10_000), '}'),
  ],
  ['a model ten thousand levels deep', '{"class_name":"Model","config":{"layers":['.repeat(10_000)],
])('refuses %s', async (_, text) => {
  expect(await refusal(text)).toMatchObject({ code: 'checkpoint-invalid' });
});

it('names TensorFlow where it is given a SavedModel', async () => {
  const folder = await mkdtemp(join(root, 'saved-'));
  await writeFile(join(folder, 'saved_model.pb'), '');
  await expect(importTfjs(folder)).rejects.toMatchObject({
    code: 'import-unsupported',
    message: expect.stringMatching(/SavedModel/),
  });
});

it('refuses a depthwise dilation, which TensorFlow.js leaves out', async () => {
  const config = { kernel_size: [1, 1], dilation_rate: [2, 2], use_bias: false, padding: 'same' };
  const json = topology(model([input(), layer('a', 'input', 'DepthwiseConv2D', config)], 'a'));
  expect(await refusal(json)).toMatchObject({
    code: 'import-unsupported',
    message: expect.stringMatching(/dilation/),
  });
});
