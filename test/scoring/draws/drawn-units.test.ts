import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { positionsOf } from '../../../src/metrics/resampling/two-factor-draws.js';
import {
  DRAWS,
  drawnUnits,
  drawsInOrder,
  freedomOf,
} from '../../../src/scoring/draws/drawn-units.js';

const all = (units: ReturnType<typeof drawnUnits>) =>
  Array.from(units.draws, (times) => [...times]);
const names = ['c', 'a', 'd', 'b', 'e', 'f'];

describe('draws of units', () => {
  test('are the same for every model: in each run, and in whatever order the units stand', () => {
    const [one, other] = [drawnUnits('images', names), drawnUnits('images', names.toReversed())];
    expect(all(one)).toEqual(all(one));
    expect(all(other)).toEqual(all(one));
    expect(other.digest).toBe(one.digest);
    expect(all(one)).toHaveLength(DRAWS);
  });

  test('are shared by whole numbers and their text, which mean the same stimuli', () => {
    expect(drawnUnits('images', [3, 1, 20]).digest).toBe(
      drawnUnits('images', ['1', '20', '3']).digest,
    );
  });

  test('differ between factors, other units and other groups', () => {
    const groups = ['x', 'x', 'y', 'y', 'y', 'x'];
    const made = [
      drawnUnits('images', names),
      drawnUnits('neuroids', names),
      drawnUnits('images', [...names, 'g']),
      drawnUnits('images', names, groups),
    ];
    expect(new Set(made.map(({ digest }) => digest)).size).toBe(made.length);
    expect(all(made[1])).not.toEqual(all(made[0]));
  });

  test('keep the size of every group', () => {
    const labels = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 4, maxLength: 30 });
    fc.assert(
      fc.property(labels, (animals) => {
        const ids = animals.map((_, i) => i);
        const units = drawnUnits('neuroids', ids, animals);
        const sizes = (positions: readonly number[]) => {
          const owner = new Map(ids.map((id) => [units.position(id), animals[id]]));
          return ['a', 'b', 'c'].map(
            (name) => positions.filter((position) => owner.get(position) === name).length,
          );
        };
        const [first] = units.draws;
        expect(sizes(positionsOf(first))).toEqual(sizes(ids.map(units.position)));
        expect(freedomOf(units)).toBe(ids.length - new Set(animals).size);
      }),
      { numRuns: 20, seed: 5 },
    );
  });

  test('are of all units where no group has two', () => {
    const units = drawnUnits('images', names, names);
    expect(freedomOf(units)).toBe(names.length - 1);
    expect(all(units)).toEqual(all(drawnUnits('images', names)));
  });

  test('are told in another order of the units', () => {
    const units = drawnUnits('images', names);
    const [told] = drawsInOrder(units, names);
    const [times] = units.draws;
    expect(names.map((_, i) => told[i])).toEqual(names.map((name) => times[units.position(name)]));
  });
});
