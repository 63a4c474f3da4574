import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import sharp from 'sharp';
import { pack } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readAssembly } from '../../src/data/assembly.js';
import { catalog } from '../../src/data/catalog.js';
import { converterNamed } from '../../src/data/published/converters.js';
import { publications } from '../../src/data/published/publication.js';
import { entriesOf, importPublication } from '../../src/data/published/publish.js';
import { writeNpy } from '../../src/formats/npy.js';
import { writeNetcdf } from '../../src/formats/write-netcdf.js';
import { openZip, writeZip } from '../../src/formats/zip.js';
import { array, doubles, element, matFile, structs, text } from '../made-mat5.js';
import { type Files, madeEntries, madePublication, putFiles } from './made-publication.js';

let home: string;
let folder: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'ventral-convert-'));
  folder = join(home, 'brought');
});
afterEach(() => rmSync(home, { recursive: true }));

const refused = (code: string, why: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(why) });

/** Imports tiny files with a converter of the catalog, and gives the paths of what it made. */
async function convert(
  converter: string,
  authors: Files,
  arrays?: Files,
): Promise<Map<string, string>> {
  const publication = madePublication(converter, authors, arrays ? { arrays } : {});
  putFiles(folder, arrays ?? authors);
  // The entries that the catalog has for it.
  const entries = entriesOf({ ...publication, name: converter });
  const made = await importPublication(publication, folder, { home, entries });
  return new Map(made.map(({ identifier, role, path }) => [`${identifier} ${role}`, path]));
}

/** A MAT-file of version 7.3: 512 bytes of MATLAB, then HDF5 with its dimensions turned round. */
async function mat73(
  variables: Readonly<
    Record<string, { shape: readonly number[]; data: Float64Array | Uint8Array }>
  >,
): Promise<Buffer> {
  const path = join(home, 'made.h5');
  const dimensions = new Map<string, number>();
  const made = Object.entries(variables).map(([name, { shape, data }]) => ({
    name,
    dims: shape.map((length, i) => {
      dimensions.set(`${name}${i}`, length);
      return `${name}${i}`;
    }),
    dtype: data instanceof Uint8Array ? ('uint8' as const) : ('float64' as const),
    values: data,
  }));
  await writeNetcdf(path, { dimensions, variables: made });
  const header = Buffer.alloc(512);
  header.write('MATLAB 7.3 MAT-file, Platform: GLNXA64', 0, 'latin1');
  return Buffer.concat([header, readFileSync(path)]);
}

const lines = (path: string | undefined) =>
  readFileSync(path ?? '', 'utf8')
    .trimEnd()
    .split('\n');
const range = (n: number) => Float64Array.from({ length: n }, (_, i) => i);

describe('converters', () => {
  test('every publication has one, and makes every entry that names it', () => {
    for (const publication of publications()) {
      expect(converterNamed(publication.converter)).toBeTypeOf('function');
      expect(entriesOf(publication).length).toBeGreaterThan(0);
      const [authors] = publication.forms;
      expect(authors.name).toBe('authors');
      for (const { file, size, sha256, url } of authors.files) {
        expect(url, file).toMatch(/^https:\/\//);
        expect(size).toBeGreaterThan(0);
        expect(sha256).toMatch(/^[0-9a-f]{64}$/);
        // A branch moves; a commit does not.
        if (url?.includes('githubusercontent')) expect(url).toMatch(/\/[0-9a-f]{40}\//);
      }
    }
    const names = new Set(publications().map(({ name }) => name));
    for (const { converted, licence, terms } of catalog()) {
      if (converted) expect(names).toContain(converted.publication);
      expect(licence ?? terms).not.toBe('');
    }
    expect(() => converterNamed('toString')).toThrow(RangeError);
  });

  test('Jiang2021: cells, repetitions and stimuli from 7.3, images turned upright', async () => {
    // Two contours and one grating; three cells of A, one of B, which saw gratings once.
    const rsp = (stimuli: number, times: number, cells: number, start: number) => ({
      shape: [stimuli, times, cells],
      data: range(stimuli * times * cells).map((v) => v + start),
    });
    const stim = (n: number) => ({
      shape: [n, 3, 2],
      data: Uint8Array.from({ length: n * 6 }, (_, i) => 10 * (i + 1)),
    });
    const authors = {
      'RspContourA.mat': await mat73({ RspContourA: rsp(2, 2, 3, 0) }),
      'RspContourB.mat': await mat73({ RspContourB: rsp(2, 2, 1, 100) }),
      'RspGratingA.mat': await mat73({ RspGratingA: rsp(1, 2, 3, 200) }),
      'RspGratingB.mat': await mat73({ RspGratingB: rsp(1, 1, 1, 300) }),
      'StimContour.mat': await mat73({ StimContour: stim(2) }),
      'StimGrating.mat': await mat73({ StimGrating: stim(1) }),
    };
    const made = await convert('Jiang2021', authors);
    expect(lines(made.get('Jiang2021 csv'))).toEqual([
      'stimulus_id,filename,kind',
      'contour001,contour001.png,bar',
      'contour002,contour002.png,bar',
      'grating001,grating001.png,grating',
    ]);
    const { shape, values, coords } = await readAssembly(made.get('Jiang2021 nc') ?? '');
    expect(shape).toEqual([6, 4]);
    expect(coords.get('animal')?.values).toEqual(['A', 'A', 'A', 'B']);
    expect(coords.get('stimulus_id')?.values).toEqual([
      ...['contour001', 'contour001', 'contour002', 'contour002', 'grating001', 'grating001'],
    ]);
    expect(Array.from(values, Number)).toEqual([
      ...[0, 1, 2, 100, 3, 4, 5, 101, 6, 7, 8, 102, 9, 10, 11, 103],
      ...[200, 201, 202, 300, 203, 204, 205, Number.NaN],
    ]);
    const zip = await openZip(made.get('Jiang2021 images') ?? '');
    const image = sharp(await zip.read('contour001.png'))
      .greyscale()
      .raw();
    const { data, info } = await image.toBuffer({ resolveWithObject: true });
    await zip.close();
    // Three columns of two pixels.
    expect([info.width, info.height, [...data]]).toEqual([3, 2, [10, 30, 50, 20, 40, 60]]);
  });

  test('KarDemo: one site, from a plain HDF5 file under another name', async () => {
    const whole = await mat73({ rates: { shape: [4, 2], data: range(8) } });
    const publication = madePublication('KarDemo', {
      'data/sample_neuron.h5': whole.subarray(512),
    });
    putFiles(folder, { 'renamed.bin': whole.subarray(512), 'other.txt': 'nothing' });
    const [made] = await importPublication(publication, folder, { home });
    const { shape, values, coords } = await readAssembly(made.path);
    expect(shape).toEqual([8, 1]);
    expect(Array.from(values, Number)).toEqual([...range(8)]);
    expect(coords.get('region')?.values).toEqual(['IT']);
    expect(coords.get('stimulus_id')?.values.at(-1)).toBe('image0004');
  });

  test('Kriegeskorte2008: RDMs and images of structs of MATLAB 5', async () => {
    const n = 92;
    // Dissimilarity i + j/100 between images i and j, in whole and in pairs.
    const entry = (i: number, j: number) => (i === j ? 0 : Math.min(i, j) + Math.max(i, j) / 100);
    const square = (scale: number) =>
      doubles(
        '',
        [n, n],
        Array.from({ length: n * n }, (_, k) => scale * entry(k % n, Math.floor(k / n))),
      );
    const pairs = Array.from({ length: n }, (_, i) =>
      Array.from({ length: n - i - 1 }, (_, k) => entry(i, i + 1 + k)),
    ).flat();
    const flag = (value: number) => doubles('', [1, 1], [value]);
    const pixels = element(
      2,
      Uint8Array.from({ length: 12 }, (_, i) => 20 * (i + 1)),
    );
    const image = array(9, '', [2, 2, 3], [pixels]);
    const images = Array.from({ length: n }, (_, i) => ({
      category: text('', i === 0 ? 'human face' : 'thing'),
      human: flag(i === 0 ? 1 : 0),
      face: flag(1),
      animal: flag(0),
      natural: flag(1),
      image,
    }));
    const at = (scale: number) => ({ RDM: square(scale), name: text('', 'x') });
    const authors = {
      // Two people of two sessions, the people first: MATLAB's order.
      'demos/92_brainRDMs.mat': matFile([structs('RDMs', [1, 2, 2], [at(1), at(2), at(3), at(4)])]),
      'demos/92_behavRDMs.mat': matFile([structs('rdms_behav_92', [1, 1], [at(5)])]),
      'demos/Kriegeskorte_Neuron2008_supplementalData.mat': matFile([
        structs(
          'RDMs_mIT_hIT_fig1',
          [1, 1],
          [{ name: text('', 'mIT'), RDM: doubles('', [1, pairs.length], pairs) }],
        ),
        structs('stimuli_92objs', [1, n], images),
      ]),
    };
    const made = await convert('Kriegeskorte2008', authors);
    expect(lines(made.get('Kriegeskorte2008 csv')).slice(0, 3)).toEqual([
      'stimulus_id,filename,category,human,face,animal,natural',
      '1,image_01.png,human face,1,1,0,1',
      '2,image_02.png,thing,0,1,0,1',
    ]);
    const monkeys = lines(made.get('Kriegeskorte2008.monkey-IT csv'));
    expect([monkeys.length, monkeys[0], monkeys[1], monkeys.at(-1)]).toEqual([
      ...[4187, 'stimulus_1,stimulus_2,monkeys', '1,2,0.01', '91,92,90.91'],
    ]);
    // The mean of the sessions of each: 1 and 3, 2 and 4.
    expect(lines(made.get('Kriegeskorte2008.human-IT csv')).slice(0, 2)).toEqual([
      'stimulus_1,stimulus_2,subject01,subject02',
      '1,2,0.02,0.03',
    ]);
    expect(lines(made.get('Kriegeskorte2008.judgements csv'))[1]).toBe('1,2,0.05');
    const zip = await openZip(made.get('Kriegeskorte2008 images') ?? '');
    const { data } = await sharp(await zip.read('image_92.png'))
      .raw()
      .toBuffer({ resolveWithObject: true });
    await zip.close();
    expect([...data]).toEqual([20, 100, 180, 60, 140, 220, 40, 120, 200, 80, 160, 240]);
  });

  test('Peterson2019: choices by image, and the images of CIFAR-10’s archive', async () => {
    const record = (label: number, red: number) =>
      Buffer.concat([
        Buffer.of(label),
        Buffer.alloc(1024, red),
        Buffer.alloc(1024, 7),
        Buffer.alloc(1024, 9),
      ]);
    const tar = pack();
    tar.entry({ name: 'cifar-10-batches-bin/data_batch_1.bin' }, record(1, 1));
    tar.entry(
      { name: 'cifar-10-batches-bin/test_batch.bin' },
      Buffer.concat([record(3, 200), record(9, 100)]),
    );
    tar.finalize();
    const parts: Buffer[] = [];
    for await (const part of tar) parts.push(part as Buffer);
    const counts = new Float64Array(20);
    counts.set([48, 3], 3);
    counts[19] = 51;
    const made = await convert('Peterson2019', {
      'data/cifar10h-counts.npy': writeNpy({ dtype: 'float64', shape: [2, 10], data: counts }),
      'cifar-10-binary.tar.gz': gzipSync(Buffer.concat(parts)),
    });
    expect(lines(made.get('Peterson2019 csv'))).toEqual([
      'stimulus_id,truth,choice,count',
      'test0000,cat,cat,48',
      'test0000,cat,deer,3',
      'test0001,truck,truck,51',
    ]);
    const zip = await openZip(made.get('CIFAR-10-test images') ?? '');
    const { data } = await sharp(await zip.read('test0001.png'))
      .raw()
      .toBuffer({ resolveWithObject: true });
    await zip.close();
    expect([...data.subarray(0, 6)]).toEqual([100, 7, 9, 100, 7, 9]);
  });

  test('Geirhos2020: choices from tables and from archives of tables', async () => {
    const table = (subject: string, choice: string) =>
      `subj,session,trial,rt,object_response,category,condition,imagename\n${subject},1,1,NaN,${choice},oven,NaN,0001_x_oven10.png\n`;
    const name = (set: string, network: string) => `texture-shape_${set}_${network}_session-1.csv`;
    await writeZip(join(home, 'edges.zip'), [
      { name: name('edges', 'vgg'), data: Buffer.from(table('vgg', 'car')), compress: true },
      {
        name: name('edges', 'alexnet'),
        data: Buffer.from(table('alexnet', 'oven')),
        compress: true,
      },
    ]);
    const authors = { [`raw/${name('silhouettes', 'vgg')}`]: table('vgg', 'bear') };
    const tables = await convert('Geirhos2020', authors);
    expect(lines(tables.get('Geirhos2020_silhouette csv'))).toEqual([
      'stimulus_id,subject,truth,choice,condition',
      'oven10.png,vgg,oven,bear,0',
    ]);
    const arrays = { 'edges.zip': readFileSync(join(home, 'edges.zip')) };
    rmSync(folder, { recursive: true });
    const zipped = await convert('Geirhos2020', authors, arrays);
    expect(lines(zipped.get('Geirhos2020_edge csv')).slice(1)).toEqual([
      'oven10.png,alexnet,oven,oven,0',
      'oven10.png,vgg,oven,car,0',
    ]);
  });

  test('Cichy2014: people are the last dimension of HDF5', async () => {
    const rdm = (start: number) => ({
      shape: [92, 92, 2],
      data: Float64Array.from(
        { length: 92 * 92 * 2 },
        (_, k) => start + (k % 2) + Math.floor(k / 2) / 1e4,
      ),
    });
    const made = await convert('Cichy2014', {
      'Testing/92/target_fmri.mat': await mat73({ EVC_RDMs: rdm(0), IT_RDMs: rdm(5) }),
    });
    expect(lines(made.get('Cichy2014.IT csv')).slice(0, 2)).toEqual([
      'stimulus_1,stimulus_2,subject01,subject02',
      '1,2,5.0001,6.0001',
    ]);
  });
});

describe('files that somebody brings', () => {
  const authors = { 'a/one.csv': 'one', 'b/one.csv': 'two' };
  const publication = madePublication('Geirhos2020', authors);
  const bring = () =>
    importPublication(publication, folder, { home, entries: madeEntries('x', []) });

  test('that lack one are refused with its name and where it is', async () => {
    putFiles(folder, { 'a/one.csv': 'one' });
    await expect(bring()).rejects.toEqual(
      refused('data-missing', /lacks 1 of 2 files of Geirhos2020: b\/one\.csv; .*example\.org/),
    );
    await expect(importPublication(publication, join(home, 'nowhere'), { home })).rejects.toEqual(
      refused('file-missing', /nowhere does not exist/),
    );
    await expect(
      importPublication(publication, join(folder, 'a/one.csv'), { home }),
    ).rejects.toEqual(refused('bad-usage', /expected a folder/));
  });

  test('with other bytes are refused with what was expected', async () => {
    putFiles(folder, { 'a/one.csv': 'one', 'b/one.csv': 'six' });
    await expect(bring()).rejects.toEqual(
      refused('checksum-mismatch', /b\/one\.csv is not the file .* expected SHA-256/),
    );
    putFiles(folder, { 'b/one.csv': 'longer' });
    await expect(bring()).rejects.toEqual(
      refused('checksum-mismatch', /expected 3 bytes, found 6 bytes/),
    );
  });

  test('are found a folder deeper, where an archive was unpacked', async () => {
    putFiles(folder, { 'repo-main/a/one.csv': 'one', 'repo-main/b/one.csv': 'two' });
    // No table of a set: nothing is made, and nothing is refused.
    expect(await bring()).toEqual([]);
  });
});
