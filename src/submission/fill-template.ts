import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../formats/package-root.js';
import { type PythonValue, pythonLiteral } from './python-literal.js';

const folder = join(packageRoot, 'src', 'submission', 'templates');
/**
 * Placeholders in templates. Templates are valid Python: a placeholder is an attribute of `VENTRAL`.
 */
const placeholder = /\bVENTRAL\.(\w+)/g;

/** Values of placeholders, by the name after `VENTRAL.`. */
export type TemplateValues = Readonly<Record<string, PythonValue>>;

/**
 * The text of a template, each `VENTRAL.<name>` replaced by the Python literal of that value. A name that
 * has no value is a fault of ours and throws.
 * @param path below `src/submission/templates`
 */
export async function fillTemplate(path: string, values: TemplateValues = {}): Promise<Buffer> {
  const text = await readFile(join(folder, path), 'utf8');
  const filled = text.replaceAll(placeholder, (_all, name: string) => {
    if (!Object.hasOwn(values, name)) throw new Error(`${path}: VENTRAL.${name} has no value`);
    return pythonLiteral(values[name]);
  });
  return Buffer.from(filled);
}
