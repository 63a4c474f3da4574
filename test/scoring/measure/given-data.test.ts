import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseCard } from '../../../src/activations/card/card.js';
import { denseFeatures } from '../../../src/numerics/algebra/features.js';
import { scoreFeatures } from '../../../src/scoring/features/score-features.js';
import { rowsOfHalf } from '../../../src/scoring/measure/halves.js';
import { describeBenchmarks } from '../../../src/scoring/model/describe-benchmark.js';
import { parseBenchmark } from '../../../src/scoring/registry/benchmark-file.js';
import { loadBenchmarks } from '../../../src/scoring/registry/load-benchmark.js';
import { findBenchmark } from '../../../src/scoring/registry/registry.js';
import { tolerances } from '../../tolerances.js';

const ids = ['a', 'b', 'c', 'd', 'e', 'f'];
const pairs = ids.flatMap((one, i) => ids.slice(i + 1).map((two) => [one, two] as const));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ventral-given-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const context = () => ({
  home: join(folder, 'home'),
  threads: 1,
  maxMemory: 2 ** 30,
  maxScratch: 2 ** 30,
});
const write = (name: string, lines: readonly string[]) => {
  writeFileSync(join(folder, name), `${lines.join('\n')}\n`);
  return join(folder, name);
};
const dissimilar = (i: number, k: number) => ((7 * i + 3 * k) % 11) / 10 + 0.1;

function rdmFile(rest: readonly string[] = [], metric = '{ name: rdm, per: subject }'): string {
  write('stimuli.csv', ['stimulus_id', ...ids]);
  return write('rdm.yaml', [
    'identifier: mine.{region}-rdm',
    'version: 1',
    'regions: [IT]',
    'visual_degrees: none',
    'stimuli: { csv: stimuli.csv }',
    'rdms: rdms.csv',
    `metric: ${metric}`,
    ...rest,
  ]);
}

function rdms(subjects = 2, order = pairs): void {
  const header = [
    'stimulus_1',
    'stimulus_2',
    ...Array.from({ length: subjects }, (_, k) => `s${k}`),
  ];
  const rows = order.map(([one, two]) => {
    const at = pairs.findIndex(([a, b]) => (a === one && b === two) || (a === two && b === one));
    return [one, two, ...Array.from({ length: subjects }, (_, k) => dissimilar(at, k))].join();
  });
  write('rdms.csv', [header.join(), ...rows]);
}

const features = () =>
  write('features.csv', [
    'stimulus_id,x,y,z',
    ...ids.map((id, i) => `${id},${i + 1},${(i * 5) % 7},${-(i % 2)}`),
  ]);

async function scored(benchmark: string) {
  const { scores, failures } = await scoreFeatures(
    { features: features(), benchmarks: [benchmark] },
    context(),
  );
  if (failures[0]) throw failures[0].error;
  return scores[0];
}

describe('a benchmark of given dissimilarities', () => {
  test('divides by the upper bound of its subjects, with an interval over images', async () => {
    rdms();
    const score = await scored(rdmFile());
    // Of four people or fewer nothing is said of others.
    expect(score.generalises).toMatchObject({ to: 'images', units: { images: ids.length } });
    expect(score).toMatchObject({ formula: 'raw/ceiling', errorKind: 'none', region: 'IT' });
    expect(score.ceiling?.value).toBeGreaterThan(0);
    expect(score.value).toBeCloseTo(Number(score.raw.value) / Number(score.ceiling?.value), 12);
    expect(score.ci?.[0]).toBeLessThan(score.ci?.[1] as number);
  });

  test('of five subjects speaks of new images and subjects', async () => {
    rdms(5);
    const { ci, value, generalises } = await scored(rdmFile());
    expect(generalises).toMatchObject({ to: 'images and subjects', units: { subjects: 5 } });
    expect(ci?.[0]).toBeLessThan(value as number);
    expect(ci?.[1]).toBeGreaterThan(value as number);
  });

  test('gives the same whatever the order of rows and of a pair', async () => {
    rdms();
    const score = await scored(rdmFile());
    rdms(
      2,
      pairs.toReversed().map(([one, two]) => [two, one] as const),
    );
    const again = await scored(rdmFile());
    expect(Math.abs(Number(again.value) - Number(score.value))).toBeLessThanOrEqual(
      tolerances.float64,
    );
  });

  test('squared: explained variance; of the mean of all: no ceiling, an interval over images', async () => {
    rdms();
    const raw = Number((await scored(rdmFile())).raw.value);
    const squared = await scored(rdmFile([], '{ name: rdm, per: subject, squared: true }'));
    expect(squared.raw.value).toBeGreaterThanOrEqual(raw ** 2);
    const mean = await scored(rdmFile([], '{ name: rdm }'));
    expect(mean).toMatchObject({ formula: 'raw', ceiling: null, generalises: { to: 'images' } });
    rdms(1);
    expect((await scored(rdmFile())).ceiling?.value).toBe(1);
  });

  test('carries its caution, and can be halved to choose a layer', async () => {
    rdms();
    const file = rdmFile(['caution: "a made thing"']);
    expect((await scored(file)).warnings).toContainEqual({
      code: 'benchmark-caution',
      detail: 'a made thing',
    });
    const { loaded, close } = await loadBenchmarks([file], context(), (_, error) => {
      throw error;
    });
    const kept = new Set(rowsOfHalf(loaded[0], 'test').map((row) => ids[row]));
    const half = loaded[0].restrict?.((id) => kept.has(String(id)));
    expect(half?.ceiling()?.value).toBeGreaterThan(0);
    await close();
  });

  test('is described by its stimuli and subjects, with caution and licences', async () => {
    rdms(3);
    const [description] = await describeBenchmarks(findBenchmark(rdmFile()), context().home);
    expect(description).toMatchObject({
      rdms: { stimuli: 6, subjects: 3 },
      recordings: null,
      licences: [],
      caution: null,
      measuredCeiling: { value: expect.any(Number) },
    });
    const [shipped] = await describeBenchmarks(findBenchmark('Cichy2014.IT-rdm'), context().home);
    expect(shipped.licences.map(({ kind, licence }) => [kind, licence])).toEqual([
      ['stimuli', 'MIT'],
      ['rdms', null],
    ]);
    expect(shipped.rdms).toMatchObject({ reason: expect.stringContaining('ventral data pull') });
  });

  test.each([
    ['a,b,1,1', /"a" and "b" twice/],
    ['a,a,1,1', /two stimuli a row expected/],
    ['a,q,1,1', /names stimulus "q", which the stimuli lack/],
  ])('refuses the row %s', async (row, why) => {
    rdms();
    const table = [['stimulus_1', 'stimulus_2', 's0', 's1'].join(), 'a,b,1,1', row];
    write('rdms.csv', table);
    await expect(scored(rdmFile())).rejects.toThrow(why);
  });

  test('refuses pairs that lack, cells without a number, and stimuli without dissimilarities', async () => {
    rdms(2, pairs.slice(1));
    await expect(scored(rdmFile())).rejects.toThrow(/every pair expected, none of/);
    write('rdms.csv', ['stimulus_1,stimulus_2,s0', 'a,b,', 'a,c,1', 'b,c,2']);
    await expect(scored(rdmFile())).rejects.toThrow(/a number expected, "" of s0 for "a" and "b"/);
    write('rdms.csv', ['stimulus_1,stimulus_2,s0', 'a,b,1', 'a,c,1', 'b,c,2']);
    await expect(scored(rdmFile())).rejects.toThrow(/Stimulus d has features/);
  });

  const refusal = (metric: string, ceiling: string, rest: string) =>
    `identifier: m\nversion: 1\nvisual_degrees: none\nstimuli: { csv: s.csv }\n${rest}\nmetric: ${metric}\nceiling: ${ceiling}\n`;
  test.each([
    ['{ name: rdm }', 'nili-upper', 'rdms: r.csv', /subjects give each other needs "metric.per"/],
    ['{ name: rdm, per: subject }', 'internal-consistency', 'rdms: r.csv', /no repetitions/],
    [
      '{ name: rdm }',
      'nili-upper',
      'recordings: r.csv',
      /subjects give each other needs "metric.per"/,
    ],
    ['{ name: rdm, per: animal }', 'none', 'rdms: r.csv', /expected subject beside "rdms"/],
    ['{ name: rdm, squared: true }', 'none', 'recordings: r.csv', /rdm has no option "squared"/],
    ['{ name: pls }', 'none', 'rdms: r.csv', /lacks "recordings"/],
    ['{ name: rdm }', 'none', 'rdms: r.csv\nrecordings: r.csv', /remove "recordings"/],
    ['{ name: rdm }', 'none', 'rdms: r.npz', /ends in \.csv/],
  ])('refuses metric %s with ceiling %s and %s', (metric, ceiling, rest, why) => {
    const text = refusal(metric, ceiling, rest);
    expect(() => parseBenchmark(text, { file: 'm.yaml', folder })).toThrow(why);
  });
});

describe('a benchmark of choices', () => {
  const choiceFile = () =>
    write('choices.yaml', [
      'identifier: mine-choices',
      'version: 1',
      'visual_degrees: none',
      'stimuli: { csv: stimuli.csv }',
      'trials: trials.csv',
      'metric: { name: choice-distribution, repetitions: 4 }',
    ]);

  async function measured(trials: readonly string[]) {
    write('stimuli.csv', ['stimulus_id', 'x', 'y']);
    write('trials.csv', trials);
    const { loaded, close } = await loadBenchmarks([choiceFile()], context(), (_, error) => {
      throw error;
    });
    try {
      return loaded[0].ceiling();
    } finally {
      await close();
    }
  }

  test('counts rows, or the people that a row stands for', async () => {
    const counted = ['stimulus_id,choice,count', 'x,cat,3', 'x,dog,1', 'y,dog,2', 'y,na,4'];
    const single = [
      'stimulus_id,choice',
      'x,cat',
      'x,dog',
      'x,cat',
      'x,cat',
      'y,dog',
      'y,dog',
      'y,',
    ];
    const ceiling = await measured(counted);
    expect(ceiling?.value).toBeGreaterThan(0);
    expect(await measured(single)).toEqual(ceiling);
  });

  test('scores the probabilities of the head that a card names, its other classes left out', async () => {
    write('stimuli.csv', ['stimulus_id', 'x', 'y']);
    write('trials.csv', ['stimulus_id,choice,count', 'x,cat,30', 'x,dog,10', 'y,dog,8']);
    const { loaded, close } = await loadBenchmarks([choiceFile()], context(), (_, error) => {
      throw error;
    });
    const [benchmark] = loaded;
    const card = (classes: readonly string[]) =>
      parseCard(
        JSON.stringify({
          input: { resize: 'none', range: 1, mean: [0, 0, 0], std: [1, 1, 1], layout: 'NCHW' },
          visual_degrees: 8,
          logits: { layer: 'logits', classes },
        }),
        'card',
      );
    const logits = Float64Array.of(Math.log(10), Math.log(60), Math.log(30), 9, 0, -99);
    const layer = { form: 'features', units: 3, features: [denseFeatures(2, 3, logits)] } as const;
    const head = card(['dog', 'bird', 'cat']);
    const { raw, ceiling, value, formula, ci } = await benchmark.measure(layer, { card: head });
    // Shares of people .75 and .25, as the head's without birds; then all dogs against all but all dogs.
    expect(raw.value).toBeGreaterThan(0.99);
    expect([formula, value]).toEqual(['raw/ceiling', Number(raw.value) / Number(ceiling?.value)]);
    expect(ci).toHaveLength(2);
    expect(() => benchmark.refuse?.(card(['bird', 'cat', 'cow']))).toThrow(
      expect.objectContaining({ code: 'labels-uncovered', message: expect.stringMatching(/dog/) }),
    );
    await close();
  });

  test.each([
    [['stimulus_id,choice,count', 'x,cat,2', 'y,dog,1.5'], /a number of people expected, "1.5"/],
    [['stimulus_id,choice', 'x,cat', 'x,dog'], /nobody chose a class for stimulus "y"/],
    [['stimulus_id,choice', 'z,cat'], /name stimulus "z", which the stimuli lack/],
    [['stimulus_id,choice', 'x,cat', 'y,dog'], /a ceiling needs two people/],
  ])('refuses %j', async (trials, why) => {
    await expect(measured(trials)).rejects.toThrow(why);
  });
});
