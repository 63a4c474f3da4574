import { createRequire } from 'node:module';
import type { ErrorObject, ValidateFunction } from 'ajv';
import type { Ajv2020 } from 'ajv/dist/2020.js';
import { type Document, isMap, LineCounter } from 'yaml';
import { didYouMean } from '../../errors/closest-names.js';
import type { ErrorCode } from '../../errors/codes.js';
import { VentralError } from '../../errors/ventral-error.js';
import { parseLimitedYaml, repeatedKey, YamlLimitError } from './limited-yaml.js';
import { preparedValidator, preparedValue } from './prepared-checks.js';

/** A YAML (or JSON) document that follows its JSON Schema, and the position of each value. */
export interface CheckedYaml<T> {
  readonly value: T;
  /** `FILE:LINE:COLUMN` of the value at a JSON pointer (of its nearest ancestor that is there). */
  place(pointer: string): string;
  /** It ships, and the build has checked it. */
  readonly prepared: boolean;
}

export interface YamlCheck {
  /** The file as the user named it. */
  readonly file: string;
  /** JSON Schema, draft 2020-12. */
  readonly schema: object;
  /** Code of the error that is thrown. */
  readonly code: ErrorCode;
}

const compiled = new WeakMap<object, ValidateFunction>();
const require = createRequire(import.meta.url);

/**
 * Compiles a schema.
 * @param code keeps the code, for a file of it
 */
export function compileSchema(
  schema: object,
  code = false,
): { readonly ajv: Ajv2020; readonly validate: ValidateFunction } {
  // Most processes need no schema but those that the build has compiled.
  const library = require('ajv/dist/2020.js') as typeof import('ajv/dist/2020.js');
  const ajv = new library.Ajv2020({
    allErrors: true,
    verbose: true,
    allowUnionTypes: true,
    strict: true,
    ...(code ? { code: { source: true } } : {}),
  });
  return { ajv, validate: ajv.compile(schema) };
}

function validator(schema: object): ValidateFunction {
  const found = compiled.get(schema) ?? preparedValidator(schema) ?? compileSchema(schema).validate;
  compiled.set(schema, found);
  return found;
}

/**
 * Parses YAML and checks it against a JSON Schema. All problems are reported at once, each with line
 * and column, what was expected and what was found; an unknown key comes with its closest neighbour.
 * @throws VentralError of `check.code`
 */
export function readCheckedYaml<T>(text: string, check: YamlCheck): CheckedYaml<T> {
  if (text.includes('\0'))
    throw new VentralError(check.code, `${check.file}: expected YAML, found binary data`, {
      file: check.file,
      expected: 'YAML',
      found: 'binary data',
    });
  const prepared = preparedValue(text, check.schema);
  if (prepared === undefined) return checkText<T>(text, check);
  let checked: CheckedYaml<T> | undefined;
  const place = (pointer: string) => {
    checked ??= checkText<T>(text, check);
    return checked.place(pointer);
  };
  return { value: prepared as T, place, prepared: true };
}

function checkText<T>(text: string, check: YamlCheck): CheckedYaml<T> {
  const lines = new LineCounter();
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${check.file}:${line}:${col}`;
  };
  const document = limited(text, { lines, at, check });
  const broken = document.errors[0];
  if (broken) {
    // The library's words may quote as much of the text as there is.
    const words = clipped(broken.message, MOST_MESSAGE);
    throw new VentralError(check.code, `${at(broken.pos[0])} ${words}`, { file: check.file });
  }
  const repeated = repeatedKey(document);
  if (repeated) {
    throw new VentralError(check.code, `${at(repeated.range?.[0] ?? 0)} Map keys must be unique`, {
      file: check.file,
    });
  }
  const place = (pointer: string) => {
    const path = pointer
      .split('/')
      .slice(1)
      .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
    for (let depth = path.length; depth > 0; depth--) {
      const offset = offsetOf(document, path.slice(0, depth));
      if (offset !== undefined) return at(offset);
    }
    return at(document.contents?.range?.[0] ?? 0);
  };
  const value = parsed(document, check);
  const validate = validator(check.schema);
  if (hasMethodKey(value)) {
    const sentence = `${check.file}: a key is called valueOf or toString, which no such file has`;
    throw new VentralError(check.code, sentence, { file: check.file });
  }
  if (!validate(value)) throw refusal(validate.errors ?? [], place, check);
  return { value: value as T, place, prepared: false };
}

function limited(
  text: string,
  how: {
    readonly lines: LineCounter;
    readonly at: (offset: number) => string;
    readonly check: YamlCheck;
  },
): Document.Parsed {
  try {
    return parseLimitedYaml(text, how.lines);
  } catch (thrown) {
    if (!(thrown instanceof YamlLimitError)) throw thrown;
    const { code, file } = how.check;
    throw new VentralError(code, `${how.at(thrown.at)} ${thrown.message}`, { file });
  }
}

function parsed(document: Document.Parsed, check: YamlCheck): unknown {
  try {
    return document.toJS({ maxAliasCount: MOST_ALIASES });
  } catch (cause) {
    const words = clipped((cause as Error).message, MOST_MESSAGE);
    throw new VentralError(check.code, `${check.file}: ${words}`, { file: check.file, cause });
  }
}

/** The position of a key in the text: the key itself, so that an editor jumps to its line. */
function offsetOf(document: Document.Parsed, path: readonly string[]): number | undefined {
  const last = path[path.length - 1];
  const parent = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  if (isMap(parent)) {
    const pair = parent.items.find(
      (item) => String((item.key as { value?: unknown })?.value ?? item.key) === last,
    );
    return (pair?.key as { range?: [number, number, number] } | undefined)?.range?.[0];
  }
  const node = document.getIn(path, true) as { range?: [number, number, number] } | undefined;
  return node?.range?.[0];
}

/** Whether an object has a key that hides a method: the validator calls these where it compares two items. */
function hasMethodKey(value: unknown, seen = new Set<object>()): boolean {
  // An alias may lead to what it is in.
  if (typeof value !== 'object' || value === null || seen.has(value)) return false;
  seen.add(value);
  return (
    ['valueOf', 'toString'].some((key) => Object.hasOwn(value, key)) ||
    Object.values(value).some((each) => hasMethodKey(each, seen))
  );
}

const MOST_SENTENCES = 8;
/** Characters of a message of the library, of a path, and of a key in a sentence. */
const MOST_MESSAGE = 500;
const MOST_PROBLEMS = 20;
/** What aliases may repeat, as the library counts it. */
const MOST_ALIASES = 100;
const MOST_KEY = 200;

const clipped = (text: string, most: number) =>
  text.length > most ? `${text.slice(0, most - 3)}...` : text;

function refusal(
  errors: readonly ErrorObject[],
  place: (pointer: string) => string,
  check: YamlCheck,
): VentralError {
  const chosen = usefulOf(errors);
  const sentences = new Set<string>();
  for (const error of chosen) {
    if (sentences.size === MOST_SENTENCES) break;
    sentences.add(`${place(pointerOf(error))} ${sentence(error)}`);
  }
  const first = chosen[0];
  return new VentralError(check.code, [...sentences].join('; '), {
    file: check.file,
    ...(first ? { field: pointerOf(first) } : {}),
  });
}

/** An alternative that does not fit says so of each branch; the deepest words are the useful ones. */
function usefulOf(errors: readonly ErrorObject[]): readonly ErrorObject[] {
  const useful = errors.filter((error) => !['if', 'oneOf', 'anyOf', 'not'].includes(error.keyword));
  return useful.length > 0 ? useful : errors;
}

/** One thing about a value that its JSON Schema (draft 2020-12) does not allow. */
export interface SchemaProblem {
  /** JSON pointer. */
  readonly pointer: string;
  readonly sentence: string;
}

/**
 * What a schema does not allow about a value: the same words as of a file; none if it fits.
 * @param most problems that are reported; a document can be wrong in a hundred thousand places
 */
export function schemaProblems(
  value: unknown,
  schema: object,
  most = MOST_PROBLEMS,
): SchemaProblem[] {
  const validate = validator(schema);
  if (validate(value)) return [];
  return usefulOf(validate.errors ?? [])
    .slice(0, most)
    .map((error) => ({
      pointer: clipped(pointerOf(error), MOST_MESSAGE),
      sentence: sentence(error),
    }));
}

/** The same of YAML text; none also where the text is no document at all. */
export function yamlProblems(text: string, schema: object): SchemaProblem[] {
  try {
    const document = parseLimitedYaml(text);
    if (document.errors.length > 0 || repeatedKey(document)) return [];
    return schemaProblems(document.toJS({ maxAliasCount: MOST_ALIASES }), schema);
  } catch {
    return [];
  }
}

function pointerOf(error: ErrorObject): string {
  const key = error.params.additionalProperty ?? error.params.unevaluatedProperty;
  return key === undefined
    ? error.instancePath
    : `${error.instancePath}/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

function sentence(error: ErrorObject): string {
  const path = clipped(error.instancePath, MOST_MESSAGE);
  const where = path.slice(1).replaceAll('/', '.') || 'the document';
  const key = error.params.additionalProperty ?? error.params.unevaluatedProperty;
  if (key !== undefined) {
    const known = Object.keys(
      (error.parentSchema as { properties?: object } | undefined)?.properties ?? {},
    );
    return `${error.instancePath ? `${where} has` : 'there is'} no key "${clipped(String(key), MOST_KEY)}"${didYouMean(String(key), known) || `; known keys are ${known.join(', ')}`}`;
  }
  if (error.keyword === 'required') return `${where} lacks "${error.params.missingProperty}"`;
  if (error.keyword === 'enum') {
    return `${where}: expected one of ${(error.params.allowedValues as unknown[]).join(', ')}, found ${shown(error.data)}`;
  }
  if (error.keyword === 'const')
    return `${where}: expected ${shown(error.params.allowedValue)}, found ${shown(error.data)}`;
  if (error.keyword === 'type')
    return `${where}: expected ${[error.params.type].flat().join(' or ')}, found ${shown(error.data)}`;
  return `${where}: ${error.message ?? error.keyword}, found ${shown(error.data)}`;
}

const MOST_SHOWN = 60;

/** The beginning of a value as JSON. Each part takes a character at least, so that no more of them are looked at. */
function shown(value: unknown): string {
  let left = MOST_SHOWN;
  const begin = (_key: string, part: unknown): unknown => {
    if (--left < 0) return 0;
    if (typeof part === 'string') return part.slice(0, MOST_SHOWN);
    if (Array.isArray(part)) return part.slice(0, MOST_SHOWN);
    if (typeof part !== 'object' || part === null) return part;
    return Object.fromEntries(firstEntries(part));
  };
  return clipped(JSON.stringify(value, begin) ?? 'nothing', MOST_SHOWN);
}

function firstEntries(of: object): [string, unknown][] {
  const entries: [string, unknown][] = [];
  for (const key in of) {
    if (entries.push([key.slice(0, MOST_SHOWN), (of as Record<string, unknown>)[key]]) > MOST_SHOWN)
      break;
  }
  return entries;
}
