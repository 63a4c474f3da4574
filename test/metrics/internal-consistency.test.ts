import { expect, test } from 'vitest';
import { compareIds, type Id } from '../../src/data/ids.js';
import { correlate } from '../../src/metrics/cross-regressed-correlation.js';
import {
  averageHalf,
  internalConsistency,
  type RepeatedRecordings,
  repetitionHalves,
} from '../../src/metrics/internal-consistency.js';
import { numbers, type OracleArray, oracle } from '../oracle.js';
import { tolerances } from '../tolerances.js';
import { expectClose } from './close.js';

const golden = {
  'constant neuroid': oracle('04-ceiling/constant_neuroid.json'),
  '20 repetitions': oracle('04-ceiling/equal_20_repetitions.json'),
  'low reliability': oracle('04-ceiling/even_neuroids_anticorrelated.json'),
  float32: oracle('04-ceiling/float32.json'),
  'gaps in repetition ids': oracle('04-ceiling/gap_repetition_ids.json'),
  'a cell without any value': oracle('04-ceiling/nan_cell_after_averaging.json'),
  'missing values': oracle('04-ceiling/nan_values.json'),
  '7 repetitions': oracle('04-ceiling/odd_7_repetitions.json'),
  '2 repetitions': oracle('04-ceiling/two_repetitions.json'),
  'unequal repetitions': oracle('04-ceiling/unequal_repetitions.json'),
};
const lost = oracle('04-ceiling/error_image_missing_in_half.json');

interface Assembly {
  dims: string[];
  texture_type: Id[] | string;
  stimulus_id: Id[] | { unique: Id[]; index: OracleArray };
  repetition: OracleArray;
  neuroid_id: Id[];
  values: OracleArray;
}

function recordings(assembly: Assembly): RepeatedRecordings {
  const { dims, stimulus_id, texture_type, repetition, neuroid_id, values } = assembly;
  expect(dims).toEqual(['presentation', 'neuroid']);
  const stimulusIds = Array.isArray(stimulus_id)
    ? stimulus_id
    : [...numbers(stimulus_id.index)].map((i) => stimulus_id.unique[i]);
  // Averaging by stimulus is averaging by all coordinates, since a stimulus has one type.
  if (Array.isArray(texture_type)) {
    const types = new Set(stimulusIds.map((id, i) => `${id} ${texture_type[i]}`));
    expect(types.size).toBe(new Set(stimulusIds).size);
  } else expect(texture_type).toMatch(/index into stimulus_id/);
  return {
    stimulusIds,
    repetition: [...numbers(repetition)],
    neuroidIds: neuroid_id,
    values: values.dtype === 'float32' ? Float32Array.from(numbers(values)) : numbers(values),
  };
}

const ascendingIds = (ids: readonly Id[]) => [...ids].sort(compareIds);

test.each(Object.entries(golden))('ceiling: %s', (_name, wanted) => {
  const input = recordings(wanted.assembly);
  const single = input.values instanceof Float32Array;
  const tolerance = single
    ? tolerances.float32Recordings
    : { r: tolerances.float64, ceiling: tolerances.float64 };
  const halves = repetitionHalves(input.repetition ?? []);
  expect(halves.length).toBe(wanted.splits.length);
  halves.forEach(({ first, second }, k) => {
    const split = wanted.splits[k];
    expect(ascendingIds(first)).toEqual([...numbers(split.half1_repetitions)]);
    expect(ascendingIds(second)).toEqual([...numbers(split.half2_repetitions)]);
    const means = [averageHalf(input, first), averageHalf(input, second)];
    [split.half1_average, split.half2_average].forEach((average, half) => {
      if (!average) return;
      expect(means[half].stimulusIds).toEqual(average.stimulus_id);
      expectClose(means[half].values.data, numbers(average.values), tolerance.r);
    });
    const ids: Id[] = split.pearson_r.neuroid_id;
    const r = correlate(means[1].values, means[0].values);
    const inOrder = ids.map((id) => r[input.neuroidIds.indexOf(id)]);
    expectClose(inOrder, numbers(split.pearson_r.values), tolerance.r);
  });
  const result = internalConsistency(input);
  expect(result.neuroids?.ids).toEqual(wanted.result.raw.neuroid_id);
  expectClose(result.neuroids?.values.data ?? [], numbers(wanted.result.raw.values), tolerance.r);
  expectClose(result.splits, numbers(wanted.result.raw.per_split_median), tolerance.ceiling);
  expectClose(
    [result.value, result.error],
    [wanted.result.score, wanted.result.error],
    tolerance.ceiling,
  );
});

test('a stimulus that is missing from one half is refused by name', () => {
  const input = recordings(lost.assembly);
  expect(lost.error.type).toBe('ValueError');
  expect(lost.error.message).toMatch(/could not be broadcast/);
  const refusal = expect.objectContaining({ code: 'recordings-invalid' });
  expect(() => internalConsistency(input)).toThrow(refusal);
  expect(() => internalConsistency(input)).toThrow(/Stimulus \S+ has presentations in one half/);
});

test('recordings without repetitions have no ceiling', () => {
  const refusal = expect.objectContaining({ code: 'recordings-invalid' });
  const once = { stimulusIds: ['a', 'b'], neuroidIds: [1], values: Float64Array.of(1, 2) };
  expect(() => internalConsistency(once)).toThrow(refusal);
  expect(() => internalConsistency({ ...once, repetition: [3, 3] })).toThrow(refusal);
});
