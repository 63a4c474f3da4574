import { expect, test } from 'vitest';
import { present } from '../../src/formats/present.js';

test('keys without a value are left out, and every other value is kept, in order', () => {
  const values = { z: 0, a: undefined, m: null, b: '', c: false, d: Number.NaN, e: [undefined] };
  expect(Object.entries(present(values))).toEqual([
    ...[
      ['z', 0],
      ['m', null],
      ['b', ''],
      ['c', false],
      ['d', Number.NaN],
      ['e', [undefined]],
    ],
  ]);
  expect(Object.keys(present({}))).toEqual([]);
});
