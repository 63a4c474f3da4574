import fc from 'fast-check';
import { damagedText, encoded, hostileWord } from './damage.js';
import type { Dice } from './dice.js';

/** YAML and JSON documents with what parsers of them have stumbled over. */

const bomb = (levels: number) =>
  [
    'a0: &a0 [x, x, x, x, x, x, x, x, x]',
    ...Array.from({ length: levels }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i}, `.repeat(9)}]`),
  ].join('\n');

const additions: readonly ((dice: Dice) => string)[] = [
  (dice) => bomb(dice.pick([1, 3, 9])),
  (dice) => `deep: ${'['.repeat(dice.pick([10, 1000, 20_000]))}`,
  (dice) => `deep: ${'{a: '.repeat(dice.pick([10, 1000, 5000]))}`,
  (dice) =>
    `deep:\n${Array.from({ length: dice.pick([10, 300]) }, (_, i) => `${' '.repeat(i + 1)}a:`).join('\n')}`,
  (dice) => `${'k'.repeat(dice.pick([1000, 200_000]))}: 1`,
  (dice) => `? [${hostileWord(dice)}, {a: b}]\n: 1`,
  () => '__proto__: { polluted: true }',
  () => 'constructor: { prototype: { polluted: true } }',
  () => '"__proto__": 1\n<<: { a: 1 }',
  () => 'a: &a { b: *a }',
  () => '<<: *nothing',
  () => 'x: !!js/function "function(){}"',
  () => 'x: !!binary "//79"',
  () => 'x: !!set { a, b }',
  () => 'x: !!omap [a: 1]',
  () => 'x: !!float oops',
  () => 'x: !<tag:yaml.org,2002:str> 1',
  () => 'x: 2001-12-14t21:59:43.10-05:00',
  () => '---\nsecond: document',
  () => '%YAML 9.9\n---',
  () => '...',
  () => '\tx: 1',
  () => 'x: |9\n  text',
  () => 'x: "\\ud800 \\x00 \\U0010ffff"',
  () => 'x: [1, 2',
  () => `many: [${'1,'.repeat(50_000)}]`,
  () => '1: a\n1: b',
  () => 'null: x\ntrue: y\n~: z',
];

/** A YAML document of which words were exchanged, or to which something was added. */
export function yamlCase(text: string, dice: Dice): Uint8Array {
  let result = dice.chance(0.75) ? damagedText(text, dice) : text;
  if (dice.chance(0.45)) {
    const added = dice.pick(additions)(dice);
    result = dice.chance(0.5) ? `${result}\n${added}\n` : `${added}\n${result}`;
  }
  if (dice.chance(0.03))
    result = dice.pick(['', '[]', '1', 'null', '"', '- ', ': ', '!', '&', '*', '#']);
  return encoded(result, dice);
}

const json = fc.json({ maxDepth: 5 });
const anything = fc.jsonValue({ maxDepth: 3 });

const hostileValues: readonly ((dice: Dice) => unknown)[] = [
  () => null,
  () => true,
  () => [],
  () => ({}),
  () => -1,
  () => 0.5,
  () => 1e308,
  () => 2 ** 53,
  (dice) => hostileWord(dice),
  (dice) => [hostileWord(dice), hostileWord(dice)],
  (dice) => ({ [hostileWord(dice)]: hostileWord(dice) }),
  (dice) => Array.from({ length: dice.pick([21, 101, 1001]) }, (_, i) => `x${i}`),
  (dice) => 'y'.repeat(dice.pick([201, 501, 100_000])),
  (dice) => dice.draw(anything),
];

/** A JSON value in which one place holds something else. */
export function damagedValue(value: unknown, dice: Dice): unknown {
  const isLeaf = typeof value !== 'object' || value === null || Object.keys(value).length === 0;
  if (isLeaf || dice.chance(0.15)) return dice.pick(hostileValues)(dice);
  if (Array.isArray(value)) {
    const at = dice.below(value.length);
    if (dice.chance(0.2)) return [...value, value[at]];
    return value.map((item, index) => (index === at ? damagedValue(item, dice) : item));
  }
  const entries = Object.entries(value);
  const at = dice.below(entries.length);
  if (dice.chance(0.15)) entries.splice(at, 1);
  else if (dice.chance(0.2)) entries.push([hostileWord(dice), dice.pick(hostileValues)(dice)]);
  else entries[at] = [entries[at][0], damagedValue(entries[at][1], dice)];
  return Object.fromEntries(entries);
}

/** The text of a JSON body around a value that would be right. */
export function jsonCase(value: unknown, dice: Dice): Uint8Array {
  if (dice.chance(0.1)) return encoded(dice.draw(json), dice);
  const text = JSON.stringify(dice.chance(0.8) ? damagedValue(value, dice) : value);
  return encoded(dice.chance(0.4) ? dice.pick(jsonDamages)(text, dice) : text, dice);
}

const jsonDamages: readonly ((text: string, dice: Dice) => string)[] = [
  (text) => text.replace('{', '{"__proto__":{"polluted":true},'),
  (text) => text.replace('{', '{"constructor":{"prototype":{"polluted":true}},'),
  (text) => text.replace('{', `{${text.slice(1, -1)},`),
  (text) => `\ufeff${text}`,
  (text) => `${text}${text}`,
  (text) => text.slice(0, -1),
  (text) => text.replace(/"[^"]*"/, '"\\ud800"'),
  (text) => text.replace(/"[^"]*"/, '"\\u0000"'),
  (text) => text.replace(/:("[^"]*"|\d+)/, ':1e999'),
  (text) => text.replace(/:("[^"]*"|\d+)/, ':NaN'),
  (text) => text.replace(/:("[^"]*"|\d+)/, `:${'9'.repeat(5000)}`),
  (text) => `${' '.repeat(300_000)}${text}`,
  (text, dice) => '['.repeat(dice.pick([100, 5000, 400_000])) + text,
  (text, dice) => '{"a":'.repeat(dice.pick([100, 5000, 100_000])) + text + '}'.repeat(100),
  (text) => `{"x":"${'z'.repeat(1_100_000)}",${text.slice(1)}`,
  damagedText,
];
