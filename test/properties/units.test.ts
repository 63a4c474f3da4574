import { expect, test } from 'vitest';
import { FieldKernel } from '../../src/properties/field-kernel.js';
import { firingRates, fitFiringRates } from '../../src/properties/firing-rates.js';
import { stimuliOfSet } from '../../src/properties/grating-sets.js';
import {
  centresOfFields,
  type Places,
  seesStimulus,
} from '../../src/properties/receptive-fields.js';
import { numbers, type OracleArray, oracle } from '../oracle.js';
import { expectClose } from './expect-close.js';

const columnsOf = (array: OracleArray): Float64Array[] => {
  const [rows, cols] = array.shape;
  const values = numbers(array);
  return Array.from({ length: cols }, (_, unit) =>
    Float64Array.from({ length: rows }, (_, row) => values[row * cols + unit]),
  );
};

/** Centres of the units of activations, place × grating × unit. */
function centresOf(activations: OracleArray, blanks: Float64Array, places: Places) {
  const [, width] = activations.shape;
  const rows = { data: numbers(activations), stride: width, width, perPlace: 8 };
  const { y, x } = centresOfFields(rows, blanks, places);
  return [...y].map((value, unit) => ({ y: value, x: x[unit] }));
}

/** Maps by unit. */
function mapsOf(activations: OracleArray, blanks: Float64Array) {
  const [length, width] = activations.shape;
  const kernel = new FieldKernel(width, length / 8, 8);
  kernel.map({ data: numbers(activations), stride: width, width, perPlace: 8 }, blanks);
  return Array.from({ length: width }, (_, unit) =>
    kernel.maps.filter((_, at) => at % kernel.stride === unit),
  );
}

const rf = oracle('12-properties/rf.json');
const stimulus = { y: 0.5, x: 0.5 };

for (let at = 0; at < 5; at++) {
  const { note, grid, blank, activations, rf_position, rf_map, in_rf, distance } = rf.cases[at];
  test(`receptive fields: ${note}`, () => {
    const places = {
      ys: [...numbers(grid.position_y)],
      xs: [...numbers(grid.position_x)],
    };
    const blanks = numbers(blank);
    const maps = mapsOf(activations, blanks);
    const centres = centresOf(activations, blanks, places);
    expectClose(
      centres.flatMap(({ y, x }) => [y, x]),
      numbers(rf_position),
    );
    if (rf_map) {
      const expected = numbers(rf_map);
      const size = maps[0].length;
      // Values near 1e-300 are as exact as others.
      for (const [unit, map] of maps.entries())
        expectClose(map, expected.subarray(unit * size, (unit + 1) * size));
    }
    expectClose(
      centres.map(({ y, x }) => Math.hypot(y - 0.5, x - 0.5)),
      numbers(distance),
    );
    // Unit 10 of the edge cases lies at .15 degrees exactly: rounding decides.
    const decided = (unit: number) => at !== 1 || unit !== 10;
    const kept = centres.flatMap((centre, unit) => (seesStimulus(centre, stimulus) ? unit : []));
    expect(kept.filter(decided)).toEqual([...numbers(in_rf.index)].filter(decided));
  });
}

test('receptive fields: the order of the stimuli has no bearing where the original refuses one', () => {
  // Places are found by their coordinates: see test/scoring/measure/property-benchmark.test.ts.
  expect(rf.cases[5].error.type).toBe('AssertionError');
  expect(rf.edge_case_units).toHaveLength(12);
});

const rates = oracle('12-properties/firing-rates.json');
const subset = stimuliOfSet('receptive_field').filter(
  ({ grating }) =>
    grating && Math.abs(grating.positionY - 0.5) < 0.6 && Math.abs(grating.positionX - 0.5) < 0.6,
);

for (let at = 0; at < 6; at++) {
  const { note, activations, rf_position, in_rf, error, ...expected } = rates.cases[at];
  test(`firing rates: ${note}`, () => {
    const params = numbers(rates.rf_subset_params);
    expect(subset.map(({ grating }) => grating?.positionY)).toEqual(
      subset.map((_, i) => params[7 * i]),
    );
    const ys = [...new Set(subset.map(({ grating }) => grating?.positionY as number))];
    const blanks = numbers(activations.blank);
    const centres = centresOf(activations.receptive_field, blanks, { ys, xs: ys });
    expectClose(
      centres.flatMap(({ y, x }) => [y, x]),
      numbers(rf_position),
    );
    const kept = centres.flatMap((centre, unit) => (seesStimulus(centre, stimulus) ? unit : []));
    expect(kept).toEqual([...numbers(in_rf)]);
    const orientation = columnsOf(activations.orientation);
    const units = kept.map((unit) => ({ blank: blanks[unit], orientation: orientation[unit] }));
    const map = fitFiringRates(units, 8);
    if (error) {
      // One unit, which the original cannot index, is a layer of one unit here; none has no rates.
      expect(kept.length).toBeLessThan(2);
      expect(Number.isFinite(map.slope)).toBe(kept.length === 1);
      return;
    }
    expectClose([map.slope, map.offset], [expected.slope, expected.offset].map(Number));
    expectClose(
      firingRates(
        units.map(({ blank }) => blank),
        map,
      ),
      numbers(expected.blank_rates),
    );
    const made = units.map((unit) => firingRates(unit.orientation, map));
    expectClose(
      made.map((values) => values.reduce((sum, value) => sum + value, 0)),
      numbers(expected.orientation_rates_sum),
    );
    expectClose(
      made.flatMap((values) => [...values.subarray(0, 24)]),
      numbers(expected.orientation_rates_first_24_stimuli),
    );
  });
}

test('receptive fields of many units are those of each alone, whatever stands beside them', () => {
  const places = { ys: [0, 1, 2], xs: [0, 1, 2] };
  const width = 1100;
  const data = Float32Array.from({ length: 2 * 9 * width }, (_, i) => Math.sin(i * i));
  const blanks = Float64Array.from({ length: width }, (_, unit) => Math.sin(unit) / 4);
  const all = centresOfFields({ data, stride: width, width, perPlace: 2 }, blanks, places);
  for (const unit of [0, 1, 511, 512, 1023, 1024, 1099]) {
    const own = { data: data.subarray(unit), stride: width, width: 1, perPlace: 2 };
    const { y, x } = centresOfFields(own, [blanks[unit]], places);
    expect([y[0], x[0]]).toEqual([all.y[unit], all.x[unit]]);
    const map = Array.from({ length: 9 }, (_, place) => {
      const [a, b] = [0, 1].map((k) => data[(2 * place + k) * width + unit]);
      return Math.max(0, Math.max(0, a, b) - Math.max(0, blanks[unit]));
    });
    const kept = map.map((value) => (value > 0.05 * Math.max(...map) ? value : 0));
    const total = kept.reduce((sum, value) => sum + value, 0);
    const row = kept.reduce((sum, value, place) => sum + value * Math.floor(place / 3), 0);
    expect(all.y[unit]).toBeCloseTo(row / total, 12);
  }
});
