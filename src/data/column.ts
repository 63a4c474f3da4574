import { quoted } from '../errors/quoted.js';
import { VentralError } from '../errors/ventral-error.js';
import type { Id } from './ids.js';

/** Type of a column, as pandas.read_csv infers it from the cells. */
export type ColumnDtype = 'int64' | 'float64' | 'bool' | 'string';

/** A named column; a missing value is NaN in a float64 column and null in a string column. */
export interface Column {
  readonly name: string;
  readonly dtype: ColumnDtype;
  readonly values: readonly (string | number | boolean | null)[];
}

/** Cells that pandas.read_csv takes for missing. */
const missing = new Set([
  '',
  '#N/A',
  '#N/A N/A',
  '#NA',
  '-1.#IND',
  '-1.#QNAN',
  '-NaN',
  '-nan',
  '1.#IND',
  '1.#QNAN',
  '<NA>',
  'N/A',
  'NA',
  'NULL',
  'NaN',
  'None',
  'n/a',
  'nan',
  'null',
]);

const integer = /^\s*[+-]?\d+\s*$/;
const decimal = /^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$/;
const infinite = /^\s*([+-]?)inf(inity)?\s*$/i;
const truth: Readonly<Record<string, boolean>> = {
  True: true,
  TRUE: true,
  true: true,
  False: false,
  FALSE: false,
  false: false,
};

/**
 * A column from the cells of a CSV file with the dtype that pandas.read_csv infers (spec §6.1):
 * integers, else numbers with empty cells as NaN, else booleans, else text with missing cells as
 * null. Integers beyond 2⁵³ stay text, so that ids never collide.
 */
export function inferColumn(name: string, cells: readonly string[]): Column {
  const isInteger = (cell: string) => integer.test(cell) && Number.isSafeInteger(Number(cell));
  if (cells.length > 0 && cells.every(isInteger)) {
    return { name, dtype: 'int64', values: cells.map(Number) };
  }
  if (cells.every((cell) => missing.has(cell) || isNumber(cell))) {
    return { name, dtype: 'float64', values: cells.map(pandasNumber) };
  }
  if (cells.every((cell) => Object.hasOwn(truth, cell))) {
    return { name, dtype: 'bool', values: cells.map((cell) => truth[cell]) };
  }
  const values = cells.map((cell) => (missing.has(cell) ? null : cell));
  return { name, dtype: 'string', values };
}

function isNumber(cell: string): boolean {
  if (integer.test(cell)) return Number.isSafeInteger(Number(cell));
  return decimal.test(cell) || infinite.test(cell);
}

/** The number in a CSV cell; NaN if pandas.read_csv takes the cell for missing, or it is no number. */
export function parseNumber(cell: string): number {
  const infinity = infinite.exec(cell);
  if (infinity !== null) return infinity[1] === '-' ? -Infinity : Infinity;
  return missing.has(cell) || !decimal.test(cell) ? Number.NaN : Number(cell);
}

/**
 * The number that pandas.read_csv makes of a cell. Its default parser is not correctly rounded: up
 * to 17 digits are gathered in float64 and scaled by one power of ten, which is often one unit off.
 */
function pandasNumber(cell: string): number {
  const parts = /^\s*([+-]?)(\d*)\.?(\d*)(?:[eE]([+-]?\d+))?\s*$/.exec(cell);
  if (parts === null || missing.has(cell)) return parseNumber(cell);
  const [, sign, whole, fraction, power = '0'] = parts;
  const digits = whole + fraction;
  const kept = Math.min(digits.length, maxDigits);
  let number = 0;
  for (let i = 0; i < kept; i++) number = number * 10 + Number(digits[i]);
  const dropped = Math.max(0, whole.length - maxDigits);
  const decimals = Math.max(0, kept - whole.length);
  const exponent = dropped - decimals + Number(power);
  return (sign === '-' ? -1 : 1) * scaleByTen(number, exponent);
}

const maxDigits = 17;

function scaleByTen(number: number, exponent: number): number {
  if (number === 0) return 0;
  if (exponent > 308) return Number.POSITIVE_INFINITY;
  if (exponent > 0) return number * Number(`1e${exponent}`);
  if (exponent < -308) return number / Number(`1e${-308 - exponent}`) / 1e308;
  return number / Number(`1e${-exponent}`);
}

/** True for a cell that holds a number, or nothing as pandas.read_csv sees it. */
export function isNumberOrMissing(cell: string): boolean {
  return missing.has(cell) || decimal.test(cell) || infinite.test(cell);
}

/**
 * The ids in a column: numbers of an integer column, else text. `file` is what messages call it.
 * @throws VentralError `csv-invalid` for a row without id
 */
export function idsOf(column: Column, file: string): Id[] {
  return column.values.map((value, row) => {
    if (value === null || Number.isNaN(value)) {
      throw new VentralError(
        'csv-invalid',
        `${file}: row ${row + 1} has no ${quoted(column.name)}`,
        {
          file,
          field: `${quoted(column.name)}, row ${row + 1}`,
          expected: 'an id',
          found: 'nothing',
        },
      );
    }
    return column.dtype === 'int64' ? (value as number) : String(value);
  });
}
