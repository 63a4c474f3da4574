import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { VentralError } from '../../src/errors/ventral-error.js';
import { openNpz, writeNpz } from '../../src/formats/npz.js';
import { openZip, writeZip } from '../../src/formats/zip.js';
import { handMade } from './hand-made-zip.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ventral-zip-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function saved(name: string, bytes: Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return path;
}

describe('openZip', () => {
  const a = Buffer.from('a');
  const crc = 0xe8b7be43;
  it.each([
    ['a path upwards', [{ name: '../x', data: a, crc }], 'zip-unsafe-path'],
    ['a path upwards inside', [{ name: 'a/../../x', data: a, crc }], 'zip-unsafe-path'],
    ['an absolute path', [{ name: '/etc/x', data: a, crc }], 'zip-unsafe-path'],
    ['a drive letter', [{ name: 'C:/x', data: a, crc }], 'zip-unsafe-path'],
    ['backslashes', [{ name: '..\\x', data: a, crc }], 'zip-unsafe-path'],
    ['an encrypted entry', [{ name: 'x', data: a, crc, flags: 0x801 }], 'zip-invalid'],
    [
      'an entry twice',
      [
        { name: 'x', data: a, crc },
        { name: 'x', data: a, crc },
      ],
      'zip-invalid',
    ],
    ['a bomb', [{ name: 'x', data: a, crc, size: 0xfffffff0, method: 8 }], 'zip-invalid'],
    ['an unknown compression', [{ name: 'x', data: a, crc, method: 99 }], 'zip-invalid'],
  ])('refuses %s', async (what, entries, code) => {
    const path = await saved(`${what}.zip`, handMade(entries));
    await expect(openZip(path)).rejects.toMatchObject({ code, details: { file: path } });
  });

  it('reads what is right in the same hand-made form', async () => {
    const zip = await openZip(await saved('right.zip', handMade([{ name: 'x', data: a, crc }])));
    expect(zip.entries).toEqual([{ name: 'x', size: 1, isStored: true, crc32: crc }]);
    expect(await zip.read('x')).toEqual(a);
    await zip.close();
  });

  it('notices changed content and absent entries', async () => {
    const zip = await openZip(
      await saved('crc.zip', handMade([{ name: 'x', data: Buffer.from('b'), crc }])),
    );
    await expect(zip.read('x')).rejects.toMatchObject({
      code: 'zip-invalid',
      message: expect.stringContaining('checksum'),
    });
    await expect(zip.read('y')).rejects.toMatchObject({
      code: 'zip-invalid',
      message: expect.stringContaining('is missing'),
    });
    await zip.close();
  });

  it('reads ranges of stored entries and of no others', async () => {
    const path = join(folder, 'ranges.zip');
    const data = Buffer.from('0123456789');
    await writeZip(path, [
      { name: 'stored', data, compress: false },
      { name: 'deflated', data, compress: true },
    ]);
    const zip = await openZip(path);
    expect((await zip.readRange('stored', 3, 7)).toString()).toBe('3456');
    expect(await zip.readRange('stored', 5, 5)).toHaveLength(0);
    await expect(zip.readRange('stored', 5, 11)).rejects.toMatchObject({ code: 'zip-invalid' });
    await expect(zip.readRange('deflated', 0, 1)).rejects.toMatchObject({ code: 'zip-invalid' });
    expect(await zip.read('stored')).toEqual(data);
    await zip.close();
  });

  it.each([2n ** 54n, 2n ** 63n, 1000n])('refuses a directory at byte %s', async (at) => {
    const bytes = handMade([{ name: 'x', data: a, crc }]);
    const locator = Buffer.alloc(20);
    locator.write('PK\x06\x07', 'latin1');
    locator.writeBigUInt64LE(at, 8);
    const end = bytes.subarray(-22);
    end.fill(0xff, 8, 20);
    const path = await saved('far.zip', Buffer.concat([bytes.subarray(0, -22), locator, end]));
    await expect(openZip(path)).rejects.toMatchObject({ code: 'zip-invalid' });
  });

  it('says which file is missing, and what is no archive', async () => {
    await expect(openZip(join(folder, 'none.zip'))).rejects.toMatchObject({ code: 'file-missing' });
    await expect(openZip(await saved('text.zip', Buffer.from('hello')))).rejects.toMatchObject({
      code: 'zip-invalid',
    });
  });

  it('refuses damaged archives with one error of ours', async () => {
    const path = join(folder, 'whole.zip');
    await writeZip(path, [
      { name: 'a.txt', data: Buffer.from('hello hello hello'), compress: true },
      { name: 'b/c.bin', data: Buffer.alloc(300, 7), compress: false },
    ]);
    const whole = await readFile(path);
    await fc.assert(
      fc.asyncProperty(
        fc.nat(whole.length - 1),
        fc.nat(255),
        fc.boolean(),
        async (at, byte, cut) => {
          const damaged = Buffer.from(cut ? whole.subarray(0, at) : whole);
          if (!cut) damaged[at] = byte;
          try {
            const zip = await openZip(await saved('damaged.zip', damaged));
            try {
              for (const { name } of zip.entries) await zip.read(name);
            } finally {
              await zip.close();
            }
          } catch (error) {
            expect(error).toBeInstanceOf(VentralError);
          }
        },
      ),
      { numRuns: 400 },
    );
  });
});

describe('writeZip', () => {
  it('gives back every content, and equal bytes for equal contents', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(
          fc.tuple(
            fc.stringMatching(/^[a-z]{1,8}$/),
            fc.uint8Array({ maxLength: 500 }),
            fc.boolean(),
          ),
          { selector: ([name]) => name },
        ),
        async (files) => {
          const contents = files.map(([name, data, compress]) => ({ name, data, compress }));
          const [one, two] = [join(folder, 'one.zip'), join(folder, 'two.zip')];
          await writeZip(one, contents);
          await writeZip(two, contents);
          expect(await readFile(one)).toEqual(await readFile(two));
          const zip = await openZip(one);
          for (const [name, data] of files)
            expect(new Uint8Array(await zip.read(name))).toEqual(data);
          expect(zip.entries).toHaveLength(files.length);
          await zip.close();
        },
      ),
      { numRuns: 30 },
    );
  });

  it('leaves nothing behind where a source fails', async () => {
    const inner = await mkdtemp(join(folder, 'fails-'));
    async function* broken() {
      yield Buffer.from('some');
      throw new Error('the source failed');
    }
    const contents = [{ name: 'x', data: () => Readable.from(broken()), compress: false }];
    await expect(writeZip(join(inner, 'x.zip'), contents)).rejects.toThrowError(
      /the source failed/,
    );
    expect(await readdir(inner)).toEqual([]);
  });
});

describe('npz', () => {
  it('gives back arrays, whole and written by blocks of rows', async () => {
    const path = join(folder, 'x.npz');
    async function* rows() {
      yield Float32Array.of(1, 2);
      yield Float32Array.of(3, 4, 5, 6);
    }
    await writeNpz(path, [
      { name: 'stimulus_id', array: { dtype: 'string', shape: [3], data: ['a', 'b', 'ü'] } },
      { name: 'features/layer3.0', dtype: 'float32', shape: [3, 2], rows },
    ]);
    const npz = await openNpz(path);
    expect(npz.names).toEqual(['stimulus_id', 'features/layer3.0']);
    expect(await npz.read('stimulus_id')).toEqual({
      dtype: 'string',
      shape: [3],
      data: ['a', 'b', 'ü'],
    });
    expect(await npz.read('features/layer3.0')).toEqual({
      dtype: 'float32',
      shape: [3, 2],
      data: Float32Array.of(1, 2, 3, 4, 5, 6),
    });
    await expect(npz.read('other')).rejects.toMatchObject({
      code: 'npy-invalid',
      message: expect.stringContaining('it has "stimulus_id", "features/layer3.0"'),
    });
    await npz.close();
  });

  it('refuses an archive without arrays', async () => {
    const path = join(folder, 'no.npz');
    await writeZip(path, [{ name: 'x.txt', data: Buffer.from('x'), compress: false }]);
    await expect(openNpz(path)).rejects.toMatchObject({ code: 'npy-invalid' });
  });
});

describe('an entry that is streamed', () => {
  const streamed = async (bytes: Buffer) => {
    const zip = await openZip(await saved('streamed.zip', bytes));
    try {
      return Buffer.concat(await (await zip.stream('a')).toArray());
    } finally {
      await zip.close();
    }
  };
  const data = Buffer.from('content');

  it('comes whole where its checksum fits', async () => {
    expect(await streamed(handMade([{ name: 'a', data, crc: crc32(data) }]))).toEqual(data);
  });

  it.each([
    ['has another checksum', { name: 'a', data, crc: 1 }],
    ['is not deflated as it says', { name: 'a', data, method: 8, size: 7 }],
    ['is shorter than it says', { name: 'a', data, size: 9 }],
  ])('is refused as a whole where it %s', async (_what, entry) => {
    await expect(streamed(handMade([entry]))).rejects.toMatchObject({ code: 'zip-invalid' });
  });
});

it.each(['', '.'])('refuses an entry whose name is "%s"', async (name) => {
  const path = await saved('nameless.zip', handMade([{ name, data: Buffer.from('x') }]));
  await expect(openZip(path)).rejects.toMatchObject({ code: 'zip-invalid' });
});

it('refuses a directory that lies beyond any file', async () => {
  const end = Buffer.alloc(56 + 20 + 22);
  end.writeUInt32LE(0x06064b50, 0);
  end.writeBigUInt64LE(1n, 32);
  end.writeBigUInt64LE(2n ** 63n, 48);
  end.writeUInt32LE(0x07064b50, 56);
  end.writeUInt32LE(0x06054b50, 76);
  end.fill(0xff, 84, 96);
  const path = await saved('beyond.zip', end);
  await expect(openZip(path)).rejects.toMatchObject({ code: 'zip-invalid' });
});
