import { yamlLimits } from '../../src/formats/yaml/limited-yaml.js';

/** The largest text that is read at all. */
const ALL = yamlLimits.characters - 100;
const fill = (text: string, most = ALL) => text.repeat(Math.floor(most / text.length));
const lines = (count: number, line: (i: number) => string) =>
  Array.from({ length: count }, (_, i) => line(i)).join('\n');

/** `a1: &a1 [*a0, …]`: each level repeats the one before. */
const laughs = (levels: number, width: number, open = '[', close = ']') =>
  `a0: &a0 ${open}x${close}\n${lines(levels, (i) => `a${i + 1}: &a${i + 1} ${open}${fill(`*a${i}, `, width * 6)}*a${i}${close}`)}`;

/** 60 YAML texts that some reader of YAML has choked on, or may, by what is wrong with them. */
export const hostileYaml: Readonly<Record<string, string>> = {
  // anchors and aliases
  'a billion laughs': laughs(9, 9),
  'laughs of two': laughs(40, 1),
  'a wide repetition': `a: &a [${fill('x, ', 12_000)}x]\n${lines(99, (i) => `b${i}: *a`)}`,
  'a long text again and again': `a: &a ${'x'.repeat(200_000)}\nb: [${fill('*a, ', 360)}*a]`,
  'thousands of aliases': `a: &a x\n${lines(20_000, (i) => `b${i}: *a`)}`,
  'thousands of anchors': lines(20_000, (i) => `&a${i} k${i}: 1`),
  'one anchor again and again': fill('- &a x\n'),
  'an anchor within itself': 'a: &a [*a]',
  'anchors within each other': 'a: &a [&b [*a, *b]]',
  'a map that holds itself as a key': '&a { *a : 1 }',
  'aliases of nothing': fill('- *nothing\n'),
  'a long name of an anchor': `a: &${'x'.repeat(100_000)} 1\nb: *${'x'.repeat(100_000)}`,
  'merge keys': `a: &a { x: 1 }\n${lines(10_000, (i) => `b${i}: { <<: *a }`)}`,
  'merge keys of merge keys': `a0: &a0 { x: 1 }\n${lines(50, (i) => `a${i + 1}: &a${i + 1} { <<: [*a${i}, *a${i}] }`)}`,
  // depth
  'deep lists': fill('['),
  'deep lists that end': '['.repeat(10_000) + ']'.repeat(10_000),
  'deep maps': fill('{a: '),
  'deep lists on one line': fill('- '),
  'deep maps by indentation': lines(1400, (i) => `${' '.repeat(i)}a:`),
  'deep explicit keys': fill('? '),
  'values of values': fill(': '),
  'lists in maps in lists': fill('- a:\n  - b: [{c: '),
  // numbers of things
  'thousands of keys': lines(24_000, (i) => `k${i}: 1`),
  'as many keys as are read': lines(49_000, (i) => `k${i}: 1`),
  'hundreds of thousands of keys': lines(90_000, (i) => `k${i}: 1`),
  'keys in one line': `{${lines(45_000, (i) => `k${i}: 1,`).replaceAll('\n', ' ')}}`,
  'one key again and again': fill('k: 1\n'),
  'repeated keys at the end': `${lines(40_000, (i) => `k${i}: 1`)}\nk0: 1`,
  'keys without values': lines(70_000, (i) => `k${i}:`),
  items: fill('- a\n'),
  'empty items': fill('-\n'),
  commas: `[${fill(',')}]`,
  'closing brackets': fill(']'),
  'a line of quotes': fill('"'),
  'stages of a recipe': `stages:\n${lines(8000, (i) => `  - average: {name: a${i}, of: a${i - 1}, epochs: [0, 1]}`)}`,
  'wrong items': `layers: [${fill('1, ', 200_000)}1]`,
  'stages that are wrong in every way': `stages:\n${lines(12_000, (i) => `  - {a${i}: 1}`)}`,
  // sizes of things
  'a long plain text': `a: ${fill('x')}`,
  'a long text of many lines': `a: ${fill('x\n  ')}`,
  'a long quoted text': `a: "${fill('x')}"`,
  'a quoted text of escapes': `a: "${fill('\\u0041')}"`,
  'a quoted text without an end': `a: "${fill('x\n')}`,
  'a block of text': `a: |\n${fill('  x\n')}`,
  'a folded text': `a: >\n${fill('  x\n\n')}`,
  'a long key': `${'k'.repeat(200_000)}: 1`,
  'a long explicit key': `? ${'k'.repeat(200_000)}\n: 1`,
  'long wrong keys': lines(8, (i) => `? ${i}${'k'.repeat(100_000)}\n: 1`),
  'a long number': `a: ${fill('1')}`,
  'a large exponent': `a: 1e${fill('9')}`,
  'long comments': `#${fill('x')}`,
  'comments in a row': fill('#\n'),
  'comments between keys': lines(500, (i) => `k${i}: 1\n${'#\n'.repeat(490)}`),
  'blank lines': fill('\n'),
  'blank lines between keys': lines(500, (i) => `k${i}: 1${'\n'.repeat(990)}`),
  blanks: fill(' '),
  // odd things
  'tabs for blanks': 'input:\n\t\tresize: none\n\t- a',
  'line ends of other systems': 'a: 1\rb: 2\u0085c: 3\u2028d: 4\r\n\u2029e: 5',
  'NULs, halves of surrogates and byte order marks': `\ufeffa: \0\nb: \ud800\n\ufeff\uffff: 1\n${fill('\ufeff', 1000)}`,
  'prototype keys':
    '__proto__: { polluted: true }\nconstructor: { prototype: { polluted: true } }\ntoString: 1',
  'tags that make things':
    'a: !!js/function "() => process.exit()"\nb: !!python/object/apply:os.system [ls]\nc: !!binary x\nd: !!set {a}\ne: !!omap [a: 1]\nf: !<tag:yaml.org,2002:timestamp> 2001-01-01',
  'tags and directives': `${fill('%TAG !a! tag:a,2000:\n', 3000)}---\n${fill('- !a!b x\n', 3000)}`,
  'a long tag': `a: !${'t'.repeat(200_000)} x`,
  'many documents': fill('---\na: 1\n'),
  'ends of documents': fill('...\n'),
  'keys of other kinds': `1: a\n1.0: b\n0x1: c\n"1": d\n~: e\n[1]: f\n{a: b}: g\ntrue: h\n2001-01-01: i\n.nan: j`,
  'complex keys in complex keys': `${'? {'.repeat(30)}a: 1${'}'.repeat(30)}`,
};
