import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inferColumn } from '../../src/data/column.js';
import { openStimulusSet, stimulusSetOf } from '../../src/data/stimulus-set.js';
import { writeZip } from '../../src/formats/zip.js';
import { numbers, type OracleArray, oracle, oraclePath } from '../oracle.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ventral-stimuli-'));
});
afterAll(() => rm(folder, { recursive: true }));

const dtypes: Record<string, string> = {
  object: 'string',
  int64: 'int64',
  float64: 'float64',
  bool: 'bool',
};
const valuesOf = (array: OracleArray) =>
  ['string', 'mixed', 'bool'].includes(array.dtype) ? array.values : Array.from(numbers(array));

async function table(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

describe('openStimulusSet on the reference packages', () => {
  it.each(['Plain2026_public', 'Within2026', 'Legacy2013'])(
    '%s: columns with dtypes of pandas',
    async (name) => {
      const expected = oracle(`08-brainio/expected_stimulus_${name}.json`);
      const set = await openStimulusSet({
        identifier: name,
        csv: oraclePath(`08-brainio/${expected.csv}`),
        ...(expected.zip === undefined ? {} : { images: oraclePath(`08-brainio/${expected.zip}`) }),
      });
      const columns = Array.from(
        expected.columns as { name: string; pandas_dtype: string; values: OracleArray }[],
      );
      expect([...set.columns.keys()]).toEqual(columns.map((column) => column.name));
      for (const column of columns) {
        const found = set.columns.get(column.name);
        expect(found?.dtype).toBe(dtypes[column.pandas_dtype]);
        expect(found?.values).toEqual(valuesOf(column.values));
      }
      expect(set.ids).toEqual(
        columns.find((column) => column.name === 'stimulus_id')?.values.values,
      );
      expect(set.hasImages).toBe(expected.zip !== undefined);
      await set.close();
    },
  );

  it.each(['Plain2026_public', 'Within2026'])('%s: every image by its id', async (name) => {
    const expected = oracle(`08-brainio/expected_stimulus_${name}.json`);
    const set = await openStimulusSet({
      identifier: expected.identifier,
      csv: oraclePath(`08-brainio/${expected.csv}`),
      images: oraclePath(`08-brainio/${expected.zip}`),
    });
    const sha1 = new Map(
      Array.from(expected.zip_entries as { name: string; sha1: string }[], (entry) => [
        entry.name,
        entry.sha1,
      ]),
    );
    for (const [row, id] of set.ids.entries()) {
      expect(set.filename(row)).toBe(expected.files[id]);
      expect(
        createHash('sha1')
          .update(await set.read(row))
          .digest('hex'),
      ).toBe(sha1.get(set.filename(row)));
    }
    await set.close();
  });

  it.each(['Plain2026_public', 'Within2026', 'Legacy2013'])(
    '%s: the bytes that the reference wrote',
    async (name) => {
      const { csv, csv_sha1, zip, zip_sha1, note } = oracle(
        `08-brainio/expected_stimulus_${name}.json`,
      );
      const digest = async (file: string) =>
        createHash('sha1')
          .update(await readFile(oraclePath(`08-brainio/${file}`)))
          .digest('hex');
      expect(await digest(csv)).toBe(csv_sha1);
      expect(zip === undefined ? undefined : await digest(zip)).toBe(zip_sha1);
      expect(zip === undefined).toBe(note !== undefined);
    },
  );
});

describe('openStimulusSet', () => {
  it('finds images by filename, within the store, and by id and extension', async () => {
    const images = join(folder, 'ways');
    await mkdir(join(images, 'sub'), { recursive: true });
    await writeFile(join(images, 'plain.png'), 'a');
    await writeFile(join(images, 'sub', 'within.png'), 'b');
    await writeFile(join(images, 'id3.jpg'), 'c');
    const csv = await table(
      'ways.csv',
      'stimulus_id,filename,stimulus_path_within_store\nid1,plain.png,\nid2,x.png,sub/within\nid3,somewhere/x.jpg,\n',
    );
    const set = await openStimulusSet({ identifier: 'ways', csv, images });
    const read = await Promise.all(
      [0, 1, 2].map(async (row) => Buffer.from(await set.read(row)).toString()),
    );
    expect(read).toEqual(['a', 'b', 'c']);
  });

  const bad: [string, string, string, RegExp][] = [
    [
      'a doubled id',
      'stimulus_id,filename\na,a.png\nb,a.png\na,a.png\n',
      'stimuli-duplicate',
      /"a" occurs in row 1 and in row 3/,
    ],
    [
      'a missing image',
      'stimulus_id,filename\na,a.png\nb,b.png\n',
      'image-missing',
      /no image "b.png" for the stimulus "b"/,
    ],
    [
      'no id column',
      'name,filename\na,a.png\n',
      'csv-invalid',
      /no column stimulus_id .* "name", "filename"/,
    ],
    [
      'an empty id',
      'stimulus_id,filename\na,a.png\n,a.png\n',
      'csv-invalid',
      /row 2 has no "stimulus_id"/,
    ],
    ['no rows', 'stimulus_id,filename\n', 'csv-invalid', /no stimuli/],
    ['a ragged row', 'stimulus_id,filename\na\n', 'csv-invalid', /line 2/],
    [
      'an image outside the folder',
      'stimulus_id,filename\nz,../secret.png\n',
      'image-missing',
      /no image/,
    ],
    [
      'an image by absolute path',
      'stimulus_id,filename\nz,/etc/hostname\n',
      'image-missing',
      /no image/,
    ],
    [
      'an image behind a link out of the folder',
      'stimulus_id,filename\nz,link.png\n',
      'image-missing',
      /link.png/,
    ],
  ];
  it.each(bad)('refuses %s', async (what, text, code, sentence) => {
    const images = await mkdtemp(join(folder, 'images-'));
    await writeFile(join(images, 'a.png'), 'a');
    await writeFile(join(folder, 'secret.png'), 'secret');
    await symlink(join(folder, 'secret.png'), join(images, 'link.png'));
    const csv = await table(`${what}.csv`, text);
    const opened = openStimulusSet({ identifier: 'bad', csv, images });
    await expect(opened).rejects.toMatchObject({ code, message: expect.stringMatching(sentence) });
  });

  it('says that a set came without images when one is asked for', async () => {
    const set = await openStimulusSet({
      identifier: 'bare',
      csv: await table('bare.csv', 'stimulus_id\n1\n2\n'),
    });
    expect(set.ids).toEqual([1, 2]);
    await expect(set.read(0)).rejects.toMatchObject({ code: 'image-missing' });
  });

  it('reads a set that was never in files', async () => {
    const set = stimulusSetOf('made', [inferColumn('stimulus_id', ['b', 'a'])], async (row) =>
      Uint8Array.of(row),
    );
    expect(set.ids).toEqual(['b', 'a']);
    expect(await set.read(1)).toEqual(Uint8Array.of(1));
  });

  it('ignores files of an archive that no row names', async () => {
    const images = join(folder, 'more.zip');
    const data = Buffer.from('x');
    await writeZip(images, [
      { name: '__MACOSX/._a.png', data, compress: false },
      { name: 'a.png', data, compress: true },
    ]);
    const csv = await table('more.csv', 'stimulus_id,filename\na,a.png\n');
    const set = await openStimulusSet({ identifier: 'more', csv, images });
    expect(Buffer.from(await set.read(0)).toString()).toBe('x');
    await set.close();
  });
});

describe('inferColumn', () => {
  it.each([
    [['1', '-2', ' 3'], 'int64', [1, -2, 3]],
    [['001', '2'], 'int64', [1, 2]],
    [['1', '', '3'], 'float64', [1, Number.NaN, 3]],
    [['1.5', 'inf', '-Infinity', 'NaN'], 'float64', [1.5, Infinity, -Infinity, Number.NaN]],
    [['2.3333333333333335', '0.1'], 'float64', [2.333333333333333, 0.1]],
    [['1e-5', '-12345678901234567890.5'], 'float64', [1e-5, -12345678901234567000]],
    [['', 'NA'], 'float64', [Number.NaN, Number.NaN]],
    [['True', 'false'], 'bool', [true, false]],
    [['True', ''], 'string', ['True', null]],
    [['a', 'None', ' b'], 'string', ['a', null, ' b']],
    [['9007199254740993', '1'], 'string', ['9007199254740993', '1']],
    [['0x10', '1_000'], 'string', ['0x10', '1_000']],
  ])('%j is %s', (cells, dtype, values) => {
    expect(inferColumn('c', cells)).toEqual({ name: 'c', dtype, values });
  });
});
