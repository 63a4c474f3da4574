import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../../src/importing/checkpoint/open-checkpoint.js';
import { stateNames } from '../../../src/importing/checkpoint/state-dict.js';
import {
  checkpoint,
  contents,
  dictionary,
  fixture,
  floats,
  legacy,
  ownFolder,
  p,
  readFixture,
  refusal,
  storage,
  tensor,
  zipped,
} from './made-checkpoints.js';

type Expected = Record<
  string,
  Record<string, { dtype: string; dims: number[]; values: unknown[] }>
>;
const expected = (await readFixture('expected.json')) as Expected;
const folder = ownFolder();

/** A number as `expected.json` has it. */
const written = (value: number | bigint) =>
  typeof value === 'bigint' || !Number.isFinite(value) ? named(value) : value;
const named = (value: number | bigint) =>
  ({ Infinity: 'inf', '-Infinity': '-inf', NaN: 'nan' })[String(value)] ?? String(value);

async function plain(file: string, key?: string) {
  const result: Expected[string] = {};
  for (const [name, { dtype, dims, elements }] of await contents(file, key)) {
    result[name] = { dtype, dims: [...dims], values: Array.from(elements, written) };
  }
  return result;
}

describe('what PyTorch, dill and safetensors wrote is read to the bit', () => {
  it.each(Object.keys(expected).filter((name) => !name.includes(' ')))('%s', async (name) => {
    expect(await plain(fixture(name))).toEqual(expected[name]);
  });

  it('gives the types that ONNX takes', async () => {
    const read = await contents(fixture('dtypes.pth'));
    const types = [...read].map(([name, { elements }]) => [name, elements.constructor.name]);
    expect(Object.fromEntries(types)).toMatchObject({
      'a.torch.float64': 'Float64Array',
      'a.torch.float16': 'Float32Array',
      'a.torch.bfloat16': 'Float32Array',
      'b.torch.int64': 'BigInt64Array',
      'b.torch.int16': 'Int32Array',
      'b.torch.int8': 'Int8Array',
      'c.bool': 'Uint8Array',
    });
    expect(Object.is(read.get('a.torch.float16')?.elements[1], -0)).toBe(true);
  });

  it('tells the kind by the bytes, not by the name', async () => {
    const kinds = {
      'dtypes.pth': 'pytorch',
      'dtypes-legacy.pth': 'pytorch-legacy',
      'dtypes.safetensors': 'safetensors',
    };
    for (const [name, format] of Object.entries(kinds)) {
      const file = await folder.write('weights.onnx', await readFile(fixture(name)));
      const checkpoint = await openCheckpoint(file);
      expect(checkpoint.format).toBe(format);
      await checkpoint.close();
    }
  });

  it('keeps views of older files where they lie', async () => {
    // (view key, offset, count) after the count of the whole.
    const view = p.join(
      '(',
      p.text('storage'),
      p.named('torch', 'FloatStorage'),
      p.text('7'),
      p.text('cpu'),
      p.int(4),
      '(',
      p.text('8'),
      p.int(1),
      p.int(2),
      'ttQ',
    );
    const pickle = dictionary({
      part: tensor(view, [2], [1]),
      whole: tensor(storage('7', 4), [4], [1]),
    });
    const file = await folder.write(
      'views.pth',
      legacy(pickle, { 7: { count: 4, bytes: floats(1, 2, 3, 4) } }),
    );
    const read = await contents(file);
    expect(read.get('part')?.elements).toEqual(Float32Array.of(2, 3));
    expect(read.get('whole')?.elements).toEqual(Float32Array.of(1, 2, 3, 4));
  });

  it('reads an OrderedDict as Python 2 wrote it, with texts of bytes', async () => {
    const pickle = p.join(
      '\x80\x02',
      p.named('collections', 'OrderedDict'),
      '(]](U\x01a',
      tensor(storage('0', 1), [1], [1]),
      'eatR.',
    );
    const file = await folder.write('python-2.pth', zipped(pickle, { 0: floats(5) }));
    expect((await contents(file)).get('a')?.elements).toEqual(Float32Array.of(5));
  });
});

describe('the state dict in a checkpoint', () => {
  async function found(file: string, key?: string) {
    const checkpoint = await openCheckpoint(file, key);
    await checkpoint.close();
    return {
      path: checkpoint.path,
      others: checkpoint.others,
      names: [...checkpoint.tensors.keys()],
    };
  }
  const one = tensor(storage('0', 1), [1], [1]);
  const dict = (entries: Record<string, Buffer>) => dictionary(entries).subarray(2, -1);
  const made = async (content: Record<string, Buffer>) =>
    folder.write('made.pth', zipped(dictionary(content), { 0: floats(1) }));

  it('is found beside optimizer, arguments and history, the trained weights first', async () => {
    const { path, others, names } = await found(fixture('trained.pth'));
    expect({ path, others }).toEqual({ path: 'state_dict', others: ['state_dict_ema'] });
    expect(names).toEqual([
      'conv.weight',
      'conv.bias',
      'norm.weight',
      'norm.bias',
      'norm.running_mean',
      'norm.running_var',
      'norm.num_batches_tracked',
      'fc.weight',
      'fc.bias',
    ]);
  });

  it('is another where a key is given', async () => {
    expect(await plain(fixture('trained.pth'), 'state_dict_ema')).toEqual(
      expected['trained.pth state_dict_ema'],
    );
  });

  it('says what there is where the key is not there', async () => {
    const error = await refusal(fixture('trained.pth'), 'ema');
    expect(error.code).toBe('checkpoint-invalid');
    expect(error.message).toContain(
      'no state dict under "ema"; it has the whole file, "state_dict", "state_dict_ema"',
    );
  });

  it('has no key in a safetensors file', async () => {
    expect((await refusal(fixture('dtypes.safetensors'), 'ema')).message).toContain(
      'a safetensors file has no "ema"',
    );
  });

  it.each<[string, Record<string, Buffer>, string]>([
    ['the whole file', { a: one, b: one }, ''],
    ['the whole file, with a number beside', { a: one, epoch: p.int(3) }, ''],
    ['under a usual name', { best: one, model: dict({ a: one }) }, 'model'],
    ['under two usual names', { ema: dict({ a: one }), net: dict({ a: one }) }, 'net'],
    [
      'two deep',
      { checkpoint: p.int(1), model: dict({ state_dict: dict({ a: one }) }) },
      'model.state_dict',
    ],
    ['under a name of its own', { encoder: dict({ a: one, b: one }), best: one }, 'encoder'],
    ['not in the optimizer', { optimizer: dict({ a: one, b: one }), x: dict({ a: one }) }, 'x'],
  ])('is %s', async (_, content, path) => {
    expect((await found(await made(content))).path).toBe(path);
  });

  it.each<[string, Record<string, Buffer>, string]>([
    [
      'several may be meant',
      { student: dict({ a: one }), teacher: dict({ a: one }) },
      'one state dict (--key PATH chooses), found "student", "teacher"',
    ],
    ['there is no tensor', { a: p.int(1) }, 'expected a state dict, found no tensor in it'],
  ])('is refused where %s', async (_, content, message) => {
    expect((await refusal(await made(content))).message).toContain(message);
  });

  it('is refused where the file holds something else', async () => {
    const file = await folder.write(
      'list.pth',
      zipped(p.join('\x80\x02]', one, 'a.'), { 0: floats(1) }),
    );
    expect((await refusal(file)).message).toContain(
      'expected a dictionary of tensors (a state dict), found a list of 1',
    );
  });
});

describe('stateNames', () => {
  const wanted = new Set([
    'conv.weight',
    'conv.bias',
    'norm.weight',
    'norm.bias',
    'norm.running_mean',
    'norm.running_var',
    'fc.weight',
    'fc.bias',
  ]);

  it('looks through the wrappers of robustness and gives its normalizer back', async () => {
    const source = await openCheckpoint(fixture('robustness.pth'));
    const state = await stateNames(source, wanted);
    const values = async (name: string) =>
      Array.from((await state.tensors.get(name)?.read()) ?? [], written);
    for (const [name, { values: plainValues }] of Object.entries(
      expected['robustness.pth plain'],
    )) {
      expect(await values(name)).toEqual(plainValues);
    }
    await source.close();
    expect(state.prefix).toBe('module.model.');
    expect(state.tensors.size).toBe(9);
    expect(state.storedNames.get('fc.bias')).toBe('module.model.fc.bias');
    expect(state.normalizer?.mean.map((value) => value.toFixed(3))).toEqual([
      '0.485',
      '0.456',
      '0.406',
    ]);
    expect(state.normalizer?.std.map((value) => value.toFixed(3))).toEqual([
      '0.229',
      '0.224',
      '0.225',
    ]);
    expect(state.leftOut).toHaveLength(4 + 9);
  });

  it.each([
    '',
    'module.',
    'model.',
    'module.model.',
    '_orig_mod.',
    'module._orig_mod.',
    'attacker.model.',
    'module.attacker.model.',
    'efnet_model.',
    'module.model.efnet_model.',
    'lit.backbone.',
  ])('strips "%s"', async (prefix) => {
    const state = await stateNames(
      checkpoint({ [`${prefix}fc.weight`]: 1, [`${prefix}fc.bias`]: 2, [`${prefix}extra`]: 3 }),
      wanted,
    );
    expect([...state.tensors.keys()]).toEqual(['fc.weight', 'fc.bias', 'extra']);
    expect(state.prefix).toBe(prefix);
  });

  it('says when it read names without the prefix of a class that no library has', async () => {
    const known = await stateNames(checkpoint({ 'module.model.fc.bias': 1 }), wanted);
    expect(known.notes).toEqual([]);
    const own = await stateNames(checkpoint({ 'model.mine.\u001b[31m.fc.bias': 1 }), wanted);
    expect(own.notes).toEqual(['names are read without their prefix model.mine.\\u001b[31m.']);
  });

  it('leaves out the attacker’s copy of a network under a prefix of its own', async () => {
    const names = ['fc.weight', 'fc.bias', 'norm.num_batches_tracked'];
    const state = await stateNames(
      checkpoint(
        Object.fromEntries(
          ['module.model.efnet_model.', 'module.attacker.model.efnet_model.'].flatMap((prefix) =>
            names.map((name, i) => [prefix + name, i]),
          ),
        ),
      ),
      wanted,
    );
    expect([...state.tensors.keys()]).toEqual(names);
    expect(state.leftOut).toHaveLength(3);
  });

  it('strips one prefix only: what stands under another has no place in the network', async () => {
    const state = await stateNames(
      checkpoint({ 'student.fc.weight': 1, 'student.fc.bias': 2, 'teacher.fc.bias': 3 }),
      wanted,
    );
    expect([...state.tensors.keys()]).toEqual(['fc.weight', 'fc.bias', 'teacher.fc.bias']);
  });

  it('strips nothing that the network itself has', async () => {
    const state = await stateNames(
      checkpoint({ 'model.conv.weight': 1 }),
      new Set(['model.conv.weight']),
    );
    expect([...state.tensors.keys()]).toEqual(['model.conv.weight']);
  });

  it('leaves names alone where none is wanted', async () => {
    const state = await stateNames(checkpoint({ 'module.a': 1, n_averaged: 2 }), wanted);
    expect([...state.tensors.keys()]).toEqual(['module.a', 'n_averaged']);
  });

  it('takes two of one name where they are equal, and refuses them where they differ', async () => {
    const equal = await stateNames(checkpoint({ 'module.fc.bias': 1, 'fc.bias': 1 }), wanted);
    expect([...equal.tensors.keys()]).toEqual(['fc.bias']);
    const differing = checkpoint({ 'model.fc.bias': 1, 'attacker.model.fc.bias': 2 });
    await expect(stateNames(differing, wanted)).rejects.toMatchObject({
      code: 'checkpoint-unmatched',
      message: 'a.pth: model.fc.bias and attacker.model.fc.bias both give fc.bias and differ',
    });
  });
});

it('names a file in messages as it was given', async () => {
  const file = await folder.write('empty.pth', '');
  expect((await refusal(file)).message).toContain(basename(file));
});
