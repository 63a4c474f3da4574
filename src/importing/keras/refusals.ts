import { VentralError } from '../../errors/ventral-error.js';
import { printable } from '../source/printable.js';

/** The longest part of a file's own words that a message repeats. */
const LONGEST = 80;

/** A value as a message shows it. */
export function valueText(value: unknown): string {
  const text = printable((typeof value === 'string' ? value : JSON.stringify(value)) ?? 'nothing');
  return text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text;
}

/** A part of a file that is not as its format has it: `checkpoint-invalid`. */
export function invalidPart(
  file: string,
  field: string,
  expected: string,
  found: unknown,
): VentralError {
  const part = { field: valueText(field), expected, found: valueText(found) };
  return new VentralError(
    'checkpoint-invalid',
    `${file}: ${part.field} should be ${expected}, found ${part.found}`,
    { file, ...part },
  );
}

/** A layer or operator that is not translated: `import-unsupported`, with its name and class. */
export function unsupportedLayer(
  file: string,
  layer: string,
  className: string,
  why = 'which the import does not know',
): VentralError {
  const found = { field: valueText(layer), found: valueText(className) };
  return new VentralError(
    'import-unsupported',
    `${file}: layer ${found.field} is of class ${found.found}, ${printable(why)}`,
    { file, ...found },
  );
}
