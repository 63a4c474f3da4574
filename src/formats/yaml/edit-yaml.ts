import { isDeepStrictEqual } from 'node:util';
import {
  type Document,
  isMap,
  isScalar,
  type Pair,
  parseDocument,
  stringify,
  type YAMLMap,
} from 'yaml';

/** A value to set: text or number, or a record of them. */
export type YamlValue = string | number | { readonly [key: string]: string | number };

/** A value at the end of a path of keys. */
export interface YamlEdit {
  readonly path: readonly string[];
  readonly value: YamlValue;
}

/**
 * Sets values in a YAML text and changes only the lines that it must: comments, order, quotes, indentation and empty
 * lines elsewhere stay. Where that is not possible the text is rewritten, with comments and order kept.
 * @throws Error where a path leads through something that is no map
 */
export function editYaml(text: string, edits: readonly YamlEdit[]): string {
  const document = parseDocument(text);
  for (const { path, value } of edits) {
    document.setIn(path, typeof value === 'object' ? document.createNode({ ...value }) : value);
  }
  let edited: string | undefined = text;
  for (const { path, value } of edits.flatMap(scalars)) {
    edited = edited === undefined ? undefined : setInPlace(edited, path, value);
  }
  return edited !== undefined && says(edited, document)
    ? edited
    : document.toString({ lineWidth: 0 });
}

/** A record is set field by field where the text has it already; see `setInPlace`. */
const scalars = ({
  path,
  value,
}: YamlEdit): { path: readonly string[]; value: string | number }[] =>
  typeof value === 'object'
    ? Object.entries(value).map(([key, one]) => ({ path: [...path, key], value: one }))
    : [{ path, value }];

/** Whether a text has the values of a document. */
function says(text: string, document: Document): boolean {
  const found = parseDocument(text);
  return found.errors.length === 0 && isDeepStrictEqual(found.toJS(), document.toJS());
}

function setInPlace(
  text: string,
  path: readonly string[],
  value: string | number,
): string | undefined {
  let map: unknown = parseDocument(text).contents;
  for (const [i, key] of path.entries()) {
    if (!isMap(map)) return undefined;
    const pair = map.items.find((each) => isScalar(each.key) && each.key.value === key);
    const rest = path.slice(i + 1);
    if (pair === undefined) return inserted(text, map, key, nested(rest, value));
    if (rest.length > 0) map = pair.value;
    else return replaced(text, map, pair, value);
  }
  return undefined;
}

const nested = (keys: readonly string[], value: string | number): unknown =>
  keys.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value);

function replaced(
  text: string,
  map: YAMLMap,
  { value: node }: Pair,
  value: string | number,
): string | undefined {
  if (!isScalar(node) || !node.range || node.anchor || node.tag) return undefined;
  if (node.value === value) return text;
  const [start, end] = node.range;
  const gap = start === end && /\S$/.test(text.slice(0, start)) ? ' ' : '';
  return `${text.slice(0, start)}${gap}${scalarText(value, Boolean(map.flow))}${text.slice(end)}`;
}

function scalarText(value: string | number, flow: boolean): string {
  const plain = stringify(value, { lineWidth: 0 }).trimEnd();
  const safe =
    plain === String(value) && !plain.includes('\n') && !(flow && /[,[\]{}]/.test(plain));
  return safe ? plain : JSON.stringify(value);
}

function inserted(text: string, map: YAMLMap, key: string, value: unknown): string | undefined {
  return map.flow ? insertedFlow(text, map, key, value) : insertedBlock(text, map, key, value);
}

function insertedFlow(text: string, map: YAMLMap, key: string, value: unknown): string | undefined {
  if (!map.range) return undefined;
  const [start, end] = map.range;
  if (text.slice(start, end).includes('#')) return undefined;
  const inside = text.slice(start, end - 1).trimEnd();
  const comma = /[{,]$/.test(inside) ? '' : ',';
  const word =
    typeof value === 'object' ? JSON.stringify(value) : scalarText(value as string, true);
  const entry = `${key}: ${word}`;
  return `${text.slice(0, start)}${inside}${comma} ${entry} ${text.slice(end - 1)}`;
}

function insertedBlock(
  text: string,
  { items }: YAMLMap,
  key: string,
  value: unknown,
): string | undefined {
  const rangeOf = (node: unknown) => (node as { range?: readonly number[] } | null)?.range;
  const first = rangeOf(items[0]?.key);
  const last = items.at(-1);
  const after = rangeOf(last?.value) ?? rangeOf(last?.key);
  if (first === undefined || after === undefined) return undefined;
  const indent = text.slice(text.lastIndexOf('\n', first[0] - 1) + 1, first[0]);
  if (indent.trim() !== '') return undefined;
  const lineEnd = text.indexOf('\n', after[1]);
  const at = text[after[1] - 1] === '\n' ? after[1] : lineEnd < 0 ? text.length : lineEnd + 1;
  const lines = stringify({ [key]: value }, { lineWidth: 0 })
    .trimEnd()
    .split('\n');
  const end = text.includes('\r\n') ? '\r\n' : '\n';
  const entry = lines.map((line) => `${indent}${line}${end}`).join('');
  const before = text.slice(0, at);
  return `${before}${before.endsWith('\n') ? '' : end}${entry}${text.slice(at)}`;
}
