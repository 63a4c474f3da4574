import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readAssembly } from '../../src/data/assembly.js';
import { stimulusSetOf } from '../../src/data/stimulus-set.js';
import { writeNetcdf } from '../../src/formats/write-netcdf.js';
import { openZip } from '../../src/formats/zip.js';
import { expandRegions } from '../../src/scoring/benchmark/benchmark.js';
import {
  readPublishedFeatures,
  readPublishedProbabilities,
} from '../../src/scoring/model/published-outputs.js';
import { compareWithGolden } from '../../src/scoring/model/verify-benchmark.js';
import { readBenchmarks } from '../../src/scoring/registry/benchmark-file.js';
import { goldenOf } from '../../src/scoring/registry/golden.js';
import { findBenchmark } from '../../src/scoring/registry/registry.js';
import { holds } from '../../src/scoring/registry/verification.js';
import { sharedData } from './shared-data.js';

const files = sharedData('brainscore-netcdf');
const networks = sharedData('geirhos2020-networks');
const people = sharedData('geirhos2021-edge-silhouette');
const root = mkdtempSync(join(tmpdir(), 'ventral-published-'));
afterAll(() => rmSync(root, { recursive: true }));

const stimuliOf = (names: readonly string[], ending = '') =>
  stimulusSetOf(
    'some',
    [
      { name: 'stimulus_id', dtype: 'string', values: names },
      { name: 'filename', dtype: 'string', values: names.map((name) => name + ending) },
    ],
    async () => new Uint8Array(),
  );

describe.skipIf(!files)('files that Brain-Score wrote', () => {
  test('probabilities of AlexNet, in the order of the stimuli', async () => {
    const path = join(files!, 'alexnet-probabilities.nc');
    const { coords, values } = await readAssembly(path);
    const ids = coords.get('image_id')!.values.map(String);
    const read = await readPublishedProbabilities(path, stimuliOf(ids.toReversed()));
    if (!('probabilities' in read)) throw new Error('no probabilities');
    const { choices, values: table, dtype } = read.probabilities;
    expect([choices[0], choices.at(-1), dtype]).toEqual([
      'interior_details_130_2',
      'zebra',
      'float32',
    ]);
    expect(table.data.reduce((sum, each) => sum + each, 0)).toBeCloseTo(240, 4);
    expect([...table.data.subarray(0, 24)]).toEqual([...(values as Float32Array).subarray(-24)]);
  });

  test('features of AlexNet, by the name of the image alone', async () => {
    const path = join(files!, 'alexnet-rgb-1000.nc');
    const features = await readPublishedFeatures(path, stimuliOf(['rgb'], '.jpg'));
    expect([features.rows, features.cols]).toEqual([1, 2000]);
    const values = Float64Array.from(await features.columns(0, 2000));
    expect(values.reduce((sum, each) => sum + each, 0)).toBeCloseTo(53.990906, 5);
  });
});

// Brain-Score's asserted values of ResNet-50 (golden.json), from the trials that the authors of 2020 published.
describe.skipIf(!networks || !people).each([
  ['edge', 'edges', 'edge'],
  ['silhouette', 'silhouettes', 'silhouette'],
])('ResNet-50’s choices on %s', (set, archive, trials) => {
  test.each(['error_consistency', 'top1'])('verify, %s', async (quantity) => {
    const [shipped] = findBenchmark(`Geirhos2021${set}-${quantity}`);
    const zip = await openZip(join(networks!, `${archive}_25networks.zip`));
    const entry = zip.entries.find(({ name }) => /_resnet50_/.test(name))!;
    const rows = (await zip.read(entry.name)).toString('utf8').trim().split(/\r?\n/).slice(1);
    await zip.close();
    const cells = rows.map((row) => row.split(','));
    const ids = cells.map((row) => row[7].split('_').at(-1)!);
    const golden = goldenOf(shipped)!;
    await writeNetcdf(join(root, golden.models![0].file!.name), {
      dimensions: new Map([
        ['choice', 1],
        ['presentation', ids.length],
      ]),
      variables: [
        { name: 'stimulus_id', dims: ['presentation'], dtype: 'string', values: ids },
        {
          name: 'data',
          dims: ['choice', 'presentation'],
          dtype: 'string',
          values: cells.map((row) => row[4]),
          attributes: { coordinates: 'stimulus_id' },
        },
      ],
    });
    const folder = join(people!, trials);
    const observed = readdirSync(folder).flatMap((name) =>
      readFileSync(join(folder, name), 'utf8').trim().split(/\r?\n/).slice(1),
    );
    const lines = observed.map((line) => {
      const row = line.split(',');
      return [row[7].split('_').at(-1), row[0], row[5], row[4], row[6]].join(',');
    });
    writeFileSync(
      join(root, `${set}.csv`),
      ['stimulus_id,subject,truth,choice,condition', ...lines].join('\n'),
    );
    writeFileSync(
      join(root, 'stimuli.csv'),
      ['stimulus_id,filename', ...ids.map((id) => `${id},${id}`)].join('\n'),
    );
    const metric = quantity === 'top1' ? 'accuracy' : 'error-consistency';
    writeFileSync(
      join(root, 'benchmark.yaml'),
      `identifier: here-${set}\nversion: 1\nvisual_degrees: 3\nstimuli: { csv: stimuli.csv }\ntrials: ${set}.csv\nmetric: { name: ${metric} }\n`,
    );
    const context = {
      home: join(root, 'home'),
      threads: 1,
      maxMemory: 2 ** 30,
      maxScratch: 2 ** 30,
    };
    const [benchmark] = readBenchmarks(join(root, 'benchmark.yaml')).flatMap(expandRegions);
    const { findings } = await compareWithGolden(benchmark, golden, { ...context, files: root });
    expect(findings.length).toBe(quantity === 'top1' ? 1 : 2);
    for (const finding of findings) expect(holds(finding), JSON.stringify(finding)).toBe(true);
  });
});
