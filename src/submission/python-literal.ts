/** What a template of Python can be given. */
export type PythonValue =
  | null
  | boolean
  | number
  | string
  | readonly PythonValue[]
  | { readonly [key: string]: PythonValue };

/** Longest literal on one line. */
const LINE = 88;

/**
 * A value as a literal of Python, which `ast.literal_eval` reads as the same value. Text is ASCII, with
 * everything else escaped, so that no name can end its own quotes, its line or the file's encoding.
 * @throws RangeError for numbers that are not finite
 * @param indent spaces before the line that the literal starts on
 */
export function pythonLiteral(value: PythonValue, indent = 0): string {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'number') return numberLiteral(value);
  if (typeof value === 'string') return stringLiteral(value);
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  const inner = indent + 4;
  const items = Array.isArray(value)
    ? value.map((item: PythonValue) => pythonLiteral(item, inner))
    : Object.entries(value).map(
        ([key, item]) => `${stringLiteral(key)}: ${pythonLiteral(item, inner)}`,
      );
  const line = `${open}${items.join(', ')}${close}`;
  if (line.length + indent <= LINE || items.length === 0) return line;
  const pad = ' '.repeat(inner);
  return `${open}\n${items.map((item) => `${pad}${item},\n`).join('')}${' '.repeat(indent)}${close}`;
}

function numberLiteral(value: number): string {
  if (!Number.isFinite(value)) throw new RangeError(`${value} is not a Python number literal`);
  return Object.is(value, -0) ? '-0.0' : String(value);
}

const escapes: Readonly<Record<string, string>> = { "'": "\\'", '\\': '\\\\', '\n': '\\n' };

function stringLiteral(text: string): string {
  let literal = '';
  for (const character of text) {
    const code = character.codePointAt(0) as number;
    if (escapes[character] !== undefined) literal += escapes[character];
    else if (code >= 0x20 && code < 0x7f) literal += character;
    else if (code <= 0xff) literal += `\\x${code.toString(16).padStart(2, '0')}`;
    else if (code <= 0xffff) literal += `\\u${code.toString(16).padStart(4, '0')}`;
    else literal += `\\U${code.toString(16).padStart(8, '0')}`;
  }
  return `'${literal}'`;
}
