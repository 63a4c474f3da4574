import { extname } from 'node:path';
import { quoted, quotedList } from '../errors/quoted.js';
import { VentralError } from '../errors/ventral-error.js';
import { readCsv } from '../formats/csv.js';
import { readAssembly } from './assembly.js';
import { inferColumn } from './column.js';

/**
 * The values of a property by recorded neuron, NaN where a neuron has none: a column of a CSV, or of a BrainIO assembly
 * neuroid × neuronal_property. Throws `recordings-invalid`, `csv-invalid`, `netcdf-invalid`, `file-missing`.
 */
export async function readPropertyValues(path: string, property: string): Promise<Float64Array> {
  const isCsv = extname(path).toLowerCase() === '.csv';
  const values = await (isCsv ? fromTable(path, property) : fromAssembly(path, property));
  if (values.some((value) => !Number.isNaN(value))) return values;
  throw refusal(path, property, 'a value of some neuron', 'none');
}

async function fromTable(path: string, property: string): Promise<Float64Array> {
  const { header, rows } = await readCsv(path);
  const at = header.indexOf(property);
  if (at < 0) throw refusal(path, property, `a column ${property}`, quotedList(header));
  const { dtype, values } = inferColumn(
    property,
    rows.map((row) => row[at]),
  );
  if (dtype !== 'string')
    return Float64Array.from(values, (value) => (value === null ? Number.NaN : Number(value)));
  const text = values.find((value) => value !== null);
  if (text === undefined) return new Float64Array(rows.length).fill(Number.NaN);
  throw refusal(path, property, 'numbers', quoted(text));
}

async function fromAssembly(path: string, property: string): Promise<Float64Array> {
  const { dims, shape, values, coords } = await readAssembly(path);
  const [neurons, properties] = ['neuroid', 'neuronal_property'].map((dim) => dims.indexOf(dim));
  if (dims.length !== 2 || neurons < 0 || properties < 0)
    throw refusal(path, 'dimensions', 'neuroid × neuronal_property', quotedList(dims));
  const names = coords.get('neuronal_property')?.values ?? [];
  const column = names.indexOf(property);
  if (column < 0)
    throw refusal(path, property, `a neuronal_property ${property}`, quotedList(names.map(String)));
  if (Array.isArray(values)) throw refusal(path, property, 'numbers', 'text');
  const stride = neurons === 0 ? shape[1] : 1;
  const first = neurons === 0 ? column : column * shape[1];
  return Float64Array.from({ length: shape[neurons] }, (_, i) =>
    Number(values[first + i * stride]),
  );
}

function refusal(file: string, field: string, expected: string, found: string): VentralError {
  return new VentralError(
    'recordings-invalid',
    `${file} ${field}: ${expected} expected, ${found} found`,
    { file, field, expected, found },
  );
}
