import { describe, expect, it } from 'vitest';
import type { Coordinate } from '../../src/data/assembly.js';
import { averageRepetitions } from '../../src/data/average-repetitions.js';
import type { Recordings } from '../../src/data/recordings.js';
import { numbers, type OracleArray, oracle } from '../oracle.js';
import { tolerances } from '../tolerances.js';

interface Case {
  name: string;
  levels: string[];
  input: Record<string, OracleArray>;
  values: OracleArray;
  output?: { level_order: string[]; coords: Record<string, OracleArray>; values: OracleArray };
  error?: { type: string; message: string };
}

/** Values of an oracle coordinate as a Coordinate has them: NaN in numbers, null in text. */
function valuesOf(array: OracleArray): Coordinate['values'] {
  return array.dtype === 'string' || array.dtype === 'mixed' || array.dtype === 'bool'
    ? (array.values ?? [])
    : Array.from(numbers(array));
}

function recordingsOf({ levels, input, values }: Case): Recordings {
  const coords = new Map(
    levels.map((name): [string, Coordinate] => [
      name,
      {
        dim: 'presentation',
        dtype: input[name].dtype as Coordinate['dtype'],
        values: valuesOf(input[name]),
      },
    ]),
  );
  return {
    stimulusIds: valuesOf(input.stimulus_id) as string[],
    repetition: valuesOf(input.repetition) as number[],
    neuroidIds: Array.from({ length: values.shape[1] }, (_, i) => i),
    values: numbers(values),
    coords,
  };
}

const close = (actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number) => {
  expect(actual.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) {
    if (Number.isNaN(expected[i])) expect(actual[i]).toBeNaN();
    else expect(Math.abs(actual[i] - expected[i])).toBeLessThanOrEqual(tolerance);
  }
};

const golden = oracle('04-ceiling/average_repetition.json');
const cases = Object.keys(golden.cases).map((key): Case => golden.cases[key]);

describe('averageRepetitions', () => {
  it.each(cases.filter(({ output }) => output !== undefined))(
    '$name: groups in the order of the reference',
    (given) => {
      const averaged = averageRepetitions(recordingsOf(given));
      expect([...averaged.coords.keys()]).toEqual(given.output?.level_order);
      for (const name of given.output?.level_order ?? []) {
        expect(averaged.coords.get(name)?.values).toEqual(
          valuesOf((given.output as NonNullable<Case['output']>).coords[name]),
        );
      }
      close(
        averaged.values.data,
        numbers((given.output as NonNullable<Case['output']>).values),
        tolerances.float64,
      );
    },
  );

  it.each(cases.filter(({ error }) => error !== undefined))(
    '$name: fails as the reference does',
    (given) => {
      expect(() => averageRepetitions(recordingsOf(given))).toThrowError(
        /presentation coordinates/,
      );
    },
  );

  it('averages counts of the Freeman-like benchmark', () => {
    const { recordings, stimuli, averaged_target: target } = oracle('07-benchmark/fz_like.json');
    const index = numbers(recordings.stimulus_index);
    const ids = Array.from(index, (i) => stimuli.stimulus_id[i]);
    const types = Array.from(index, (i) => stimuli.texture_type[i]);
    const averaged = averageRepetitions({
      stimulusIds: ids,
      repetition: Array.from(numbers(recordings.repetition)),
      neuroidIds: Array.from(numbers(recordings.neuroid_id)),
      values: numbers(recordings.counts).map((count) => count / 150),
      coords: new Map(
        Object.entries({ image_id: ids, stimulus_id: ids, texture_type: types }).map(
          ([name, values]) => [name, { dim: 'presentation', dtype: 'string' as const, values }],
        ),
      ),
    });
    expect(averaged.stimulusIds).toEqual(target.stimulus_id);
    expect(averaged.neuroidIds).toEqual(Array.from(target.neuroid_id));
    expect([...averaged.coords.keys()]).toEqual(target.presentation_coords_in_level_order);
    close(averaged.values.data, numbers(target.values), tolerances.float64);
  });

  it.each(['V4', 'IT'])('averages float32 recordings of %s in float32', (region) => {
    const { recordings, stimuli, regions } = oracle('07-benchmark/majaj_like.json');
    const target = regions[region].averaged_target;
    const columns = Array.from(recordings.region as string[], (found, i) =>
      found === region ? i : -1,
    ).filter((i) => i >= 0);
    const all = numbers(recordings.values);
    const width = recordings.region.length;
    const index = numbers(recordings.stimulus_index);
    const averaged = averageRepetitions({
      stimulusIds: Array.from(index, (i) => stimuli.stimulus_id[i]),
      repetition: Array.from(numbers(recordings.repetition)),
      neuroidIds: columns.map((k) => recordings.neuroid_id[k]),
      values: Float32Array.from(
        Array.from(index, (_, p) => columns.map((k) => all[p * width + k])).flat(),
      ),
    });
    expect(averaged.stimulusIds).toEqual(target.stimulus_id);
    expect(averaged.neuroidIds).toEqual(Array.from(target.neuroid_id));
    close(averaged.values.data, numbers(target.values), tolerances.exact);
  });

  it('leaves the recordings of other presentations out of a half', () => {
    const recordings: Recordings = {
      stimulusIds: ['b', 'a', 'b', 'a'],
      repetition: [0, 0, 1, 1],
      neuroidIds: ['n'],
      values: Float64Array.of(1, 2, 3, 4),
    };
    const half = averageRepetitions(selectPresentations(recordings, [3, 2]));
    expect(half.stimulusIds).toEqual(['a', 'b']);
    expect(Array.from(half.values.data)).toEqual([4, 3]);
  });
});

/** Recordings of some presentations only, in the given order (the halves of a ceiling). */
function selectPresentations(recordings: Recordings, rows: readonly number[]): Recordings {
  const { values, neuroidIds, coords, repetition } = recordings;
  const cols = neuroidIds.length;
  const picked =
    values instanceof Float32Array
      ? new Float32Array(rows.length * cols)
      : new Float64Array(rows.length * cols);
  rows.forEach((row, i) => {
    picked.set(values.subarray(row * cols, (row + 1) * cols), i * cols);
  });
  const pick = <T>(list: readonly T[]) => rows.map((row) => list[row]);
  return {
    ...recordings,
    values: picked,
    stimulusIds: pick(recordings.stimulusIds),
    ...(repetition === undefined ? {} : { repetition: pick(repetition) }),
    ...(coords === undefined
      ? {}
      : {
          coords: new Map(
            Array.from(coords, ([name, c]) => [name, { ...c, values: pick(c.values) }]),
          ),
        }),
  };
}
