import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type VariableToWrite, writeNetcdf } from '../../../src/formats/write-netcdf.js';
import { matrix } from '../../../src/numerics/algebra/matrix.js';
import { RandomState } from '../../../src/numerics/random/random-state.js';
import { type Benchmark, expandRegions } from '../../../src/scoring/benchmark/benchmark.js';
import { DataSources } from '../../../src/scoring/benchmark/data-sources.js';
import { kindOf } from '../../../src/scoring/kinds/benchmark-kinds.js';
import { compareWithGolden, verifyBenchmark } from '../../../src/scoring/model/verify-benchmark.js';
import { readBenchmarks } from '../../../src/scoring/registry/benchmark-file.js';
import { goldenOf } from '../../../src/scoring/registry/golden.js';
import { listBenchmarks } from '../../../src/scoring/registry/registry.js';
import {
  isReproduced,
  isVerified,
  recordVerification,
} from '../../../src/scoring/registry/verification.js';
import { ORACLE } from '../../oracle.js';
import { tolerances } from '../../tolerances.js';

const folder = mkdtempSync(join(tmpdir(), 'ventral-verify-'));
afterAll(() => rmSync(folder, { recursive: true }));
const context = { home: join(folder, 'home'), threads: 2, maxMemory: 2 ** 31, maxScratch: 2 ** 31 };
const oracleFolder = join(ORACLE, '09-end-to-end');

function benchmark(file: string, region?: string): Benchmark {
  const found = readBenchmarks(file)
    .flatMap(expandRegions)
    .find((one) => one.region === region);
  if (!found) throw new Error(`${file} has no ${region}`);
  return found;
}

/** The oracle's recordings, with as many components as their few neuroids allow. */
function neural(): string {
  const here = (name: string) => join(oracleFolder, 'neural-csv', name);
  const file = join(folder, 'neural.yaml');
  writeFileSync(
    file,
    `identifier: check.{region}-pls
version: 1
regions: [V4, IT]
visual_degrees: 8
stimuli: { csv: ${here('stimuli.csv')} }
recordings: ${here('recordings.csv')}
neuroids: ${here('neuroids.csv')}
metric: { name: pls, components: 4 }
cross_validation: { stratify_on: object_name }
`,
  );
  return file;
}

/** Nine pictures that three people named, in three conditions. */
function named(metric = 'error-consistency', images = ''): string {
  const choices = {
    A: 'dog cat chair cat dog dog dog dog chair',
    B: 'cat cat chair cat dog cat chair cat cat',
    C: 'dog cat chair dog cat chair dog cat chair',
  };
  const truth = ['dog', 'cat', 'chair'];
  const trials = Object.entries(choices).flatMap(([subject, words]) =>
    words
      .split(' ')
      .map((word, i) => `s${i},${subject},${truth[i % 3]},${word},${Math.floor(i / 3)}`),
  );
  const ids = Array.from({ length: 9 }, (_, i) => `s${i},s${i}.png`);
  const write = (name: string, lines: string[]) =>
    writeFileSync(join(folder, name), `${lines.join('\n')}\n`);
  write('named.csv', ['stimulus_id,filename', ...ids]);
  write('trials.csv', ['stimulus_id,subject,truth,choice,condition', ...trials]);
  write('named.yaml', [
    'identifier: named-error_consistency',
    'version: 1',
    'visual_degrees: 3',
    `stimuli: { csv: named.csv${images} }`,
    'trials: trials.csv',
    `metric: { name: ${metric} }`,
  ]);
  return join(folder, 'named.yaml');
}

/**
 * Ceilings by the original Python (oracle 09, expected/resnet.json); self-regression by scikit-learn
 * 1.4.2: PLSRegression(4, scale=False) of the averaged recordings on themselves, StratifiedShuffleSplit
 * (10, train_size .9, seed 1), median over neuroids of numpy's corrcoef, mean over splits.
 */
const published = {
  V4: { ceiling: 0.8129835854156688, selfRegression: 0.9023461544945965, neuroids: 7 },
  IT: { ceiling: 0.8212795320233133, selfRegression: 0.818186661681324, neuroids: 9 },
};

describe('self-checks', () => {
  test.each(['V4', 'IT'] as const)('of recordings, %s', async (region) => {
    const { ceiling, selfRegression, neuroids } = published[region];
    const at = (value: number, tolerance: number) => ({ value, tolerance, source: 'oracle' });
    const { findings, notRun } = await compareWithGolden(
      benchmark(neural(), region),
      {
        shape: { stimuli: 88, neuroids },
        ceiling: at(ceiling, tolerances.endToEnd.ceiling),
        selfRegression: at(selfRegression, tolerances.float64),
      },
      context,
    );
    expect(notRun).toEqual([]);
    expect(findings.map(({ check }) => check)).toEqual([
      'stimuli',
      'neuroids',
      'ceiling',
      'self-regression, raw',
    ]);
    for (const { check, measured, published: wanted, tolerance } of findings) {
      expect(Math.abs(measured - wanted), check).toBeLessThanOrEqual(tolerance);
    }
  });

  test('of match-to-sample trials: the ceiling', async () => {
    const value = 0.490103070547518; // oracle 09, expected/resnet.json
    const tolerance = tolerances.endToEnd.ceiling;
    const {
      findings: [finding, ...more],
    } = await compareWithGolden(
      benchmark(join(oracleFolder, 'behaviour', 'benchmark.yaml')),
      { ceiling: { value, tolerance, source: 'oracle' } },
      context,
    );
    expect(more).toEqual([]);
    expect(Math.abs((finding?.measured ?? Number.NaN) - value)).toBeLessThanOrEqual(tolerance);
  });

  test('of named pictures: the ceiling', async () => {
    named();
    // κ of A and B: 0, undefined, −.8; of A and C: undefined, 0, 0; of B and C: 0, 0, 0. |mean| = .4/3.
    const {
      findings: [finding],
    } = await compareWithGolden(
      benchmark(join(folder, 'named.yaml')),
      { ceiling: { value: 0.4 / 3, tolerance: tolerances.float64, source: 'by hand' } },
      context,
    );
    expect(Math.abs((finding?.measured ?? Number.NaN) - 0.4 / 3)).toBeLessThanOrEqual(
      tolerances.float64,
    );
  });
});

describe('verifying a shipped benchmark', () => {
  test('needs its data', async () => {
    await expect(verifyBenchmark('FreemanZiemba2013public.V1-pls', context)).rejects.toMatchObject({
      code: 'data-missing',
      message: expect.stringContaining('data pull'),
    });
    await expect(verifyBenchmark('MajajHong2015.IT-pls', context)).rejects.toThrow(/private/);
  });

  test.each([
    [
      'Geirhos2021edge-top1',
      /resnet-50-pytorch-3deg-Geirhos2021_edge\.nc is needed: --files FOLDER/,
    ],
    ['Simulated.V1-pls', /its data are simulated: nothing is published/],
  ])('is refused with the reason where nothing can be compared: %s', async (id, why) => {
    await expect(verifyBenchmark(id, context)).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringMatching(why),
    });
  });

  test('of images has a check that needs no file: the grey around a stimulus', async () => {
    await expect(verifyBenchmark('Rajalingham2018public-i2n', context)).rejects.toMatchObject({
      code: 'data-missing',
    });
  });

  test('has a check of its own for every real benchmark, or says why there is none', async () => {
    const without = listBenchmarks().filter((one) => {
      const { ceiling, selfRegression, grey, models, none } = goldenOf(one) ?? {};
      // The score of a network whose outputs nobody published is named as what cannot be compared.
      const runs = models?.some(({ file, model }) => file !== undefined || model !== '');
      return !one.simulated && !ceiling && !selfRegression && !grey && !runs && !none;
    });
    expect(without.map(({ id }) => id)).toEqual([]);
    await expect(verifyBenchmark('Henaff2021.V1-pls', context)).rejects.toThrow(
      /can be compared here: no published score of these recordings/,
    );
    await expect(verifyBenchmark('Papale2025.IT-ridgecv', context)).rejects.toThrow(
      /can be compared here: AlexNet: what it gave is in no file that verify reads/,
    );
  });

  test('counts only where every finding holds', async () => {
    const one = benchmark(neural(), 'V4');
    const finding = { check: 'ceiling', measured: 0.5, published: 0.5, tolerance: 0 };
    await recordVerification(one, context.home, [finding, { ...finding, measured: 0.6 }]);
    expect(await isVerified(one, context.home)).toBe(false);
  });

  test('does not count on what is advisory alone, and is not stopped by it', () => {
    const right = { check: 'ceiling', measured: 0.5, published: 0.5, tolerance: 0 };
    const wrong = { ...right, measured: 0.6, advisory: 'another version' };
    expect(isReproduced([right, wrong])).toBe(true);
    expect(isReproduced([{ ...right, advisory: 'another version' }])).toBe(false);
    expect(isReproduced([])).toBe(false);
  });
});

describe('what models gave, in the forms of the published files:', () => {
  const files = join(folder, 'files');
  const here = { ...context, files };
  const at = (value: number, tolerance = tolerances.float64) => ({
    value,
    tolerance,
    source: 'a test',
  });
  const text = (name: string, dim: string, values: readonly string[]): VariableToWrite => ({
    name,
    dims: [dim],
    dtype: 'string',
    values: [...values],
  });
  const assembly = (
    name: string,
    dims: readonly (readonly [string, number])[],
    values: VariableToWrite['values'],
    coordinates: readonly VariableToWrite[],
  ) => {
    const attributes = { coordinates: coordinates.map((one) => one.name).join(' ') };
    const dtype = Array.isArray(values) ? 'string' : 'float64';
    const data = { name: '__xarray_dataarray_variable__', dtype, values, attributes } as const;
    return writeNetcdf(join(files, name), {
      dimensions: new Map(dims),
      variables: [...coordinates, { ...data, dims: dims.map(([dim]) => dim) }],
    });
  };
  beforeAll(() => void mkdirSync(files));

  test('features, stimulus_path × neuroid, are matched by file name, whatever their order', async () => {
    const one = benchmark(neural(), 'V4');
    const sources = new DataSources(context.home);
    const prepared = await kindOf(one).load(one, sources);
    const own = prepared.ownFeatures!();
    const values = (await own.columns(0, own.cols)) as Float64Array;
    const { ids, filename } = prepared.shown[0].stimuli;
    const order = ids.map((_, i) => (i * 37) % ids.length);
    await assembly(
      'features.nc',
      [
        ['stimulus_path', ids.length],
        ['neuroid', own.cols],
      ],
      Float64Array.from(
        order.flatMap((row) => [...values.subarray(row * own.cols, (row + 1) * own.cols)]),
      ),
      [
        text(
          'stimulus_path',
          'stimulus_path',
          order.map((row) => `/somewhere/else/${filename(row)}`),
        ),
        text(
          'layer',
          'neuroid',
          Array.from({ length: own.cols }, () => 'features.12'),
        ),
      ],
    );
    await sources.close();
    // The recordings as their own model: scikit-learn's number, see above.
    const file = { name: 'features.nc', holds: 'features' } as const;
    const model = {
      model: 'itself',
      quantity: 'raw',
      file,
      ...at(published.V4.selfRegression),
    } as const;
    const { findings } = await compareWithGolden(one, { models: [model] }, here);
    expect(findings.map(({ check }) => check)).toEqual(['itself, raw']);
    expect(isReproduced(findings)).toBe(true);
    const gone = { ...model, file: { ...file, name: 'gone.nc' } };
    const { notRun } = await compareWithGolden(one, { models: [gone] }, here);
    expect(notRun).toEqual([{ check: 'itself, raw', why: `gone.nc is not in ${files}` }]);
  });

  test('probabilities, presentation × choice, give the score that they give by themselves', async () => {
    const one = benchmark(join(oracleFolder, 'behaviour', 'benchmark.yaml'));
    const sources = new DataSources(context.home);
    const prepared = await kindOf(one).load(one, sources);
    const [fitting, { stimuli }] = prepared.shown;
    const choices = [
      ...new Set(fitting.stimuli.columns.get('image_label')!.values.map(String)),
    ].sort();
    const random = new RandomState(4).randomSample(stimuli.ids.length * choices.length);
    const table = matrix(stimuli.ids.length, choices.length, Float64Array.from(random));
    const probabilities = { stimulusIds: stimuli.ids, choices, values: table };
    const { raw, value, error } = await prepared.measureOutputs!({ probabilities });
    await sources.close();
    const back = stimuli.ids.map((_, i) => stimuli.ids.length - 1 - i);
    await assembly(
      'probabilities.nc',
      [
        ['presentation', stimuli.ids.length],
        ['choice', choices.length],
      ],
      Float64Array.from(
        back.flatMap((row) => [
          ...table.data.subarray(row * choices.length, (row + 1) * choices.length),
        ]),
      ),
      [
        text(
          'image_id',
          'presentation',
          back.map((row) => String(stimuli.ids[row])),
        ),
        text('choice_', 'choice', choices),
      ],
    );
    const file = { name: 'probabilities.nc', holds: 'probabilities' } as const;
    const wanted = { value: error!, tolerance: tolerances.float64 };
    const models = [
      { model: 'made', quantity: 'raw', file, ...at(raw.value!) },
      { model: 'made', quantity: 'value', file, ...at(value!), error: wanted },
    ] as const;
    const { findings } = await compareWithGolden(one, { models }, here);
    expect(findings.map(({ check }) => check)).toEqual([
      'made, raw',
      'made, value',
      'made, value, error',
    ]);
    expect(isReproduced(findings)).toBe(true);
    const wrong = { ...models[0], file: { ...file, sha1: '0'.repeat(40) } };
    await expect(compareWithGolden(one, { models: [wrong] }, here)).rejects.toMatchObject({
      code: 'checksum-mismatch',
    });
  });

  test.each([
    // Right on s0 to s3.
    ['accuracy', 'value', 4 / 9],
    ['error-consistency', 'raw', undefined],
  ] as const)('choices, one text a presentation, by %s', async (metric, quantity, wanted) => {
    const one = benchmark(named(metric));
    const said = 'dog cat chair dog dog dog cat chair dog'.split(' ');
    const ids = said.map((_, i) => `s${i}`);
    const sources = new DataSources(context.home);
    const prepared = await kindOf(one).load(one, sources);
    const direct = await prepared.measureOutputs!({
      choices: new Map(ids.map((id, i) => [id, said[i]])),
    });
    await sources.close();
    const value = wanted ?? direct.raw.value!;
    await assembly(
      'choices.nc',
      [
        ['choice', 1],
        ['presentation', ids.length],
      ],
      said.toReversed(),
      [text('stimulus_id', 'presentation', ids.toReversed())],
    );
    const file = { name: 'choices.nc', holds: 'choices' } as const;
    const models = [{ model: 'made', quantity, file, ...at(value) }];
    const { findings } = await compareWithGolden(one, { models }, here);
    expect(findings).toHaveLength(1);
    expect(isReproduced(findings)).toBe(true);
  });

  test('files of other stimuli, forms and repeats are refused by name', async () => {
    const one = benchmark(named('accuracy'));
    const models = [
      {
        model: 'made',
        quantity: 'value',
        ...at(0),
        file: { name: 'bad.nc', holds: 'choices' },
      } as const,
    ];
    const write = (
      ids: readonly string[],
      values: VariableToWrite['values'] = ids.map(() => 'dog'),
    ) =>
      assembly('bad.nc', [['presentation', ids.length]], values, [
        text('image_id', 'presentation', ids),
      ]);
    const refusal = () => compareWithGolden(one, { models }, here).catch((error) => error);
    const ids = Array.from({ length: 9 }, (_, i) => `s${i}`);
    await write(['s0', 's1']);
    expect(await refusal()).toMatchObject({
      code: 'stimuli-mismatch',
      details: { expected: '"s2"' },
    });
    await write(['s0', 's0']);
    expect(await refusal()).toMatchObject({
      code: 'stimuli-mismatch',
      details: { found: '"s0" twice' },
    });
    await write(ids, new Float64Array(9));
    expect(await refusal()).toMatchObject({ code: 'netcdf-invalid' });
  });

  test('the grey around and inside a stimulus, counted over the values of the image', async () => {
    const images = join(folder, 'named-images');
    mkdirSync(images);
    // 20 × 10 pixels, of which the left half is the grey of the canvas.
    const data = Buffer.alloc(20 * 10 * 3, 7);
    for (let i = 0; i < 200; i++) if (i % 20 < 10) data.fill(128, 3 * i, 3 * i + 3);
    const raw = { width: 20, height: 10, channels: 3 } as const;
    for (let i = 0; i < 9; i++)
      await sharp(data, { raw })
        .png()
        .toFile(join(images, `s${i}.png`));
    const one = benchmark(named('accuracy', ', images: named-images'));
    const grey = [
      // 3° to 6°: 800 − 200 + 100 of 800 pixels, three values each.
      { stimulus: 's4', degrees: 6, ...at(700 / 2400) },
      { stimulus: 's4', degrees: 3, ...at(100 / 600) },
      // Cropped to 10 × 5 about the centre: columns 5 to 14.
      { stimulus: 's4', degrees: 1.5, ...at(25 / 150) },
    ];
    const { findings } = await compareWithGolden(one, { grey }, context);
    expect(findings.map(({ check }) => check)).toEqual([
      'grey at 6°',
      'grey at 3°',
      'grey at 1.5°',
    ]);
    expect(isReproduced(findings)).toBe(true);
    const table = benchmark(named('accuracy'));
    expect((await compareWithGolden(table, { grey }, context)).notRun[0]).toEqual({
      check: 'grey at 6°',
      why: 'the images are not here',
    });
    const stranger = [{ ...grey[0], stimulus: 's9' }];
    await expect(compareWithGolden(one, { grey: stranger }, context)).rejects.toMatchObject({
      code: 'stimuli-mismatch',
    });
  });
});
