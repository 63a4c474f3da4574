import { multipart, type Part } from '../service/running-service.js';

/** JSON text that costs much to look at for its size; `{}` around each where an operation wants an object. */
const MEBIBYTE = 2 ** 20 - 200;
const times = (text: string, length = MEBIBYTE) => text.repeat(Math.floor(length / text.length));
const list = (item: string) => `[${times(`${item},`)}${item}]`;
const keys = (size: number) =>
  Array.from({ length: Math.floor(MEBIBYTE / size) }, (_, i) => `"k${i.toString(36)}":1`);

/** Values that stand anywhere in a body, by name; each text is JSON of at most a megabyte. */
export const hostileValues: Readonly<Record<string, string>> = {
  // Within the limits of a body, so that they get as far as they can.
  'just not too many wrong items': `[${'1,'.repeat(29_000)}1]`,
  'just not too many short texts': `[${'"a",'.repeat(29_000)}"a"]`,
  'just not too many different texts': `[${Array.from({ length: 29_000 }, (_, i) => `"k${i}"`).join(',')}]`,
  'just not too many objects': `[${'{"a":1},'.repeat(9500)}{}]`,
  'just not too many keys': `{${Array.from({ length: 14_000 }, (_, i) => `"k${i}":1`).join(',')}}`,
  'wrong items that are told': `[${'1,'.repeat(950)}1]`,
  'wrong keys that are told': `{${Array.from({ length: 450 }, (_, i) => `"k${i}":1`).join(',')}}`,
  'long texts that are told': `[${`"${'a'.repeat(1000)}",`.repeat(900)}1]`,
  'just not too deep': `${'{"a":['.repeat(28)}1${']}'.repeat(28)}`,
  'wrong items': list('1'),
  'empty lists': list('[]'),
  'empty objects': list('{}'),
  'short texts': list('"a"'),
  'equal objects': list('{"a":1}'),
  'different numbers': `[${Array.from({ length: 140_000 }, (_, i) => i).join(',')}]`,
  'deep lists': times('[', MEBIBYTE / 2) + times(']', MEBIBYTE / 2),
  'deep objects': `${times('{"a":', MEBIBYTE)}1`,
  'closed deep objects': `${'{"a":'.repeat(150_000)}1${'}'.repeat(150_000)}`,
  'many keys': `{${keys(12).join(',')}}`,
  'one key again and again': `{${times('"a":1,')}"a":1}`,
  'prototype keys': `{${times('"__proto__":{},')}"constructor":{}}`,
  'a long key': `{"${times('k')}":1}`,
  'long keys': `{${Array.from({ length: 8 }, (_, i) => `"${i}${times('k', MEBIBYTE / 10)}":1`).join(',')}}`,
  'a long text': `"${times('a')}"`,
  'a long text of slashes': `"${times('/')}"`,
  'a long address': `"http://${times('a.')}:1/"`,
  'a long text of escapes': `"${times('\\u0041')}"`,
  'a long text of half surrogates': `"${times('\\ud800')}"`,
  'a long number': times('1'),
  'a long fraction': `0.${times('1')}`,
  'a large exponent': `1e${times('9')}`,
  blanks: `${times(' ')}1`,
};

/** A form for `POST /v1/models` and `POST /v1/benchmarks`. */
export const form = (parts: readonly Part[]) => {
  const { headers, body } = multipart(parts);
  return { headers: Object.entries(headers ?? {}), body: body as Uint8Array };
};

/** A card as text, sent with a file that is none. */
export const cardForm = (card: string) =>
  form([
    { name: 'file', filename: 'x.onnx', content: 'x' },
    { name: 'card', content: card },
  ]);

export const json = (text: string) => ({
  headers: [['Content-Type', 'application/json']] as const,
  body: Buffer.from(text),
});

/** Cards that hold whoever reads them; the corpus of `hostile-yaml.ts` has more. */
export const hostileCards: Readonly<Record<string, string>> = {
  'anchors and aliases': `a: &a [x, x]\n${Array.from({ length: 12_000 }, (_, i) => `b${i}: *a`).join('\n')}`,
  anchors: Array.from({ length: 18_000 }, (_, i) => `&a${i} k${i}: 1`)
    .join('\n')
    .slice(0, 2 ** 18),
  '24,000 keys': Array.from({ length: 24_000 }, (_, i) => `k${i}: 1`).join('\n'),
  'deep lists': '['.repeat(2 ** 18),
  'wrong layers': `layers: [${'1,'.repeat(60_000)}1]`,
  'a long text': `name: ${'x'.repeat(260_000)}`,
};
