import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js';
import { isMap, isScalar, LineCounter, parseDocument, visit } from 'yaml';
import { didYouMean } from '../errors/closest-names.js';
import type { ErrorCode } from '../errors/codes.js';
import { VentralError } from '../errors/ventral-error.js';

/** A YAML (or JSON) document that follows its JSON Schema, and where each of its values stands. */
export interface CheckedYaml<T> {
  readonly value: T;
  /** `FILE:LINE:COLUMN` of the value at a JSON pointer (of its nearest ancestor that is there). */
  place(pointer: string): string;
}

export interface YamlCheck {
  /** The file as the user named it. */
  readonly file: string;
  /** JSON Schema, draft 2020-12. */
  readonly schema: object;
  /** Code of the error that is thrown. */
  readonly code: ErrorCode;
}

const compiled = new WeakMap<object, ReturnType<Ajv2020['compile']>>();

function validator(schema: object) {
  let found = compiled.get(schema);
  if (!found) {
    const ajv = new Ajv2020({
      allErrors: true,
      verbose: true,
      allowUnionTypes: true,
      strict: true,
    });
    found = ajv.compile(schema);
    compiled.set(schema, found);
  }
  return found;
}

/**
 * Parses YAML and checks it against a JSON Schema. Every problem is told at once, each with line
 * and column, what was expected and what was found; an unknown key comes with its closest neighbour.
 * Throws a VentralError of `check.code`.
 */
export function readCheckedYaml<T>(text: string, check: YamlCheck): CheckedYaml<T> {
  const lines = new LineCounter();
  // The library compares each key of a map with every other, which takes seconds for a few thousand.
  const settings = { lineCounter: lines, prettyErrors: false, uniqueKeys: false };
  const document = parseDocument(text, settings);
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${check.file}:${line}:${col}`;
  };
  const broken = document.errors[0];
  if (broken) {
    throw new VentralError(check.code, `${at(broken.pos[0])} ${broken.message}`, {
      file: check.file,
    });
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
  if (!validate(value)) throw refusal(validate.errors ?? [], place, check);
  return { value: value as T, place };
}

/** A node that knows where it stands. */
interface Placed {
  readonly range?: readonly [number, number, number] | null;
}

/** The first key that its map has had before. */
function repeatedKey(document: ReturnType<typeof parseDocument>): Placed | undefined {
  let found: Placed | undefined;
  visit(document, {
    Map(_place, { items }) {
      const seen = new Set<unknown>();
      for (const { key } of items) {
        const name = isScalar(key) ? key.value : key;
        if (seen.has(name)) {
          found = key as Placed;
          return visit.BREAK;
        }
        seen.add(name);
      }
      return undefined;
    },
  });
  return found;
}

function parsed(document: ReturnType<typeof parseDocument>, check: YamlCheck): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    throw new VentralError(check.code, `${check.file}: ${(cause as Error).message}`, {
      file: check.file,
      cause,
    });
  }
}

/** Where a key stands in the text: the key itself, so that an editor jumps to its line. */
function offsetOf(
  document: ReturnType<typeof parseDocument>,
  path: readonly string[],
): number | undefined {
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

const MOST_SENTENCES = 8;

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

/** What a schema does not allow about a value: the same words as of a file; none where it fits. */
export function schemaProblems(value: unknown, schema: object): SchemaProblem[] {
  const validate = validator(schema);
  if (validate(value)) return [];
  return usefulOf(validate.errors ?? []).map((error) => ({
    pointer: pointerOf(error),
    sentence: sentence(error),
  }));
}

function pointerOf(error: ErrorObject): string {
  const key = error.params.additionalProperty ?? error.params.unevaluatedProperty;
  return key === undefined
    ? error.instancePath
    : `${error.instancePath}/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

function sentence(error: ErrorObject): string {
  const where = error.instancePath.slice(1).replaceAll('/', '.') || 'the document';
  const key = error.params.additionalProperty ?? error.params.unevaluatedProperty;
  if (key !== undefined) {
    const known = Object.keys(
      (error.parentSchema as { properties?: object } | undefined)?.properties ?? {},
    );
    return `${error.instancePath ? `${where} has` : 'there is'} no key "${key}"${didYouMean(String(key), known) || `; known keys are ${known.join(', ')}`}`;
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

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
