import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openStimulusSet } from '../../../src/data/stimulus-set.js';
import { writeZip } from '../../../src/formats/zip.js';
import { decodeImage } from '../../../src/screen/decode.js';
import { placeOnScreen } from '../../../src/screen/place-on-screen.js';
import { oraclePath } from '../../oracle.js';
import { type RunningService, runningService } from '../running-service.js';

const folder = oraclePath('09-end-to-end/neural-csv');

let service: RunningService;
let benchmark: string;

beforeAll(async () => {
  service = await runningService();
  const path = join(service.home, 'benchmark.zip');
  const names = await readdir(folder);
  await writeZip(
    path,
    await Promise.all(
      names.map(async (name) => ({
        name,
        data: await readFile(join(folder, name)),
        compress: true,
      })),
    ),
  );
  const headers = { 'Content-Type': 'application/zip' };
  const asked = { headers, body: await readFile(path) };
  benchmark = (await service.call('POST', '/v1/benchmarks', asked)).body.id;
  await rm(path);
});
afterAll(async () => {
  await vi.waitFor(async () => expect(await service.leftovers()).toEqual([]));
  await service.stop();
});

const png = async (path: string) => {
  const response = await fetch(`${service.url}${path}`);
  expect(response.headers.get('content-type')).toBe('image/png');
  return decodeImage(new Uint8Array(await response.arrayBuffer()), 'answer');
};

describe('the data of a benchmark', () => {
  it('are told in numbers, with the ceiling of the recordings', async () => {
    const { status, body } = await service.get(`/v1/benchmarks/${benchmark}/data`);
    expect(status).toBe(200);
    const [v4, it] = body.items;
    expect([v4.id, it.id]).toEqual(['end-to-end.objects.V4-pls', 'end-to-end.objects.IT-pls']);
    expect(v4).toMatchObject({
      access: 'public',
      metric: { name: 'pls', components: 25 },
      crossValidation: { splits: 10, trainSize: 0.9, stratifyOn: 'object_name' },
      stimuli: { pictures: true, degrees: [8, 8] },
      fittingStimuli: null,
      trials: null,
      bibtex: null,
    });
    const total = (region: { recordings: { animals: Record<string, number> } }) =>
      Object.values(region.recordings.animals).reduce((sum, count) => sum + count, 0);
    expect(total(v4)).toBe(v4.recordings.neuroids);
    expect(v4.recordings.neuroids + it.recordings.neuroids).toBe(16);
    expect(v4.measuredCeiling.splits).toHaveLength(10);
    expect(v4.measuredCeiling.value).not.toBe(it.measuredCeiling.value);
  });

  it('of thresholds are those of people, whose rows name no stimulus', async () => {
    const files = {
      'benchmark.yaml': [
        ...['identifier: lab-vernier', 'version: 1', 'visual_degrees: 8'],
        'fitting_stimuli: { csv: stimuli.csv }',
        'stimuli: { csv: stimuli.csv }',
        'trials: thresholds.csv',
        'metric: { name: threshold, column: offset }',
      ],
      'stimuli.csv': ['stimulus_id,image_label,offset', 'a,left,10', 'b,right,10', 'c,left,20'],
      'thresholds.csv': ['subject,threshold', 'ann,12.5', 'bob,20', 'cyd,'],
    };
    const entries = Object.entries(files).map(([name, lines]) => ({
      name,
      data: Buffer.from([...lines, ''].join('\n')),
      compress: true,
    }));
    const path = join(service.home, 'thresholds.zip');
    await writeZip(path, entries);
    const headers = { 'Content-Type': 'application/zip' };
    const asked = { headers, body: await readFile(path) };
    const sent = await service.call('POST', '/v1/benchmarks', asked);
    await rm(path);
    expect(sent.status, JSON.stringify(sent.body)).toBe(201);
    const { body } = await service.get(`/v1/benchmarks/${sent.body.id}/data`);
    expect(body.items[0]).toMatchObject({
      id: 'lab-vernier',
      metric: { name: 'threshold', column: 'offset' },
      ceiling: { name: 'metric' },
      fittingStimuli: { stimuli: 3 },
      trials: { trials: 3, subjects: 3, columns: ['subject', 'threshold'] },
      recordings: null,
    });
  });

  it('that are not here say so, and how to get them, in their place', async () => {
    const { body } = await service.get('/v1/benchmarks/FreemanZiemba2013public.V1-pls/data');
    expect(body.items[0]).toMatchObject({
      published: { shape: { neuroids: 102 } },
      bibtex: expect.stringContaining('freeman2013functional'),
      stimuli: { reason: expect.stringContaining('ventral data pull') },
      recordings: { reason: expect.any(String) },
    });
  });
});

describe('the stimuli of a benchmark', () => {
  it('are listed page by page in the order of their table', async () => {
    const first = await service.get(`/v1/benchmarks/${benchmark}/stimuli?limit=3`);
    expect(first.body).toMatchObject({ next: '3', items: [{ degrees: 8 }, {}, {}] });
    expect(first.headers.link).toContain('cursor=3');
    const { total } = first.body;
    const last = await service.get(
      `/v1/benchmarks/${benchmark}/stimuli?limit=3&cursor=${total - 1}`,
    );
    expect(last.body).toMatchObject({ next: null, items: [{}] });
    const set = await openStimulusSet({ identifier: 'own', csv: join(folder, 'stimuli.csv') });
    const listed = first.body.items.map(({ stimulus }: { stimulus: string }) => stimulus);
    expect(listed).toEqual(set.ids.slice(0, 3).map(String));
    expect(total).toBe(set.ids.length);
  });

  it('are drawn as a model sees them, to the pixel', async () => {
    const { body } = await service.get(`/v1/benchmarks/${benchmark}/stimuli?limit=2`);
    const set = await openStimulusSet({
      identifier: 'own',
      csv: join(folder, 'stimuli.csv'),
      images: join(folder, 'stimuli.zip'),
    });
    const stored = await decodeImage(await set.read(1), set.filename(1));
    await set.close();
    const { picture } = body.items[1].links;
    expect((await png(picture)).data).toEqual(stored.data);
    for (const target of [4, 12]) {
      const shown = await png(`${picture}?degrees=${target}`);
      const { width, height, data } = placeOnScreen(stored, { source: 8, target });
      expect(shown).toMatchObject({ width, height });
      expect(Buffer.from(shown.data).equals(data)).toBe(true);
    }
  });

  it.each([
    ['private ones', 'FreemanZiemba2013.V1-pls/stimuli', 403, 'download-forbidden'],
    ['those that are not here', 'MajajHong2015public.V4-pls/stimuli', 422, 'data-missing'],
    ['a fitting set where there is none', '{}/stimuli?set=fitting', 404, 'not-found'],
    ['an unknown stimulus', '{}/stimuli/nope/picture', 404, 'not-found'],
    ['a screen without degrees', '{}/stimuli/x/picture?degrees=0', 400, 'invalid-request'],
    ['an unknown benchmark', 'bmk_nope/stimuli', 404, 'not-found'],
  ])('%s are refused with a reason', async (_what, path, status, code) => {
    const answer = await service.get(`/v1/benchmarks/${path.replace('{}', benchmark)}`);
    expect(answer).toMatchObject({ status, body: { type: `/problems/${code}` } });
  });
});
