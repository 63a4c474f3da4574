import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { ValidateFunction } from 'ajv';
import { packageRoot } from '../package-root.js';

/**
 * What the build has worked out of the files that ship, because each start of a process would otherwise spend half a second on
 * it: validators of JSON Schemas as code, and the values of checked YAML. Both are found by digests of what they were made
 * from, so that a file that has changed since is read as any other.
 */
export const preparedChecks: string = join(packageRoot, 'dist', 'checks');
/** Values of checked texts as JSON, by {@link checkedName}. */
export const CHECKED_VALUES = 'values.json';

const digestOf = (text: string) => createHash('sha256').update(text).digest('hex');
const names = new WeakMap<object, string>();

/** The name of a schema: a digest of it. */
export function schemaName(schema: object): string {
  const name = names.get(schema) ?? digestOf(JSON.stringify(schema));
  names.set(schema, name);
  return name;
}

/** The name of a text that a schema was checked on. */
export const checkedName = (text: string, schema: object): string =>
  digestOf(`${schemaName(schema)}\n${text}`);

const require = createRequire(import.meta.url);

/** The validator that the build made of a schema; undefined where it made none, or the file is damaged. */
export function preparedValidator(schema: object): ValidateFunction | undefined {
  const path = join(preparedChecks, `${schemaName(schema)}.cjs`);
  return orNone(path, () => require(path) as ValidateFunction);
}

let values: ReadonlyMap<string, string> | undefined;

/** The value of a text that ships, which the build has checked against this schema; undefined of any other text. */
export function preparedValue(text: string, schema: object): unknown {
  values ??= new Map(Object.entries(readValues()));
  const found = values.get(checkedName(text, schema));
  return found === undefined ? undefined : JSON.parse(found);
}

function readValues(): Readonly<Record<string, string>> {
  const path = join(preparedChecks, CHECKED_VALUES);
  return orNone(path, () => JSON.parse(readFileSync(path, 'utf8'))) ?? {};
}

/** What a file of the build has: without one, or with a damaged one, the work is done as of any other text. */
function orNone<T>(path: string, read: () => T): T | undefined {
  try {
    return existsSync(path) ? read() : undefined;
  } catch {
    return undefined;
  }
}
