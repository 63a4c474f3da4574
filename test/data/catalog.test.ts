import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { catalog, type DataKind, entriesNeeded, findData } from '../../src/data/catalog.js';
import { dataPath, locateData, requireData } from '../../src/data/data-folder.js';

const home = mkdtempSync(join(tmpdir(), 'ventral-catalog-'));
afterAll(() => rmSync(home, { recursive: true }));

describe('the catalog', () => {
  /** Rows of Brain-Score's registry, copied by hand (spec §6.4). */
  const rows: [identifier: string, kind: DataKind, file: string, sha1: string][] = [
    [
      'FreemanZiemba2013.public',
      'recordings',
      'assy_movshon_FreemanZiemba2013_public.nc',
      '761c08f796db4e342555cdb60eef23a4f19ead43',
    ],
    [
      'FreemanZiemba2013.private',
      'recordings',
      'assy_movshon_FreemanZiemba2013_private.nc',
      '63f636fa2e2b51b47a676768a69b06ce95efdd8f',
    ],
    [
      'MajajHong2015.public',
      'recordings',
      'assy_dicarlo_MajajHong2015_public.nc',
      '13d28ca0ce88ee550b54db3004374ae19096e9b9',
    ],
    [
      'MajajHong2015.private',
      'recordings',
      'assy_dicarlo_MajajHong2015_private.nc',
      '7a40d16148d6f82939155f0bd976d310857fb156',
    ],
    [
      'Rajalingham2018.public',
      'trials',
      'assy_dicarlo_Rajalingham2018_public.nc',
      '34c6a8b6f7c523589c1861e4123232e5f7c7df4c',
    ],
    [
      'FreemanZiemba2013.aperture-public',
      'stimuli',
      'stimulus_FreemanZiemba2013_aperture-public.zip',
      '3a6fec1fc28c212882d6833e267ea8654d289611',
    ],
    [
      'hvm-public',
      'stimuli',
      'stimulus_hvm-public.csv',
      '5ca7a3da00d8e9c694a9cd725df5ba0ad6d735af',
    ],
    [
      'objectome.private',
      'stimuli',
      'stimulus_objectome_private.zip',
      'ccd39f7f9b8b4a92da06e3960d06225e46208593',
    ],
    [
      'Geirhos2021_cue-conflict',
      'trials',
      'assy_brendel_Geirhos2021_cue-conflict.nc',
      'cc214e3595d34565b13963c5f56049769a39a5c9',
    ],
    [
      'Geirhos2021_silhouette',
      'stimuli',
      'stimulus_Geirhos2021_silhouette.zip',
      '36c8a481f7876a2af2ad4fe80890b302fe3ae91e',
    ],
  ];
  test.each(rows)('%s (%s) has %s', (identifier, kind, file, sha1) => {
    expect(findData(identifier, kind).files).toContainEqual(
      expect.objectContaining({ file, sha1 }),
    );
  });

  test('names each entry once, with whole digests, terms and known stimuli', () => {
    const keys = catalog().map(({ identifier, kind }) => `${kind} ${identifier}`);
    expect(new Set(keys).size).toBe(keys.length);
    const ofBrainScore = catalog().filter(({ converted }) => converted === undefined);
    expect(ofBrainScore).toHaveLength(230);
    for (const { files, converted } of catalog()) {
      if (converted) expect(files).toEqual([]);
    }
    for (const { identifier, kind, stimuli, terms, files, brought, agreement } of ofBrainScore) {
      expect(terms.length, identifier).toBeGreaterThan(10);
      if (brought) {
        // What each user gets by an agreement has no digest that a list could state.
        expect(agreement, identifier).toMatch(/https:/);
        expect(terms).toMatch(/https:|package/);
        expect(files).toEqual([]);
        expect(brought.map(({ role }) => role)).toEqual(
          kind === 'stimuli' ? ['csv', 'images'] : ['csv'],
        );
        continue;
      }
      expect(files.map(({ role }) => role)).toEqual(
        kind === 'stimuli' ? ['csv', 'images'] : ['nc'],
      );
      for (const { sha1, url } of files) {
        expect(sha1).toMatch(/^[0-9a-f]{40}$/);
        expect(url).toMatch(
          /^https:\/\/brainscore-storage\.s3\.amazonaws\.com\/(?:brainio-brainscore|brainscore-vision\/benchmarks\/\w+(?:\/\w+)?)\//,
        );
      }
      // Ringach2002's gratings are computed: no file holds them.
      if (kind !== 'stimuli' && identifier !== 'Ringach2002')
        expect(findData(stimuli ?? '', 'stimuli').kind).toBe('stimuli');
    }
  });

  test('keeps private what is private', () => {
    for (const { identifier, access } of catalog()) {
      if (/private/.test(identifier)) expect(access, identifier).toBe('private');
      if (/public/.test(identifier)) expect(access, identifier).toBe('public');
    }
  });

  test('gives recordings with what they were recorded on', () => {
    const needed = (name: string) =>
      entriesNeeded(name).map(({ kind, identifier }) => `${kind} ${identifier}`);
    expect(needed('MajajHong2015.public')).toEqual([
      'recordings MajajHong2015.public',
      'stimuli hvm-public',
    ]);
    // A stimulus set has this name as well, but it is not what the recordings were made on.
    expect(needed('FreemanZiemba2013.public')).toEqual([
      'recordings FreemanZiemba2013.public',
      'stimuli FreemanZiemba2013.aperture-public',
    ]);
    expect(needed('hvm')).toEqual(['stimuli hvm']);
  });

  test('offers the closest names of the kind that was asked for', () => {
    expect(() => findData('objectome.pubic', 'stimuli')).toThrow(/"objectome.public"/);
    expect(() => findData('MajajHong2015.public', 'trials')).toThrow(/no trials/);
  });
});

describe('the files of an entry', () => {
  const entry = findData('FreemanZiemba2013.aperture-public', 'stimuli');
  const secret = findData('FreemanZiemba2013.private', 'recordings');
  const [csv, images] = entry.files;
  if (!csv || !images) throw new Error('a stimulus set has two files');

  test('that are not here are named with the command that brings them', async () => {
    await expect(requireData(entry, home)).rejects.toMatchObject({
      code: 'data-missing',
      exit: 2,
      message: expect.stringContaining('ventral data pull FreemanZiemba2013.aperture-public'),
    });
    await expect(requireData(secret, home)).rejects.toThrow(/private.*ventral data import/);
  });

  test('are found in HOME/data/<sha1>/<file>', async () => {
    const path = dataPath(home, csv);
    expect(path).toBe(join(home, 'data', csv.sha1, csv.file));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, 'stimulus_id\n');
    expect(await locateData(entry, home)).toEqual({
      paths: { csv: path },
      missing: [images],
      ownBytes: false,
    });
  });
});
