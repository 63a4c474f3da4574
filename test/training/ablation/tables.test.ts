import { parse } from 'csv-parse/sync';
import { expect, test } from 'vitest';
import { printAblation } from '../../../src/cli/print/print-ablation.js';
import type { Io } from '../../../src/cli/terminal/io.js';
import { ablationCsv } from '../../../src/training/ablation/ablation-csv.js';
import { ablationMarkdown } from '../../../src/training/ablation/ablation-markdown.js';
import { ablationPage } from '../../../src/training/ablation/ablation-page.js';
import { type AblationCell, failedCell } from '../../../src/training/ablation/cells.js';
import type { AblationResult } from '../../../src/training/ablation/run-ablation.js';
import { measureTitle, tablesOf } from '../../../src/training/ablation/tables.js';
import { parsed, smallAblation } from './small-ablation.js';

const V1 = 'Simulated.V1-pls';
const I2N = 'Rajalingham2018-i2n';
const seeds = [1, 2, 3, 4, 5];
const [baseValues, below, noise] = [
  [0.412, 0.397, 0.431, 0.405, 0.42],
  [0.398, 0.391, 0.402, 0.399, 0.407],
  [0.414, 0.389, 0.44, 0.398, 0.429],
];
const NASTY = 'x | <img src=a onerror=b> \u202e';

const cell = (arm: string, seed: number, value: number): AblationCell => ({
  family: 'net',
  arm,
  seed,
  measures: new Map([
    ['accuracy', { value: value + 0.1, simulated: false }],
    ['pgd-20 Linf 0.0314', { value: value / 2, simulated: false }],
    [I2N, { value, simulated: false }],
    [V1, { value, simulated: true }],
  ]),
  missing: new Map(),
});
const cells: AblationCell[] = [
  ...seeds.map((seed, i) => cell('base', seed, baseValues[i])),
  ...seeds.map((seed, i) => cell('without-sam', seed, below[i])),
  ...seeds.map((seed, i) => cell('augmix', seed, noise[i])),
  ...seeds.map((seed, i) =>
    seed === 3 || seed === 5
      ? failedCell({ family: 'net', arm: 'l2', seed }, `first: the loss is NaN, ${NASTY}`)
      : cell('l2', seed, below[i]),
  ),
  ...seeds.map((seed) => failedCell({ family: 'net', arm: 'free', seed }, 'no such thing')),
];
const arms = [
  { id: 'base', title: 'the base', table: undefined },
  { id: 'without-sam', title: `without ${NASTY}`, table: 'behaviour' as const },
  { id: 'augmix', title: 'AugMix in place of CutMixPatch', table: 'behaviour' as const },
  { id: 'l2', title: 'L2', table: 'adversarial' as const },
  { id: 'free', title: 'free', table: 'adversarial' as const },
];
const ablation = parsed(
  smallAblation({
    seeds,
    measures: {
      threats: [{ norm: 'Linf', epsilon: '8/255' }],
      benchmarks: { behaviour: [I2N], adversarial: [V1] },
    },
  }),
);
const tables = tablesOf(ablation, arms, cells);
const result: AblationResult = {
  name: 'small',
  direction: 'leave-one-out',
  seeds,
  arms,
  cells,
  tables,
  versions: { ventral: '0.1.0' },
  digests: { 'train pictures': 'sha256:12' },
  took: { wall: 7265, cpu: 14_000 },
};
const [behaviour, adversarial] = tables;
const entry = (table: typeof behaviour, arm: string, column = 0) =>
  table.rows.find((row) => row.arm === arm)?.entries[column];

test('two tables: techniques against behaviour, adversarial training against V1 and robustness', () => {
  expect(behaviour.columns.map(({ measure }) => measure)).toEqual([I2N, 'accuracy']);
  expect(adversarial.columns.map(({ title, simulated }) => [title, simulated])).toEqual([
    [V1, true],
    ['accuracy under PGD-20, Linf 8/255', false],
    ['clean accuracy', false],
  ]);
  expect(behaviour.rows.map(({ arm }) => arm)).toEqual(['base', 'without-sam', 'augmix']);
  expect(adversarial.rows.map(({ arm }) => arm)).toEqual(['base', 'l2', 'free']);
});

// scipy 1.15.3: stats.ttest_rel(arm, base).confidence_interval(0.95); stats.t.interval(0.95, 4, mean, sem(base))
test('differences from the base are paired by seed, with the interval of scipy’s paired t test', () => {
  const close = (found: ReturnType<typeof entry>, mean: number, low: number, high: number) => {
    expect(found?.mean).toBeCloseTo(mean, 12);
    expect(found?.interval?.[0]).toBeCloseTo(low, 12);
    expect(found?.interval?.[1]).toBeCloseTo(high, 12);
  };
  close(entry(behaviour, 'base'), 0.413, 0.3966448764740362, 0.4293551235259638);
  close(entry(behaviour, 'without-sam'), -0.0136, -0.02526767815272781, -0.001932321847272168);
  close(entry(behaviour, 'augmix'), 0.001, -0.009276598157163807, 0.011276598157163809);
  close(
    entry(adversarial, 'l2'),
    -0.008666666666666656,
    -0.020140407279189632,
    0.0028070739458563206,
  );
  expect(entry(adversarial, 'l2')?.seeds).toEqual([1, 2, 4]);
});

test('an interval that contains 0 is within noise, of differences alone', () => {
  expect(entry(behaviour, 'base')?.withinNoise).toBeNull();
  expect(entry(behaviour, 'without-sam')?.withinNoise).toBe(false);
  expect(entry(behaviour, 'augmix')?.withinNoise).toBe(true);
  const same = tablesOf(ablation, arms, [
    ...cells.slice(0, 5),
    ...seeds.map((s, i) => cell('augmix', s, baseValues[i])),
  ]);
  expect(entry(same[0], 'augmix')).toMatchObject({ mean: 0, interval: [0, 0], withinNoise: true });
});

test('one seed has a difference without an interval, none has its reason', () => {
  const few = tablesOf(ablation, arms, [...cells.slice(0, 5), cell('l2', 4, 0.5)]);
  expect(entry(few[1], 'l2')).toMatchObject({ seeds: [4], interval: null, withinNoise: null });
  expect(entry(adversarial, 'free')).toMatchObject({ mean: null, reason: 'no such thing' });
});

test('a measure is told in words', () => {
  expect(measureTitle('pgd-20 L2 0.5')).toBe('accuracy under PGD-20, L2 0.5');
  expect(measureTitle('pgd-20 Linf 0.01')).toBe('accuracy under PGD-20, Linf 0.01');
  expect(measureTitle('accuracy')).toBe('clean accuracy');
});

function printed(interactive: boolean): string {
  let out = '';
  const io: Io = {
    ...(interactive ? { columns: 160 } : {}),
    interactive,
    out: (text: string) => {
      out += text;
    },
    err: () => {},
    color: false,
  };
  printAblation(result, io);
  return out;
}

test('a person sees two tables, with "simulated" over columns and "within noise" in cells', () => {
  const text = printed(true);
  expect(text).toMatch(/Table 1\. Techniques against behaviour/);
  expect(text).toMatch(/Simulated\.V1-pls/);
  expect(text.match(/\(simulated\)/g)).toHaveLength(1);
  expect(text).toMatch(/\+0\.001 \(-0\.009 to 0\.011\)/);
  expect(text).toContain('within noise');
  expect(text).toContain('3 of 5 seeds');
  expect(text).not.toContain('\u202e');
});

test('a pipe gets a heading and one line an entry', () => {
  const lines = printed(false).trimEnd().split('\n');
  expect(lines).toHaveLength(1 + 3 * 2 + 3 * 3);
  const words = lines.map((line) => line.split('\t'));
  expect(words.every(({ length }) => length === 9)).toBe(true);
  const l2 = words.find(([table, , arm]) => table === 'adversarial' && arm === 'l2');
  expect(l2?.slice(3)).toEqual([
    V1,
    '3',
    expect.stringMatching(/^-0\.00866/),
    expect.stringMatching(/^-0\.0201/),
    expect.stringMatching(/^0\.0028/),
    'simulated, within noise, 3 of 5 seeds',
  ]);
});

test('the CSV is tidy, and missing numbers have reasons', () => {
  const rows: Record<string, string>[] = parse(ablationCsv(cells), { columns: true });
  expect(rows).toHaveLength(cells.length * 4);
  expect(rows[3]).toEqual({
    family: 'net',
    arm: 'base',
    seed: '1',
    measure: V1,
    value: '0.412',
    simulated: 'true',
    reason: '',
  });
  const free = rows.filter(({ arm }) => arm === 'free');
  expect(free.map(({ value, reason }) => [value, reason])).toEqual(
    Array.from({ length: 20 }, () => ['', 'no such thing']),
  );
});

test('the Markdown says how it was made, and its names are text', () => {
  const text = ablationMarkdown(result, 'npx ventral ablate small.yaml');
  expect(text).toMatch(/^Made by `npx ventral ablate small\.yaml`\.\n/);
  expect(text).toContain('- Seeds: 1, 2, 3, 4, 5; 25 networks');
  expect(text).toContain('- Run time: 2 h 1 min (3.89 h of processor time)');
  expect(text).toContain('| family | arm | Simulated.V1-pls (simulated) |');
  expect(text).toMatch(
    /\| net \| AugMix in place of CutMixPatch \| \+0\.001 \([^)]*\), within noise \|/,
  );
  expect(text).toContain('- Missing: net, free, seed 2: no such thing');
  expect(text).not.toMatch(/[^\\]<img/);
  expect(text).toContain('without x \\| \\<img');
});

test('the page is one file whose names are text, with the simulated marked', () => {
  const page = ablationPage(result, ablation);
  expect(page).toContain('Simulated: Simulated.V1-pls.');
  expect(page.match(/<span class="tag">simulated<\/span>/g)).toHaveLength(1);
  expect(page).not.toContain('<img');
  expect(page).toContain('within noise');
  expect(page).not.toMatch(/<script|https?:\/\/(?!www\.w3\.org)/);
  expect(ablationPage(result, ablation)).toBe(page);
});
