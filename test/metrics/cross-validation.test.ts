import { expect, test } from 'vitest';
import { compareIds, type Id } from '../../src/data/ids.js';
import {
  benchmarkSplits,
  groupKFold,
  kFold,
  pairSplits,
  requireSameStimuli,
  shuffleSplit,
  sortedById,
  stratifiedKFold,
  stratifiedShuffleSplit,
  targetSplits,
} from '../../src/metrics/cross-validation.js';
import { RandomState } from '../../src/numerics/random/random-state.js';
import { mean, stdDdof0 } from '../../src/numerics/statistics/statistics.js';
import { numbers, type OracleArray, oracle } from '../oracle.js';
import { tolerances } from '../tolerances.js';

const golden = oracle('02-splits/sklearn_splits.json');
const pairs = oracle('02-splits/crossvalidation.json');
const list = (array: OracleArray) => [...numbers(array)];
const code = (want: string) => expect.objectContaining({ code: want });

const named = (cases: { name: string }[]): [string, number][] =>
  Array.from(cases, (_, i) => [cases[i].name, i]);

interface SplitCase {
  name: string;
  splitter: string;
  n: number;
  n_splits: number;
  train_size: number | null;
  test_size: number | null;
  random_state: number;
  classes_sorted: string[];
  label_index: OracleArray;
  labels: string[] | null;
  splits: { train: OracleArray; test: OracleArray }[];
}

function split(wanted: SplitCase, labels: readonly Id[]) {
  const random = new RandomState(wanted.random_state ?? 1);
  const sizes = {
    trainSize: wanted.train_size ?? undefined,
    testSize: wanted.test_size ?? undefined,
  };
  const count = wanted.n_splits ?? 10;
  if (wanted.splitter === 'ShuffleSplit') return shuffleSplit(wanted.n, count, sizes, random);
  if (wanted.splitter === 'KFold') return kFold(wanted.n, count, random);
  if (wanted.splitter === 'StratifiedKFold') return stratifiedKFold(labels, count, random);
  return stratifiedShuffleSplit(labels, count, sizes, random);
}

test.each(named(golden.cases))('index sets: %s', (_name, i) => {
  const wanted = golden.cases[i] as SplitCase;
  const labels = wanted.label_index
    ? list(wanted.label_index).map((k) => wanted.classes_sorted[k])
    : [];
  const splits = split(wanted, labels);
  expect(splits.length).toBe(wanted.splits.length);
  splits.forEach(({ train, test: held }, k) => {
    expect(train).toEqual(list(wanted.splits[k].train));
    expect(held).toEqual(list(wanted.splits[k].test));
  });
});

test.each(named(golden.errors))('refusal: %s', (name, i) => {
  const wanted = golden.errors[i] as SplitCase;
  const expected = name === 'sizes_exceed_one' ? 'benchmark-invalid' : 'stimuli-too-few';
  expect(() => split(wanted, wanted.labels ?? [])).toThrow(code(expected));
});

test('folds need as many stimuli as there are folds', () => {
  expect(() => kFold(3, 4, new RandomState(1))).toThrow(code('stimuli-too-few'));
  expect(() => stratifiedKFold(['a', 'a', 'b', 'b'], 3, new RandomState(1))).toThrow(
    code('stimuli-too-few'),
  );
});

interface PairCase {
  name: string;
  kind: string;
  kwargs: {
    train_size?: number;
    splits?: number;
    random_state?: number;
    stratification_coord?: 'texture_type' | 'object_name' | null;
    kfold?: boolean;
  };
  target: Record<string, string[]>;
  source: Record<string, string[]>;
  repetition: OracleArray;
  splits: Record<string, string[] & OracleArray>[];
  aggregate_of_dummy_scores_1_2_3: { score: number; error: number };
}

test.each(named(pairs.cases))('stimuli of source and target: %s', (_name, i) => {
  const wanted = pairs.cases[i] as PairCase;
  const { kwargs } = wanted;
  const splits = kwargs.splits ?? 10;
  const seed = kwargs.random_state ?? 1;
  const trainSize = kwargs.train_size ?? 0.9;
  if (wanted.kind === 'CrossValidationSingle') {
    const repetition = list(wanted.repetition);
    const unique = [...new Set(repetition)].sort(compareIds);
    const made = benchmarkSplits(unique.length, undefined, { splits, seed, trainSize });
    const halves = pairSplits(made, repetition, unique);
    halves.forEach((half, k) => {
      const ids = (rows: readonly number[]) => rows.map((row) => unique[row]);
      expect(ids(half.trainTarget)).toEqual(list(wanted.splits[k].half1_repetitions));
      expect(ids(half.testTarget)).toEqual(list(wanted.splits[k].half2_repetitions));
      expect(half.trainSource).toEqual(list(wanted.splits[k].half1_presentation_index));
    });
    expect(halves.length).toBe(wanted.splits.length);
    return;
  }
  const { source, target } = wanted;
  const coordinate =
    kwargs.stratification_coord === undefined ? 'object_name' : kwargs.stratification_coord;
  const strata = coordinate === null ? undefined : target[coordinate];
  requireSameStimuli(source.stimulus_id, target.stimulus_id);
  const made = kwargs.kfold
    ? stratifiedKFold(strata!, splits, new RandomState(seed))
    : benchmarkSplits(target.stimulus_id.length, strata, { splits, seed, trainSize });
  const paired = pairSplits(made, source.stimulus_id, target.stimulus_id);
  expect(paired.length).toBe(wanted.splits.length);
  paired.forEach((rows, k) => {
    const fromSource = (index: readonly number[]) => index.map((row) => source.stimulus_id[row]);
    const fromTarget = (index: readonly number[]) => index.map((row) => target.stimulus_id[row]);
    expect(fromSource(rows.trainSource)).toEqual(wanted.splits[k].train_source);
    expect(fromTarget(rows.trainTarget)).toEqual(wanted.splits[k].train_target);
    expect(fromSource(rows.testSource)).toEqual(wanted.splits[k].test_source);
    expect(fromTarget(rows.testTarget)).toEqual(wanted.splits[k].test_target);
    const sorted = (rows: readonly number[], ids: string[]) =>
      sortedById(rows, ids).map((row) => ids[row]);
    expect(sorted(rows.trainSource, source.stimulus_id)).toEqual(
      sorted(rows.trainTarget, target.stimulus_id),
    );
  });
  const dummies = paired.map((_, k) => k + 1);
  const { score, error } = wanted.aggregate_of_dummy_scores_1_2_3;
  expect(Math.abs(mean(dummies) - score)).toBeLessThan(tolerances.float64);
  expect(Math.abs(stdDdof0(dummies) / Math.sqrt(splits) - error)).toBeLessThan(tolerances.float64);
});

test('stimuli that differ or repeat are refused by name', () => {
  expect(pairs.errors[0].name).toBe('stimulus_ids_differ');
  expect(() => requireSameStimuli(['a', 'b'], ['a', 'c'])).toThrow(
    /Stimulus c of the recordings has no features/,
  );
  expect(() => requireSameStimuli(['a', 'b', 'c'], ['a', 'c'])).toThrow(code('stimuli-mismatch'));
  expect(() => requireSameStimuli(['a', 'a'], ['a', 'b'])).toThrow(code('stimuli-duplicate'));
  // Classes are read from the target alone, so source and target cannot disagree on them.
  expect(pairs.errors[1].name).toBe('stratification_values_differ');
});

test('folds of groups keep each group whole, and are about equally large', () => {
  const groups = [...'aaabbbbccdddddeef'];
  const folds = groupKFold(groups, 3).map(({ train, test }) => {
    const of = (rows: readonly number[]) => new Set(rows.map((row) => groups[row]));
    expect([...of(train)].filter((group) => of(test).has(group))).toEqual([]);
    expect(train.length + test.length).toBe(groups.length);
    return [...of(test)].join('');
  });
  // By the rule of scikit-learn's GroupKFold, by hand: d 5, b 4, a 3, e 2, c 2, f 1, each to the lightest fold.
  expect(folds).toEqual(['df', 'bc', 'ae']);
  expect(groupKFold(groups, 6).map(({ test }) => groups[test[0]])).toEqual([...'dbaecf']);
  expect(groupKFold([7, 7, 9, 9], 2).map(({ test }) => test)).toEqual([
    [2, 3],
    [0, 1],
  ]);
});

test('groups that cannot make so many folds are refused with their number', () => {
  expect(() => groupKFold(['a', 'b', 'a'], 3)).toThrow(/2 groups cannot be divided into 3 folds/);
  expect(() => groupKFold(['a', 'b', 'a'], 1)).toThrow(code('stimuli-too-few'));
});

test('groups of a target win over random splits', () => {
  const target = { stimulusIds: [1, 2, 3, 4], groups: ['x', 'x', 'y', 'y'] };
  const made = targetSplits(target, { splits: 2, seed: 1 });
  expect(made.map(({ test }) => test)).toEqual([
    [2, 3],
    [0, 1],
  ]);
});
