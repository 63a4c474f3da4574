import { describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../../src/importing/checkpoint/open-checkpoint.js';
import { stateNames } from '../../../src/importing/checkpoint/state-dict.js';
import {
  checkpoint,
  dictionary,
  floats,
  ownFolder,
  p,
  refusal,
  storage,
  tensor,
  zipped,
} from './made-checkpoints.js';

const folder = ownFolder();
const wanted = new Set(['conv.weight', 'layer1.0.bn.weight', 'layer1.1.weight', 'fc.bias']);

/** All names of the network under a prefix, from a number on. */
const under = (prefix: string, from = 1) =>
  Object.fromEntries([...wanted].map((name, i) => [prefix + name, from + i]));

const valuesOf = async (state: Awaited<ReturnType<typeof stateNames>>) =>
  Object.fromEntries(
    await Promise.all(
      [...state.tensors].map(async ([name, each]) => [name, Number((await each.read())[0])]),
    ),
  );

describe('what wrappers put into the midst of names', () => {
  it.each<[string, Record<string, number>]>([
    [
      'FSDP',
      {
        '_fsdp_wrapped_module.conv.weight': 1,
        '_fsdp_wrapped_module.layer1.0._fsdp_wrapped_module.bn.weight': 2,
        '_fsdp_wrapped_module.layer1._fsdp_wrapped_module.1.weight': 3,
        '_fsdp_wrapped_module.fc.bias': 4,
      },
    ],
    [
      'recomputed activations under DataParallel',
      {
        'module.conv.weight': 1,
        'module.layer1.0._checkpoint_wrapped_module.bn.weight': 2,
        'module.layer1.1._checkpoint_wrapped_module.weight': 3,
        'module.fc.bias': 4,
      },
    ],
    [
      'torch.compile, of modules by themselves',
      {
        'conv._orig_mod.weight': 1,
        'layer1._orig_mod.0.bn._orig_mod.weight': 2,
        'layer1._orig_mod.1.weight': 3,
        'fc.bias': 4,
      },
    ],
    [
      'DataParallel of a part',
      {
        'conv.weight': 1,
        'layer1.module.0.bn.weight': 2,
        'layer1.module.1.weight': 3,
        'fc.bias': 4,
      },
    ],
    [
      'several of them, under a prefix',
      {
        'net.backbone.conv._orig_mod.weight': 1,
        'net.backbone.layer1.0._fsdp_wrapped_module._checkpoint_wrapped_module.bn.weight': 2,
        'net.backbone.layer1.1.weight': 3,
        'net.backbone.fc.bias': 4,
      },
    ],
  ])('%s', async (_, numbers) => {
    const state = await stateNames(checkpoint(numbers), wanted);
    expect(await valuesOf(state)).toEqual(under(''));
    expect([...state.storedNames.values()]).toEqual(Object.keys(numbers));
  });

  it('stays where the network itself has a module of that name', async () => {
    const own = new Set(['a.module.weight', 'module.b.weight']);
    const numbers = { 'a.module.weight': 1, 'module.b.weight': 2 };
    expect(await valuesOf(await stateNames(checkpoint(numbers), own))).toEqual(numbers);
  });

  it('that makes two names one is refused where the tensors differ, and read once where not', async () => {
    const twice = { 'layer1._orig_mod.1.weight': 3, 'layer1.1.weight': 3 };
    const equal = await stateNames(checkpoint({ ...under(''), ...twice }), wanted);
    expect(equal.leftOut).toEqual([
      { key: 'layer1._orig_mod.1.weight', why: 'the same tensor again' },
    ]);
    const differing = checkpoint({ ...under(''), 'layer1._orig_mod.1.weight': 7 });
    await expect(stateNames(differing, wanted)).rejects.toMatchObject({
      code: 'checkpoint-unmatched',
      message: expect.stringContaining('both give layer1.1.weight and differ'),
    });
  });
});

describe('prefixes', () => {
  it('that fit alike are refused where the tensors differ, and --prefix chooses', async () => {
    const two = checkpoint({ ...under('student.'), ...under('teacher.', 5) });
    await expect(stateNames(two, wanted)).rejects.toMatchObject({
      code: 'checkpoint-unmatched',
      message:
        'a.pth: its names fit the network under student. and under teacher. alike, and the tensors differ: --prefix chooses',
    });
    for (const prefix of ['teacher', 'teacher.']) {
      const state = await stateNames(two, wanted, { prefix });
      expect(await valuesOf(state)).toEqual(under('', 5));
      expect(state.leftOut).toHaveLength(4);
      expect(state.leftOut[0]).toEqual({
        key: 'student.conv.weight',
        why: `outside --prefix ${prefix}`,
      });
    }
  });

  it('are looked for behind the wrappers of known libraries, too', async () => {
    const numbers = { ...under('module.encoder_q.'), ...under('module.encoder_k.', 5) };
    const state = await stateNames(checkpoint(numbers), wanted, { prefix: 'encoder_k' });
    expect(await valuesOf(state)).toEqual(under('', 5));
  });

  it('that are two names of one network are one', async () => {
    const state = await stateNames(checkpoint({ ...under('net.'), ...under('copy.') }), wanted);
    expect(await valuesOf(state)).toEqual(under(''));
    expect(state.leftOut.map(({ why }) => why)).toEqual(Array(4).fill('the same tensor again'));
  });

  it('that no name has are refused with those that there are', async () => {
    const state = stateNames(checkpoint({ 'a.b.c': 1, 'd\u001b.e': 2 }), wanted, { prefix: 'x' });
    await expect(state).rejects.toMatchObject({
      code: 'bad-usage',
      message: 'a.pth: no tensor stands under --prefix x; its names begin with a., d\\u001b.',
    });
  });
});

describe('--ignore', () => {
  it('leaves tensors out by globs over their names in the file', async () => {
    const numbers = { ...under('model.'), 'criterion.weight': 9, 'model.aux.bias': 8 };
    const ignore = ['criterion.*', '*.aux.*'];
    const state = await stateNames(checkpoint(numbers), wanted, { ignore });
    expect(await valuesOf(state)).toEqual(under(''));
    expect(state.leftOut).toEqual([
      { key: 'criterion.weight', why: 'left out by --ignore criterion.*' },
      { key: 'model.aux.bias', why: 'left out by --ignore *.aux.*' },
    ]);
  });

  it('is refused where it fits nothing', async () => {
    const state = stateNames(checkpoint(under('')), wanted, { ignore: ['head.*'] });
    await expect(state).rejects.toMatchObject({
      code: 'bad-usage',
      message:
        'a.pth: --ignore head.* fits no tensor of the file; its names begin with conv., layer1., fc.',
    });
  });
});

describe('moving averages', () => {
  const both = checkpoint({ ...under('model.'), ...under('ema_model.', 5), initted: 1 });

  it('under a prefix beside the weights are left out, which is said, and --ema takes them', async () => {
    const state = await stateNames(both, wanted);
    expect(await valuesOf(state)).toEqual({ ...under(''), initted: 1 });
    expect(state.notes).toEqual([
      'the file has a moving average of the weights too, under ema_model.: --ema takes it',
    ]);
    expect(state.leftOut).toHaveLength(4);
    const average = await stateNames(both, wanted, { ema: true });
    expect(await valuesOf(average)).toEqual({ ...under('', 5), initted: 1 });
    expect(average.leftOut.map(({ key }) => key)).toEqual(Object.keys(under('model.')));
  });

  it('that stand alone are what there is', async () => {
    const state = await stateNames(checkpoint(under('model_ema.module.')), wanted);
    expect(await valuesOf(state)).toEqual(under(''));
    const stray = checkpoint({ ...under('ema_model.'), 'other.fc.bias': 9 });
    const found = await stateNames(stray, wanted);
    expect(await valuesOf(found)).toEqual({ ...under(''), 'other.fc.bias': 9 });
  });

  it('a part of the network that is called so is none', async () => {
    const own = new Set(['norm.weight', 'ema.norm.weight']);
    const numbers = { 'net.norm.weight': 1, 'net.ema.norm.weight': 2 };
    const state = await stateNames(checkpoint(numbers), own);
    expect(await valuesOf(state)).toEqual({ 'norm.weight': 1, 'ema.norm.weight': 2 });
  });

  it('are refused where there is none, with what there is', async () => {
    const one = stateNames(checkpoint(under('net.')), wanted, { ema: true });
    await expect(one).rejects.toMatchObject({
      code: 'bad-usage',
      message:
        'a.pth: --ema: none of its names says that it is a moving average; it holds one state dict, whose names begin with net. (--key and --prefix choose)',
    });
    const several = checkpoint(under(''), { path: 'model', others: ['teacher'] });
    await expect(stateNames(several, wanted, { ema: true })).rejects.toThrow(
      'it holds state dicts "model", "teacher"',
    );
  });

  const one = tensor(storage('0', 1), [1], [1]);
  const dict = (...names: string[]) =>
    dictionary(Object.fromEntries(names.map((name) => [name, one]))).subarray(2, -1);
  const made = async (content: Record<string, Buffer>) =>
    folder.write('made.pth', zipped(dictionary(content), { 0: floats(1) }));

  it.each<[string, Record<string, Buffer>, string]>([
    ['timm', { state_dict: dict('a', 'b'), state_dict_ema: dict('a', 'b') }, 'state_dict_ema'],
    ['torchvision', { model: dict('a'), model_ema: dict('n_averaged', 'module.a') }, 'model_ema'],
    [
      'a dictionary deeper',
      { net: dict('a'), ema: p.join('}', p.text('module'), dict('a', 'b'), 's') },
      'ema.module',
    ],
    [
      'the larger of two',
      { net: dict('a', 'b'), ema: dict('decay'), model_ema: dict('a', 'b') },
      'model_ema',
    ],
  ])('in a dictionary of their own, as of %s', async (_, content, path) => {
    const file = await made(content);
    const [plain, average] = [
      await openCheckpoint(file),
      await openCheckpoint(file, { ema: true }),
    ];
    expect(plain).toMatchObject({ averaged: false, path: Object.keys(content)[0] });
    expect(average).toMatchObject({ averaged: true, path });
    await Promise.all([plain.close(), average.close()]);
  });

  it('of which a file has several are refused with their names', async () => {
    const file = await made({ model: dict('a'), model_ema: dict('a'), state_dict_ema: dict('a') });
    await expect(openCheckpoint(file, { ema: true })).rejects.toMatchObject({
      code: 'checkpoint-invalid',
      message: expect.stringContaining('found several: "model_ema", "state_dict_ema"'),
    });
  });
});

describe('a whole module', () => {
  it('is refused with the line of Python that saves its weights', async () => {
    const pickle = p.join('\x80\x02', p.named('__main__', 'Net'), ')\x81.');
    const { message } = await refusal(await folder.write('my "net".pt', zipped(pickle)));
    expect(message).toContain(
      'torch.save(torch.load("my \\"net\\".pt", map_location="cpu", weights_only=False).state_dict(), "my \\"net\\"-weights.pth")',
    );
  });
});
