import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { zipOf } from '../../fuzz/zip-cases.js';
import {
  ascii,
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

/** Pickles that want to run something. Each would touch the file that VENTRAL_TOUCH names. */

const folder = ownFolder();
let touched: string;
beforeAll(() => {
  touched = join(folder.path, 'touched');
  process.env.VENTRAL_TOUCH = touched;
});
afterAll(() => void delete process.env.VENTRAL_TOUCH);

const command = p.text('touch "$VENTRAL_TOUCH"');
const system = p.named('posix', 'system');
const callSystem = p.join(system, '(', command, 'tR');
const namespace = p.named('argparse', 'Namespace');

async function expectUnsafe(bytes: Uint8Array, found: string) {
  const error = await refusal(await folder.write('unsafe.pth', bytes));
  expect(error.message).toContain(found);
  expect(error.message).toContain('nothing was executed');
  expect(error.code).toBe('checkpoint-unsafe');
  expect(existsSync(touched)).toBe(false);
}

const malicious = (await readFixture('malicious.json')) as Record<
  string,
  { found: string; pickle: string }
>;

describe.each(Object.entries(malicious))('what runs a command in Python: %s', (_, attack) => {
  const pickle = Buffer.from(attack.pickle, 'base64');

  it('is refused by name in a ZIP, as it is and deflated', async () => {
    await expectUnsafe(zipped(pickle), `needs ${attack.found}`);
    await expectUnsafe(zipped(pickle, {}, [], true), `needs ${attack.found}`);
  });

  it('is refused by name in an older file, wherever it stands', async () => {
    const nothing = dictionary({});
    await expectUnsafe(legacy(pickle), `needs ${attack.found}`);
    await expectUnsafe(legacy(nothing, {}, pickle), `needs ${attack.found}`);
    const keys = Buffer.concat([
      legacy(nothing).subarray(0, -p.join('\x80\x02](e.').length),
      pickle,
    ]);
    await expectUnsafe(keys, `needs ${attack.found}`);
  });
});

describe('every route to a call', () => {
  const asked = 'needs posix.system';
  it.each<[string, Buffer, string]>([
    ['NEWOBJ', p.join('\x80\x02', system, '(', command, 't\x81.'), asked],
    ['NEWOBJ_EX', p.join('\x80\x04', system, '(', command, 't}\x92.'), asked],
    ['BUILD of a function', p.join('\x80\x02', system, '(', command, 'tb.'), asked],
    ['INST', p.join('(', command, 'iposix\nsystem\n.'), asked],
    ['OBJ', p.join('(', system, command, 'o.'), asked],
    [
      'a name out of the memo',
      p.join(
        '\x80\x04',
        p.short('posix'),
        '\x94',
        p.short('system'),
        '\x94h\x00h\x01\x93(',
        command,
        'tR.',
      ),
      asked,
    ],
    [
      'a name twice',
      p.join('\x80\x02', p.named('collections', 'OrderedDict'), ')R', callSystem, '.'),
      asked,
    ],
    ['EXT1', p.join('\x80\x02\x82\x07(', command, 'tR.'), 'number 7 of Python’s registry'],
    ['EXT2', p.join('\x80\x02\x83\x07\x01(', command, 'tR.'), 'number 263 of Python’s registry'],
    [
      'EXT4',
      p.join('\x80\x02\x84\x07\x00\x00\x01(', command, 'tR.'),
      'number 16777223 of Python’s registry',
    ],
    [
      'a hub',
      p.join('\x80\x02', p.named('torch.hub', 'load'), '(', p.text('a/b'), p.text('c'), 'tR.'),
      'needs torch.hub.load',
    ],
    [
      'torch.load',
      p.join('\x80\x02', p.named('torch.serialization', 'load'), '(', p.text('a'), 'tR.'),
      'needs torch.serialization.load',
    ],
    [
      'bytes of another pickle',
      p.join(
        '\x80\x03',
        p.named('torch.storage', '_load_from_bytes'),
        '(',
        p.bytes(ascii('abc')),
        'tR.',
      ),
      'needs torch.storage._load_from_bytes',
    ],
    [
      'a function of dill',
      p.join('\x80\x02', p.named('dill._dill', '_create_function'), '(tR.'),
      'needs dill._dill._create_function',
    ],
    [
      'a network',
      p.join('\x80\x02', p.named('__main__', 'Net'), ')\x81.'),
      'it holds a whole pickled module (__main__.Net)',
    ],
    [
      'a property of objects',
      p.join('\x80\x02', p.named('constructor', 'constructor'), '.'),
      'needs constructor.constructor',
    ],
    [
      'a call of a tensor’s type',
      p.join('\x80\x02', p.named('torch', 'float32'), ')R.'),
      'calls torch.float32',
    ],
    [
      'a call of a storage',
      p.join('\x80\x02', p.named('torch', 'FloatStorage'), ')R.'),
      'calls torch.FloatStorage',
    ],
    [
      'a call of an object',
      p.join('\x80\x02', namespace, ')\x81)R.'),
      'calls an object of argparse.Namespace',
    ],
    ['a call of a text', p.join('\x80\x02', p.text('eval'), ')R.'), 'calls "eval"'],
    [
      'a change of a class',
      p.join('\x80\x02', namespace, '}', p.text('a'), 'K\x01sb.'),
      'changes argparse.Namespace',
    ],
    [
      'control characters',
      p.join('\x80\x04', p.short('os\x1b[2J'), p.short('a\nb'), '\x93.'),
      'needs os',
    ],
  ])('%s is refused', async (_, pickle, found) => {
    await expectUnsafe(zipped(pickle), found.replaceAll('’', "'"));
  });

  it('an object that may stand there keeps nothing of what it is given', async () => {
    const evil = p.join(namespace, ')\x81}', p.text('__class__'), p.text('posix.system'), 'sb');
    const one = tensor(storage('0', 1), [1], [1]);
    const file = await folder.write(
      'inert.pth',
      zipped(dictionary({ args: evil, a: one }), { 0: floats(1) }),
    );
    expect([...(await contents(file)).keys()]).toEqual(['a']);
    expect(existsSync(touched)).toBe(false);
  });
});

describe('allowed names with arguments that are not theirs', () => {
  const rebuild = p.named('torch._utils', '_rebuild_tensor_v2');
  const stored = storage('0', 1);
  it.each<[string, Buffer, string]>([
    ['no storage', p.join(rebuild, '(K\x01K\x00))\x89}tR'), 'expected a storage, found 1'],
    ['nothing at all', p.join(rebuild, ')R'), 'expected a storage, found None'],
    [
      'a rebuilt name',
      p.join(rebuild, '(', p.named('torch', 'FloatStorage'), 'tR'),
      'expected a storage, found torch.FloatStorage',
    ],
    ['negative sizes', tensor(stored, [-1], [1]), 'expected sizes, found a list of 1'],
    ['negative strides', tensor(stored, [1], [-1]), 'expected strides, found a list of 1'],
    ['a negative offset', tensor(stored, [1], [1], -1), 'expected an offset'],
    [
      'sizes without strides',
      tensor(stored, [1, 1], [1]),
      'expected a stride for each size, found 2 and 1',
    ],
    ['65 sizes', tensor(stored, new Array(65).fill(1), new Array(65).fill(1)), 'found 65 and 65'],
    [
      'sizes past the storage',
      tensor(stored, [2], [1]),
      'expected 8 bytes for a tensor of [2], found a storage of 4',
    ],
    ['strides past the storage', tensor(stored, [2, 2], [0, 1000]), 'found a storage of 4'],
    ['an offset past the storage', tensor(stored, [1], [1], 1), 'found a storage of 4'],
    [
      'large sizes',
      tensor(stored, [2 ** 31 - 1, 2 ** 31 - 1, 2 ** 31 - 1], [1, 1, 1]),
      'found a storage of 4',
    ],
    [
      'a parameter of no tensor',
      p.join(p.named('torch._utils', '_rebuild_parameter'), '(K\x01\x89}tR'),
      'expected a tensor',
    ],
    [
      'a subclass of no tensor',
      p.join(
        p.named('torch._tensor', '_rebuild_from_type_v2'),
        '(',
        p.named('torch', 'Size'),
        'N)NtR',
      ),
      'expected a tensor to be rebuilt',
    ],
    [
      'a subclass of itself',
      p.join(
        p.named('torch._tensor', '_rebuild_from_type_v2'),
        '(',
        p.named('torch._tensor', '_rebuild_from_type_v2'),
        'N)NtR',
      ),
      'expected a tensor to be rebuilt',
    ],
    ['arguments that are none', p.join(rebuild, 'K\x01R'), 'expected arguments, found 1'],
    [
      'pairs that are none',
      p.join(p.named('collections', 'OrderedDict'), '(](K\x01K\x02etR'),
      'expected pairs of key and value',
    ],
    ['sizes that are none', p.join(p.named('torch', 'Size'), '(K\x01tR'), 'expected sizes'],
    ['an id of text', p.join('Pstorage\n'), 'expected the id of a storage, found "storage"'],
    [
      'an id of another kind',
      p.join('(', p.text('module'), 'NNNNtQ'),
      'expected the id of a storage, found "module"',
    ],
    [
      'an id without a class',
      p.join('(', p.text('storage'), 'NK\x00K\x00K\x01tQ'),
      'expected a class of storages, found None',
    ],
    [
      'an id with a type for a class',
      p.join('(', p.text('storage'), p.named('torch', 'float32'), 'K\x00K\x00K\x01tQ'),
      'expected a class of storages, found torch.float32',
    ],
    [
      'an id without a key',
      p.join('(', p.text('storage'), p.named('torch', 'FloatStorage'), 'NK\x00K\x01tQ'),
      'expected the key of a storage',
    ],
    ['an id of a negative count', storage('0', -1), 'expected a count of elements, found -1'],
  ])('%s are refused', async (_, value, found) => {
    const file = await folder.write('bad.pth', zipped(dictionary({ a: value }), { 0: floats(1) }));
    const error = await refusal(file);
    expect(error.message).toContain(found);
    expect(error.code).toBe('checkpoint-invalid');
  });
});

describe('files that are something else', () => {
  it.each<[string, string, string]>([
    [
      'module.pth',
      'checkpoint-unsafe',
      'it holds a whole pickled module (torch.nn.modules.container.Sequential), which is code',
    ],
    [
      'module-legacy.pth',
      'checkpoint-unsafe',
      'it holds a whole pickled module (torch.nn.modules.linear.Linear)',
    ],
    ['script.pth', 'checkpoint-invalid', 'is a TorchScript archive'],
    ['complex.pth', 'import-unsupported', 'the tensor a is complex64, which is not supported'],
    ['float8.pth', 'import-unsupported', 'the tensor a is torch.float8_e4m3fn'],
    ['negated.pth', 'checkpoint-invalid', 'a negated or conjugate view'],
    ['quantized.pth', 'import-unsupported', 'it has a quantized tensor'],
    ['sparse.pth', 'import-unsupported', 'it has a sparse tensor'],
    ['float8.safetensors', 'import-unsupported', 'the tensor a is F8_E4M3'],
  ])('%s', async (name, code, message) => {
    const error = await refusal(fixture(name));
    expect(error.message).toContain(message);
    expect(error.code).toBe(code);
  });

  it.each<[string, Uint8Array | string, string]>([
    ['nothing', '', 'is empty'],
    [
      'a pointer of Git LFS',
      'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n',
      'is a pointer of Git LFS',
    ],
    ['a web page', '<!DOCTYPE html>\n<html><body>404</body></html>', 'is a web page'],
    [
      'an answer in XML',
      '<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
      'is a web page',
    ],
    ['JSON', '{"error": "gated"}', 'is JSON'],
    ['gzip', ascii('\x1f\x8b\x08\x00abc'), 'is compressed by gzip'],
    [
      'a tar archive',
      Buffer.concat([Buffer.alloc(257), ascii('ustar'), Buffer.alloc(250)]),
      'is a tar archive',
    ],
    ['HDF5', ascii('\x89HDF\r\n\x1a\n'), 'is an HDF5 file'],
    ['another pickle', dictionary({}), 'is a pickle, but not one that torch.save wrote'],
    ['anything', 'hello', 'is neither a PyTorch checkpoint nor a safetensors file'],
    [
      'an archive without a pickle',
      zipOf([{ name: 'config.json', data: ascii('{}') }]),
      'expected an entry NAME/data.pkl, as torch.save writes it',
    ],
  ])('%s', async (_, bytes, message) => {
    const error = await refusal(await folder.write('other.pth', bytes));
    expect(error.message).toContain(message);
    expect(error.code).toBe('checkpoint-invalid');
  });

  it('a folder, and nothing', async () => {
    expect((await refusal(folder.path)).message).toContain('is a folder');
    expect((await refusal(join(folder.path, 'none'))).code).toBe('file-missing');
  });
});
