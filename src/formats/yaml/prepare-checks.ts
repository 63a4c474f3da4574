import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import standaloneCode from 'ajv/dist/standalone/index.js';
import { compileSchema, readCheckedYaml } from './checked-yaml.js';
import { CHECKED_VALUES, checkedName, preparedChecks, schemaName } from './prepared-checks.js';

/** A schema, and the YAML files of the package that follow it. */
export interface Checked {
  /** JSON Schema, draft 2020-12. */
  readonly schema: object;
  readonly files: readonly string[];
}

/**
 * Writes validators and values for {@link preparedChecks}: what `npm run build` calls.
 * @throws VentralError where a file does not follow its schema
 */
export async function prepareChecks(all: readonly Checked[]): Promise<void> {
  const values: Record<string, string> = {};
  const written = [CHECKED_VALUES];
  await mkdir(preparedChecks, { recursive: true });
  // What an earlier build made is not to be taken for what this one checks.
  await rm(join(preparedChecks, CHECKED_VALUES), { force: true });
  for (const { schema, files } of all) {
    for (const file of files) {
      const text = await readFile(file, 'utf8');
      const { value } = readCheckedYaml(text, { file, schema, code: 'benchmark-invalid' });
      const json = JSON.stringify(value);
      // YAML has numbers and dates that JSON has not.
      if (isDeepStrictEqual(JSON.parse(json), value)) values[checkedName(text, schema)] = json;
    }
    const { ajv, validate } = compileSchema(schema, true);
    const name = `${schemaName(schema)}.cjs`;
    await put(join(preparedChecks, name), standaloneCode.default(ajv, validate));
    written.push(name);
  }
  await put(join(preparedChecks, CHECKED_VALUES), JSON.stringify(values));
  for (const name of await readdir(preparedChecks))
    if (!written.includes(name)) await rm(join(preparedChecks, name));
}

/** Whole or not at all: another process may read it. */
async function put(path: string, text: string): Promise<void> {
  const own = `${path}.${randomUUID()}`;
  await writeFile(own, text);
  await rename(own, path);
}
