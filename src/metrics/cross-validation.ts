import { ascending, compareIds, type Id } from '../data/ids.js';
import { VentralError } from '../errors/ventral-error.js';
import { RandomState } from '../numerics/random/random-state.js';
import type { CrossValidation, Target } from './metric.js';

/**
 * The splitters of scikit-learn on numpy's legacy stream, index for index (spec §2.2, §2.3), and
 * what the reference makes of them: sets of stimuli that source and target keep in their own order.
 */

/** Positions of one split, in the order in which scikit-learn returns them. */
export interface Split {
  readonly train: readonly number[];
  readonly test: readonly number[];
}

/** Sizes of a split: a fraction of the samples below 1, else a count; one may be left out. */
export interface SplitSizes {
  readonly trainSize?: number;
  readonly testSize?: number;
}

const tooFew = (sentence: string, expected?: string, found?: string) =>
  new VentralError('stimuli-too-few', sentence, { expected, found });

function sampleCounts(n: number, { trainSize, testSize }: SplitSizes): [number, number] {
  const isFraction = (size: number | undefined) => size !== undefined && size > 0 && size < 1;
  if (isFraction(trainSize) && isFraction(testSize) && trainSize! + testSize! > 1)
    throw new VentralError(
      'benchmark-invalid',
      `train_size ${trainSize} and test_size ${testSize} together exceed all stimuli`,
      { field: 'cross_validation', expected: 'at most 1', found: String(trainSize! + testSize!) },
    );
  const count = (size: number, round: (x: number) => number) =>
    isFraction(size) ? round(size * n) : size;
  let train = trainSize === undefined ? undefined : count(trainSize, Math.floor);
  const test =
    testSize === undefined
      ? train === undefined
        ? Math.ceil(0.1 * n)
        : n - train
      : count(testSize, Math.ceil);
  train ??= n - test;
  if (train < 1 || test < 1 || train + test > n)
    throw tooFew(
      `${n} stimuli cannot be split into ${train} for fitting and ${test} for testing`,
      'at least one of each',
      `${train} and ${test}`,
    );
  return [train, test];
}

/**
 * Random splits (ShuffleSplit): one permutation a split, its head is the test set.
 * @throws VentralError `stimuli-too-few` where a side would be empty
 */
export function shuffleSplit(
  n: number,
  splits: number,
  sizes: SplitSizes,
  random: RandomState,
): Split[] {
  const [train, test] = sampleCounts(n, sizes);
  return Array.from({ length: splits }, () => {
    const order = random.permutation(n);
    return { test: order.slice(0, test), train: order.slice(test, test + train) };
  });
}

/** Positions of each class, classes ascending. */
function classMembers(labels: readonly Id[]): number[][] {
  const members = new Map<Id, number[]>();
  labels.forEach((label, i) => {
    const positions = members.get(label);
    if (positions) positions.push(i);
    else members.set(label, [i]);
  });
  return [...members].sort(([a], [b]) => compareIds(a, b)).map(([, positions]) => positions);
}

/**
 * How many of `draws` samples fall to each class: the mode of the multivariate hypergeometric
 * distribution, ties broken by `random` (scikit-learn's _approximate_mode).
 */
function approximateMode(
  classCounts: readonly number[],
  draws: number,
  random: RandomState,
): number[] {
  const total = classCounts.reduce((a, b) => a + b, 0);
  const continuous = classCounts.map((count) => (count / total) * draws);
  const floored = continuous.map(Math.floor);
  let need = Math.trunc(draws - floored.reduce((a, b) => a + b, 0));
  const remainders = continuous.map((value, k) => value - floored[k]);
  for (const remainder of [...new Set(remainders)].sort((a, b) => b - a)) {
    if (need <= 0) break;
    const tied = remainders.flatMap((value, k) => (value === remainder ? [k] : []));
    const chosen = random.choice(tied.length, Math.min(tied.length, need));
    for (const k of chosen) floored[tied[k]]++;
    need -= chosen.length;
  }
  return floored;
}

/**
 * Random splits that keep the share of each class (StratifiedShuffleSplit).
 * @throws VentralError `stimuli-too-few` where a class has one member or a side is smaller than the number of
 *   classes
 */
export function stratifiedShuffleSplit(
  labels: readonly Id[],
  splits: number,
  sizes: SplitSizes,
  random: RandomState,
): Split[] {
  const members = classMembers(labels);
  const [trainCount, testCount] = sampleCounts(labels.length, sizes);
  const lonely = members.find((positions) => positions.length < 2);
  if (lonely)
    throw tooFew(
      `Class ${labels[lonely[0]]} has one stimulus, but a stratified split needs two of each class`,
      '2',
      '1',
    );
  if (Math.min(trainCount, testCount) < members.length)
    throw tooFew(
      `${labels.length} stimuli give ${trainCount} for fitting and ${testCount} for testing, fewer than the ${members.length} classes`,
      `${members.length} of each`,
      `${trainCount} and ${testCount}`,
    );
  const counts = members.map((positions) => positions.length);
  return Array.from({ length: splits }, () => {
    const trains = approximateMode(counts, trainCount, random);
    const left = counts.map((count, k) => count - trains[k]);
    const tests = approximateMode(left, testCount, random);
    const train: number[] = [];
    const test: number[] = [];
    members.forEach((positions, k) => {
      const order = random.permutation(positions);
      train.push(...order.slice(0, trains[k]));
      test.push(...order.slice(trains[k], trains[k] + tests[k]));
    });
    return { train: random.permutation(train), test: random.permutation(test) };
  });
}

/** Train and test positions from the fold of each sample. */
function foldSplits(foldOf: readonly number[], folds: number): Split[] {
  const positions = foldOf.map((_, i) => i);
  return Array.from({ length: folds }, (_, fold) => ({
    train: positions.filter((i) => foldOf[i] !== fold),
    test: positions.filter((i) => foldOf[i] === fold),
  }));
}

/**
 * Shuffled folds (KFold).
 * @throws VentralError `stimuli-too-few` where there are fewer samples than folds
 */
export function kFold(n: number, folds: number, random: RandomState): Split[] {
  if (n < folds)
    throw tooFew(`${n} stimuli cannot be divided into ${folds} folds`, `${folds}`, `${n}`);
  const foldOf: number[] = [];
  let at = 0;
  const order = random.permutation(n);
  for (let fold = 0; fold < folds; fold++) {
    const end = at + Math.floor(n / folds) + (fold < n % folds ? 1 : 0);
    while (at < end) foldOf[order[at++]] = fold;
  }
  return foldSplits(foldOf, folds);
}

/**
 * Shuffled folds that keep the share of each class (StratifiedKFold).
 * @throws VentralError `stimuli-too-few` where every class has fewer members than there are folds
 */
export function stratifiedKFold(
  labels: readonly Id[],
  folds: number,
  random: RandomState,
): Split[] {
  const byAppearance = classMembers(labels).sort((a, b) => a[0] - b[0]);
  if (byAppearance.every((positions) => positions.length < folds))
    throw tooFew(`Every class has fewer stimuli than there are folds`, `${folds}`);
  const sorted = byAppearance.flatMap((positions, k) => positions.map(() => k));
  const foldOf: number[] = [];
  byAppearance.forEach((positions, k) => {
    const share = Array.from({ length: folds }, (_, fold) => {
      let count = 0;
      for (let i = fold; i < sorted.length; i += folds) if (sorted[i] === k) count++;
      return count;
    });
    const assigned = share.flatMap((count, fold) => new Array<number>(count).fill(fold));
    random.shuffle(assigned);
    positions.forEach((position, i) => {
      foldOf[position] = assigned[i];
    });
  });
  return foldSplits(foldOf, folds);
}

/**
 * Folds of whole groups (GroupKFold): the largest group first, each to the fold with the fewest samples. Nothing is
 * drawn.
 * @throws VentralError `stimuli-too-few` where there are fewer groups than folds
 */
export function groupKFold(groups: readonly Id[], folds: number): Split[] {
  const members = classMembers(groups);
  if (members.length < folds || folds < 2)
    throw tooFew(
      `${members.length} groups cannot be divided into ${folds} folds; cross_validation.splits says how many`,
      `2 to ${members.length} folds`,
      `${folds}`,
    );
  const sizes = new Array<number>(folds).fill(0);
  const foldOf = new Array<number>(groups.length).fill(0);
  // As numpy's argsort turned around: of groups of one size the last comes first.
  for (const positions of members.toSorted((a, b) => a.length - b.length).reverse()) {
    const fold = sizes.indexOf(Math.min(...sizes));
    sizes[fold] += positions.length;
    for (const position of positions) foldOf[position] = fold;
  }
  return foldSplits(foldOf, folds);
}

/** The splits of averaged recordings: folds of whole groups where `groups` are given. */
export function targetSplits(
  { stimulusIds, strata, groups }: Pick<Target, 'stimulusIds' | 'strata' | 'groups'>,
  crossValidation: CrossValidation,
): Split[] {
  return groups
    ? groupKFold(groups, crossValidation.splits)
    : benchmarkSplits(stimulusIds.length, strata, crossValidation);
}

/** Random splits over averaged recordings: stratified where `strata` are given. */
export function benchmarkSplits(
  n: number,
  strata: readonly Id[] | undefined,
  { splits, seed, trainSize, testSize }: CrossValidation,
): Split[] {
  const random = new RandomState(seed);
  const sizes = { trainSize, testSize };
  return strata
    ? stratifiedShuffleSplit(strata, splits, sizes, random)
    : shuffleSplit(n, splits, sizes, random);
}

/** One split of two assemblies: row positions in each, in that assembly's own order. */
export interface PairedSplit {
  readonly trainSource: readonly number[];
  readonly trainTarget: readonly number[];
  readonly testSource: readonly number[];
  readonly testTarget: readonly number[];
}

/**
 * The rows that each split (positions in the target) selects in source and target: both keep their
 * own order, as the reference subsets by stimulus_id (spec §1.5).
 */
export function pairSplits(
  splits: readonly Split[],
  sourceIds: readonly Id[],
  targetIds: readonly Id[],
): PairedSplit[] {
  const rowsOf = (ids: readonly Id[], wanted: ReadonlySet<Id>) =>
    ids.flatMap((id, i) => (wanted.has(id) ? [i] : []));
  return splits.map(({ train, test }) => {
    const trainIds = new Set(train.map((i) => targetIds[i]));
    const testIds = new Set(test.map((i) => targetIds[i]));
    return {
      trainSource: rowsOf(sourceIds, trainIds),
      trainTarget: rowsOf(targetIds, trainIds),
      testSource: rowsOf(sourceIds, testIds),
      testTarget: rowsOf(targetIds, testIds),
    };
  });
}

/**
 * Checks that source and target hold the same stimuli, each once.
 * @throws VentralError `stimuli-duplicate` or `stimuli-mismatch`, naming the first stimulus that is wrong
 */
export function requireSameStimuli(sourceIds: readonly Id[], targetIds: readonly Id[]): void {
  requireUnique(sourceIds, 'the features');
  requireUnique(targetIds, 'the recordings');
  const inTarget = new Set(targetIds);
  const inSource = new Set(sourceIds);
  const extra = sourceIds.find((id) => !inTarget.has(id));
  const missing = targetIds.find((id) => !inSource.has(id));
  if (extra === undefined && missing === undefined) return;
  const sentence =
    missing === undefined
      ? `Stimulus ${extra} has features, but the recordings do not know it`
      : `Stimulus ${missing} of the recordings has no features`;
  throw new VentralError('stimuli-mismatch', sentence, {
    field: 'stimulus_id',
    expected: `the ${targetIds.length} stimuli of the recordings`,
    found: `${sourceIds.length} stimuli`,
  });
}

function requireUnique(ids: readonly Id[], where: string): void {
  const seen = new Set<Id>();
  for (const id of ids) {
    if (seen.has(id))
      throw new VentralError('stimuli-duplicate', `Stimulus ${id} stands twice in ${where}`, {
        field: 'stimulus_id',
        found: String(id),
      });
    seen.add(id);
  }
}

/** `rows` reordered so that their ids ascend, as the reference sorts before it fits. */
export function sortedById(rows: readonly number[], ids: readonly Id[]): number[] {
  return ascending(rows.map((row) => ids[row])).map((i) => rows[i]);
}
