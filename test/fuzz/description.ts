import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { parse } from 'yaml';
import { packageRoot } from '../../src/formats/package-root.js';

/** `openapi.yaml` as requests are made from it and answers held against it: what it gains is covered by itself. */

/** JSON Schema, as far as requests need it. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly examples?: readonly unknown[];
  readonly example?: unknown;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly minItems?: number;
  readonly allOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly minimum?: number;
  readonly contentMediaType?: string;
}

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header' | 'cookie';
  readonly schema: Schema;
}

interface Content {
  readonly schema?: Schema;
  readonly examples?: Readonly<Record<string, { readonly value: unknown }>>;
}

/** One method of one path. */
export interface Operation {
  readonly method: string;
  /** Below `/v1`, with its `{parameters}`. */
  readonly path: string;
  readonly parameters: readonly Parameter[];
  /** Bodies that it takes, by media type. */
  readonly takes: Readonly<Record<string, Content>>;
}

type Json = { readonly [key: string]: Json };

const document = parse(readFileSync(join(packageRoot, 'openapi.yaml'), 'utf8')) as Json;

/** What a `$ref` stands for, or the thing itself. */
export function resolved<T>(thing: T): T {
  const reference = (thing as { $ref?: string })?.$ref;
  if (reference === undefined) return thing;
  const keys = reference.slice(2).split('/');
  return resolved(keys.reduce((found, key) => found[key], document) as T);
}

const asList = (value: unknown) => (value ?? []) as readonly Json[];
const methods = ['get', 'put', 'post', 'patch', 'delete'];

/** Every operation that the description has. */
export const operations: readonly Operation[] = Object.entries(document.paths).flatMap(
  ([path, item]) =>
    methods
      .filter((method) => method in item)
      .map((method) => {
        const own = item[method];
        const listed = [...asList(item.parameters), ...asList(own.parameters)];
        return {
          method: method.toUpperCase(),
          path,
          parameters: listed.map((parameter) => resolved(parameter) as unknown as Parameter),
          takes: (resolved(own.requestBody)?.content ?? {}) as Operation['takes'],
        };
      }),
);

const ajv = new Ajv2020({ strict: false, validateFormats: false });
ajv.addSchema(document as object, 'api');
const compiled = new Map<string, ValidateFunction>();

function validator(pointer: string): ValidateFunction {
  const known = compiled.get(pointer);
  if (known) return known;
  const made = ajv.compile({ $ref: `api#${pointer}` });
  compiled.set(pointer, made);
  return made;
}

const escaped = (key: string) =>
  encodeURIComponent(key.replaceAll('~', '~0').replaceAll('/', '~1'));

/** What is wrong with a problem document; undefined if nothing is. */
export function problemFault(body: unknown): string | undefined {
  const validate = validator('/components/schemas/Problem');
  return validate(body) ? undefined : ajv.errorsText(validate.errors);
}

/** What is wrong with the JSON of a success; undefined if nothing is, or nothing is said of it. */
export function answerFault(
  { method, path }: Operation,
  status: number,
  body: unknown,
): string | undefined {
  const responses = document.paths[path][method.toLowerCase()].responses;
  const said = resolved(responses[String(status)]);
  if (!said) return `it answers ${status}, which is not described`;
  if (!said.content?.['application/json']?.schema) return undefined;
  const at = responses[String(status)].$ref
    ? (responses[String(status)].$ref as unknown as string).slice(1)
    : `/paths/${escaped(path)}/${method.toLowerCase()}/responses/${status}`;
  const validate = validator(`${at}/content/application~1json/schema`);
  return validate(body) ? undefined : ajv.errorsText(validate.errors);
}
