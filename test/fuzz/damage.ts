import type { Dice } from './dice.js';

/** Damage that knows nothing of what it damages. */

const sizes = [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];

type Damage = (bytes: Buffer, dice: Dice, other: Uint8Array) => Uint8Array;

const damages: readonly Damage[] = [
  function flipBits(bytes, dice) {
    for (let count = dice.between(1, 8); count > 0; count--)
      bytes[dice.below(bytes.length)] ^= 1 << dice.below(8);
    return bytes;
  },
  function setBytes(bytes, dice) {
    for (let count = dice.between(1, 8); count > 0; count--)
      bytes[dice.below(bytes.length)] = dice.below(256);
    return bytes;
  },
  function writeSize(bytes, dice) {
    if (bytes.length < 8) return bytes;
    const at = dice.below(bytes.length - 7);
    const size = dice.pick(sizes);
    const write = dice.pick([
      () => bytes.writeUInt32LE(size, at),
      () => bytes.writeUInt32BE(size, at),
      () => bytes.writeBigUInt64LE(BigInt(size) << 32n, at),
    ]);
    write();
    return bytes;
  },
  function cutEnd(bytes, dice) {
    return bytes.subarray(0, dice.below(bytes.length));
  },
  function cutOut(bytes, dice) {
    const [from, to] = range(bytes, dice);
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
  },
  function insert(bytes, dice) {
    const at = dice.below(bytes.length);
    const added = dice.bytes(dice.between(1, 64));
    return Buffer.concat([bytes.subarray(0, at), added, bytes.subarray(at)]);
  },
  function double(bytes, dice) {
    const [from, to] = range(bytes, dice);
    return Buffer.concat([bytes.subarray(0, to), bytes.subarray(from)]);
  },
  function overwrite(bytes, dice) {
    const [from, to] = range(bytes, dice);
    bytes.copyWithin(dice.below(bytes.length), from, to);
    return bytes;
  },
  function blank(bytes, dice) {
    const [from, to] = range(bytes, dice);
    return bytes.fill(dice.pick([0, 0xff, 0x41]), from, to);
  },
  function splice(bytes, dice, other) {
    const from = dice.below(other.length);
    return Buffer.concat([bytes.subarray(0, dice.below(bytes.length)), other.subarray(from)]);
  },
];

/** A range, often short, sometimes long. */
function range(bytes: Uint8Array, dice: Dice): [from: number, to: number] {
  const from = dice.below(bytes.length);
  const most = dice.chance(0.7) ? 64 : bytes.length;
  return [from, Math.min(bytes.length, from + dice.between(1, most))];
}

/**
 * A copy with one to three kinds of damage, half of the time near the front, where headers are.
 * @param other bytes of another file, of which a part may follow
 */
export function damaged(bytes: Uint8Array, dice: Dice, other: Uint8Array = bytes): Uint8Array {
  let result = Buffer.from(bytes);
  for (let count = dice.between(1, 3); count > 0 && result.length > 0; count--) {
    const head = dice.chance(0.5) ? Math.min(result.length, 4096) : result.length;
    const front = Buffer.from(result.subarray(0, head));
    const changed = dice.pick(damages)(front, dice, other);
    // Bytes that were cut from the front alone are rare in life, but read as another format.
    result = Buffer.concat([changed, result.subarray(head)]);
  }
  return result;
}

const words: readonly string[] = [
  '',
  ' ',
  '\t',
  '0',
  '-0',
  '-1',
  '1e999',
  '-1e999',
  'NaN',
  '.inf',
  '.nan',
  'inf',
  '0x7fffffffffffffff',
  '9007199254740993',
  '99999999999999999999999999',
  'null',
  'true',
  '~',
  '[]',
  '{}',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  '=1+1',
  '@SUM(A1)',
  '../../../../etc/passwd',
  '/etc/passwd',
  'C:\\Windows\\win.ini',
  'file:///etc/passwd',
  'http://127.0.0.1:1/',
  '\u0000',
  '\u001b[2J\u001b[31m',
  '\u202e',
  '\ufeff',
  '\ufffe',
  '\u{10ffff}',
  '😀',
  'é',
  'e\u0301',
  '$(id)`id`',
  '{{7*7}}',
  "' OR 1=1 --",
  '<script>alert(1)</script>',
  '%s%n%d',
  '%00',
  '\r\n',
  '\n',
  '"',
  "'",
  '\\',
  '*',
  '**/*',
  '{a,b}'.repeat(12),
  '!(x)',
  '(a+)+$',
  'a'.repeat(5000),
  '🙂'.repeat(300),
];

/** A word that some reader somewhere took for more than a word. */
export function hostileWord(dice: Dice): string {
  const word = dice.pick(words);
  return dice.chance(0.15) ? word + dice.pick(words) : word;
}

const tokens = /[A-Za-z0-9_.+-]+/g;

/** A text with some of its words exchanged, lines doubled, dropped or swapped, and signs put in. */
export function damagedText(text: string, dice: Dice): string {
  let result = text;
  for (let count = dice.between(1, 4); count > 0; count--) {
    result = dice.pick(textDamages)(result, dice);
  }
  return result;
}

const textDamages: readonly ((text: string, dice: Dice) => string)[] = [
  exchangeWord,
  exchangeWord,
  exchangeWord,
  (text, dice) => {
    const at = dice.below(text.length + 1);
    return text.slice(0, at) + hostileWord(dice) + text.slice(at);
  },
  (text, dice) => {
    const at = dice.below(text.length);
    return text.slice(0, at) + text.slice(at + dice.between(1, 12));
  },
  (text, dice) => {
    const lines = text.split('\n');
    const line = dice.below(lines.length);
    lines.splice(dice.below(lines.length), dice.chance(0.5) ? 1 : 0, lines[line]);
    return lines.join('\n');
  },
  (text, dice) => text.slice(0, dice.below(text.length)),
  (text, dice) => text.replaceAll('\n', dice.pick(['\r\n', '\r', '\n\n', '\u2028'])),
];

function exchangeWord(text: string, dice: Dice): string {
  const found = [...text.matchAll(tokens)];
  if (found.length === 0) return text + hostileWord(dice);
  const { index, 0: word } = dice.pick(found);
  const other = dice.chance(0.5) ? hostileWord(dice) : dice.pick(found)[0];
  return text.slice(0, index) + other + text.slice(index + word.length);
}

/** The text as bytes, now and then in no encoding at all. */
export function encoded(text: string, dice: Dice): Uint8Array {
  if (dice.chance(0.05)) return Buffer.from(text, 'utf16le');
  const bytes = Buffer.from(text, 'utf8');
  return dice.chance(0.1) ? damaged(bytes, dice) : bytes;
}
