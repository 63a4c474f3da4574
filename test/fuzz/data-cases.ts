import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeNpy } from '../../src/formats/npy.js';
import { ORACLE } from '../oracle.js';
import { damaged, damagedText, encoded, hostileWord } from './damage.js';
import type { Dice } from './dice.js';
import { type ZipPart, zipCase, zipOf } from './zip-cases.js';

/** Arrays, tables and netCDF files that are wrong somewhere. */

const brainio = join(ORACLE, '08-brainio');
const netcdfs: readonly Uint8Array[] = readdirSync(brainio)
  .filter((name) => name.endsWith('.nc'))
  .sort()
  .map((name) => readFileSync(join(brainio, name)));

/** A netCDF-4 file, most of the damage where its structure is. */
export function netcdfCase(dice: Dice, seed: Uint8Array = dice.pick(netcdfs)): Uint8Array {
  return damaged(seed, dice, dice.pick(netcdfs));
}

const descriptions = [
  '<f4',
  '>f8',
  '<f2',
  '|b1',
  '<i8',
  '>u2',
  '<U5',
  '>U3',
  '|S4',
  '|S0',
  '<U0',
  '|O',
  '<c16',
  '<M8[ns]',
  '|V8',
  '<f99999999999999999999',
  '<U99999999999',
];
const shapes = [
  '()',
  '(0,)',
  '(3,)',
  '(2, 3)',
  '(1, 1, 1, 6)',
  '(-1,)',
  '(0, 99999999999)',
  '(4294967296, 4294967296)',
  '(99999999999999999999,)',
  '(1e3,)',
  '(3L,)',
  `(${'1, '.repeat(40)})`,
  '(,)',
  '3',
];

/** An npy file whose header does not tell what follows it, or only just. */
export function npyCase(dice: Dice): Uint8Array {
  if (dice.chance(0.4)) return damaged(writeNpy(someArray(dice)), dice);
  const header = `{'descr': '${dice.pick(descriptions)}', 'fortran_order': ${dice.pick(['True', 'False'])}, 'shape': ${dice.pick(shapes)}, }`;
  const text = dice.chance(0.3) ? damagedText(header, dice) : header;
  const version = dice.pick([1, 1, 2, 3, 0, 255]);
  const content = Buffer.from(`${text}\n`, 'utf8').subarray(0, 0xffff);
  const said = dice.chance(0.9) ? content.length : dice.pick([0, 1, 0xffff]);
  const length = Buffer.alloc(version === 1 ? 2 : 4);
  if (version === 1) length.writeUInt16LE(said);
  else length.writeUInt32LE(dice.chance(0.95) ? said : 0xffffffff);
  const magic = Buffer.from(`\x93NUMPY${String.fromCharCode(version)}\0`, 'latin1');
  return Buffer.concat([magic, length, content, dice.bytes(dice.pick([0, 3, 6, 12, 24, 48, 60]))]);
}

function someArray(dice: Dice) {
  const [rows, cols] = [dice.below(5), dice.between(1, 4)];
  const values = Float64Array.from({ length: rows * cols }, () => dice.below(100) / 7);
  const texts = Array.from({ length: rows * cols }, (_, i) => `stimulus_${i}`);
  return dice.pick([
    { dtype: 'float64' as const, shape: [rows, cols], data: values },
    { dtype: 'float32' as const, shape: [rows * cols], data: Float32Array.from(values) },
    { dtype: 'string' as const, shape: [rows, cols], data: texts },
  ]);
}

/** Features over these stimuli as npz, something in it damaged. */
export function npzCase(ids: readonly string[], dice: Dice): Uint8Array {
  const cols = dice.pick([1, 3, 40]);
  const data = Float64Array.from({ length: ids.length * cols }, () => dice.below(1000) / 31);
  if (dice.chance(0.2))
    data[dice.below(data.length)] = dice.pick([Number.NaN, 1e308, -0, Number.POSITIVE_INFINITY]);
  const parts: ZipPart[] = [
    {
      name: 'stimulus_id.npy',
      data: writeNpy({ dtype: 'string', shape: [ids.length], data: ids }),
    },
    { name: 'features.npy', data: writeNpy({ dtype: 'float64', shape: [ids.length, cols], data }) },
  ];
  if (dice.chance(0.3)) {
    const said = JSON.stringify({ model: 'sha256:0', name: 'm', card: {}, degrees: null });
    const text = dice.chance(0.5) ? said : damagedText(said, dice);
    const array = writeNpy({ dtype: 'string', shape: [], data: [text] });
    parts.push({ name: 'ventral_provenance.npy', data: array });
  }
  if (dice.chance(0.6)) {
    const at = dice.below(parts.length);
    const array = dice.chance(0.5) ? npyCase(dice) : damaged(parts[at].data, dice);
    parts[at] = { name: parts[at].name, data: array };
    return zipOf(parts, dice.chance(0.5));
  }
  return zipCase(parts, dice);
}

/** Features as CSV. */
export function featureTable(
  ids: readonly string[],
  dice: Dice,
  cols = dice.pick([1, 3, 40]),
): string {
  const header = ['stimulus_id', ...Array.from({ length: cols }, (_, k) => `u${k}`)].join(',');
  const row = () => Array.from({ length: cols }, () => dice.below(1000) / 31).join(',');
  return [header, ...ids.map((id) => `${id},${row()}`), ''].join('\n');
}

/** A CSV file that is ragged, wrongly quoted, in no encoding, or holds what is no number. */
export function csvCase(text: string, dice: Dice): Uint8Array {
  if (dice.chance(0.4)) return encoded(damagedText(text, dice), dice);
  return encoded(dice.pick(tableDamages)(text, dice), dice);
}

const tableDamages: readonly ((text: string, dice: Dice) => string)[] = [
  (text) => `\ufeff${text}`,
  (text, dice) => text.replaceAll(',', dice.pick([';', '\t', ',,', ' , '])),
  (text, dice) => text + '"'.repeat(dice.pick([1, 3, 10_001])),
  (text, dice) => text.replace('\n', `,${hostileWord(dice)}\n`),
  (text, dice) => cell(text, dice, () => hostileWord(dice)),
  (text, dice) => cell(text, dice, (word) => `"${word}`),
  (text, dice) => cell(text, dice, (word) => `"${word}""\n"`),
  (text, dice) => cell(text, dice, () => 'x'.repeat(dice.pick([10, 70_000, 2_000_000]))),
  (text, dice) => text.split('\n').slice(0, dice.below(3)).join('\n'),
  (text, dice) => {
    const [header, ...rows] = text.split('\n');
    const names = header.split(',');
    return [
      dice.pick([names.reverse(), [...names, names[0]], names.slice(1)]).join(','),
      ...rows,
    ].join('\n');
  },
  (_text, dice) => dice.pick(['', '\n', ',', ',,,\n', '\0', '\r\r\r', `${'a,'.repeat(50_000)}\n`]),
];

function cell(text: string, dice: Dice, change: (word: string) => string): string {
  const lines = text.split('\n');
  const line = dice.below(lines.length);
  const cells = lines[line].split(',');
  const at = dice.below(cells.length);
  cells[at] = change(cells[at]);
  lines[line] = cells.join(',');
  return lines.join('\n');
}
