import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Reads golden cases of the original Python (test/fixtures/oracle, see its README) and notes which
 * cases a test has taken in its hands: `oracle-coverage.ts` fails a full run that leaves one untouched.
 */
export const ORACLE = join(import.meta.dirname, 'fixtures', 'oracle');

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** An array as the oracle writes it. */
export interface OracleArray {
  dtype: string;
  shape: number[];
  values?: (number | string | boolean | null)[];
  b64?: string;
}

const isArray = (value: unknown): value is OracleArray =>
  typeof value === 'object' && value !== null && 'dtype' in value && 'shape' in value;

/** The case keys of a golden file: its top-level keys, or their entries where they hold several cases. */
export function caseKeys(content: Json): string[] {
  if (typeof content !== 'object' || content === null) return [];
  return Object.entries(content).flatMap(([key, value]) => {
    const nested = typeof value === 'object' && value !== null && !isArray(value);
    const several = nested && (Array.isArray(value) ? typeof value[0] === 'object' : true);
    if (!several) return [key];
    return Object.keys(value).map((entry) => `${key}/${entry}`);
  });
}

function note(file: string, key: string) {
  const log = process.env.VENTRAL_ORACLE_LOG;
  if (log) appendFileSync(join(log, `${process.pid}.txt`), `${file}#${key}\n`);
}

function watched<T extends object>(value: T, touch: (key: string) => object | undefined): T {
  return new Proxy(value, {
    get(target, key, receiver) {
      const found = Reflect.get(target, key, receiver);
      if (typeof key !== 'string' || !Object.hasOwn(target, key)) return found;
      return touch(key) ?? found;
    },
  });
}

/** The parsed golden file `name` (path below the oracle folder); reading a case marks it as asserted. */
// biome-ignore lint/suspicious/noExplicitAny: golden files have no common type; each test knows its own.
export function oracle(name: string): any {
  const content = JSON.parse(readFileSync(join(ORACLE, name), 'utf8'));
  const nested = new Set(
    caseKeys(content)
      .filter((key) => key.includes('/'))
      .map((key) => key.split('/')[0]),
  );
  return watched(content, (key) => {
    if (!nested.has(key)) return void note(name, key);
    return watched(content[key], (entry) => void note(name, `${key}/${entry}`));
  });
}

/** Path of a golden file that is no JSON; marks it as asserted. */
export function oraclePath(name: string): string {
  note(name, '');
  return join(ORACLE, name);
}

/** The numbers of an oracle array, flat and row-major; "NaN" and "Infinity" become numbers. */
export function numbers(entry: OracleArray): Float64Array {
  if (entry.values) return Float64Array.from(entry.values as (number | string)[], Number);
  const bytes = Uint8Array.from(Buffer.from(entry.b64 ?? '', 'base64')).buffer;
  const types = {
    float64: Float64Array,
    float32: Float32Array,
    int32: Int32Array,
    uint32: Uint32Array,
    int16: Int16Array,
    uint16: Uint16Array,
    int8: Int8Array,
    uint8: Uint8Array,
  };
  if (entry.dtype === 'int64') return Float64Array.from(new BigInt64Array(bytes), Number);
  const type = types[entry.dtype as keyof typeof types];
  if (!type) throw new Error(`no decoder for ${entry.dtype}`);
  return Float64Array.from(new type(bytes));
}
