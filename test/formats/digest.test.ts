import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { digestOf } from '../../src/formats/digest.js';

const json = fc.jsonValue().filter((value) => !JSON.stringify(value).includes('__proto__'));

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, entry]) => [key, reversed(entry)]),
  );
}

/** Text with sorted keys: equal exactly where the values are. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (Object.is(value, -0)) return '-0';
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, entry]) => `${JSON.stringify(key)}:${canonical(entry)}`).join()}}`;
}

describe('a digest', () => {
  test('does not depend on the order of keys', () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(digestOf(reversed(value) as never)).toBe(digestOf(value as never));
      }),
    );
  });

  test('is equal for equal values alone', () => {
    fc.assert(
      fc.property(json, json, (a, b) => {
        expect(digestOf(a as never) === digestOf(b as never)).toBe(canonical(a) === canonical(b));
      }),
    );
  });

  test('leaves undefined keys out', () => {
    expect(digestOf({ a: 1, b: undefined })).toBe(digestOf({ a: 1 }));
    expect(digestOf({ a: 1, b: null })).not.toBe(digestOf({ a: 1 }));
  });

  test.each([
    [['ab'], ['a', 'b']],
    [
      ['a', 'b'],
      ['b', 'a'],
    ],
    [
      ['a', ['b']],
      [['a'], 'b'],
    ],
    [[], [[]]],
    [[], {}],
    ['1', 1],
    ['', null],
    [0, -0],
    [0, false],
    ['s1:a;', 'a'],
    [
      { a: 1, b: 2 },
      { a: 2, b: 1 },
    ],
    [{ ab: 1 }, { a: 'b1' }],
    [Float32Array.of(1), Float64Array.of(1)],
    [Float32Array.of(0), Int32Array.of(0)],
    [Float32Array.of(1), Float32Array.of(1, 0)],
    [[Float32Array.of(1), Float32Array.of(2)], [Float32Array.of(1, 2)]],
  ] as const)('of %j differs from that of %j', (a, b) => {
    expect(digestOf(a)).not.toBe(digestOf(b));
  });

  test('of a view is that of its own bytes', () => {
    const whole = Float64Array.of(9, 1, 2, 9);
    expect(digestOf(whole.subarray(1, 3))).toBe(digestOf(Float64Array.of(1, 2)));
  });
});
