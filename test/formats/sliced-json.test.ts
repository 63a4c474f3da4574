import { describe, expect, it } from 'vitest';
import { readSliced, writeSliced } from '../../src/formats/sliced-json.js';

const numbers = (count: number) =>
  Array.from({ length: count }, (_, i) => ((i * 0.7366) % 1) - 0.5);
const values: Readonly<Record<string, unknown>> = {
  'a number': 1,
  nothing: null,
  'a long list': numbers(50_000),
  'lists in lists': Array.from({ length: 5 }, () => numbers(20_000)),
  'many keys': Object.fromEntries(numbers(30_000).map((n, i) => [`k"\\${i}`, n])),
  'keys that are numbers': { b: numbers(20_000), 2: 'x', 1: numbers(20_000), a: {} },
  'long texts': { a: 'é"\\\n'.repeat(40_000), b: ['x'.repeat(200_000), ''], '': [] },
  'large and empty': [{}, [], numbers(20_000), {}, [[numbers(20_000)]], 'x'],
  'what JSON leaves out': {
    a: undefined,
    b: numbers(20_000),
    c: undefined,
    d: new Date(0),
    e: [undefined, Number.NaN, () => 1, numbers(20_000)],
  },
  objects: Array.from({ length: 10_000 }, (_, i) => ({ i, name: `[{"${i}`, of: { a: [] } })),
};

async function written(value: unknown): Promise<string> {
  let text = '';
  for await (const piece of writeSliced(value)) text += piece;
  return text;
}

describe.each(Object.entries(values))('%s', (_name, value) => {
  const text = JSON.stringify(value);

  it('is written as by JSON.stringify', async () => {
    expect((await written(value)) === text).toBe(true);
  });

  it('is read as by JSON.parse', async () => {
    expect(JSON.stringify(await readSliced(text)) === text).toBe(true);
    const spaced = JSON.stringify(value, null, 2);
    expect(JSON.stringify(await readSliced(spaced)) === text).toBe(true);
  });
});

it('keeps a key that names a prototype', async () => {
  const text = `{"__proto__":{"polluted":true},"a":[${'1,'.repeat(50_000)}1]}`;
  expect(JSON.stringify(await readSliced(text)) === text).toBe(true);
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
});

const long = `[${'1,'.repeat(50_000)}1]`;
it.each([
  `${long}x`,
  `[${long}`,
  `[${long},]`,
  `[${long} ${long}]`,
  `{"a":${long},}`,
  `{"a" ${long}}`,
  `{${long}:1}`,
  `{"a":${long}`,
  `[${long},"abc`,
  `["${'a'.repeat(100_000)}`,
  `[${long},nul]`,
  `${'['.repeat(100_000)}`,
  `{"a":1,"a":${long}}}`,
])('refuses what is no JSON (%#)', async (text) => {
  await expect(readSliced(text)).rejects.toThrow(SyntaxError);
});
