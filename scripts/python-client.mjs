/**
 * Writes what the Python client takes from `openapi.yaml` and from the table of error codes: its operations, the types of what they
 * send and answer, and an exception for each problem. `npm run api:types` writes, `npm run api:check` compares (`--check`).
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { parse } from 'yaml';

const root = resolve(import.meta.dirname, '..');
const read = (path) => readFileSync(resolve(root, path), 'utf8');
const HEAD =
  '# Written by scripts/python-client.mjs from openapi.yaml and src/errors/codes.ts: `npm run api:types`.\n';

const description = parse(read('openapi.yaml'));
const { schemas } = description.components;

const resolved = (part) =>
  part?.$ref
    ? part.$ref
        .slice(2)
        .split('/')
        .reduce((node, key) => node[key], description)
    : part;

const text = (value) => JSON.stringify(value).replaceAll('\u2019', '\\u2019');
const snake = (name) => name.replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2').toLowerCase();
const methods = ['get', 'post', 'put', 'patch', 'delete'];

function operations() {
  const lines = Object.entries(description.paths).flatMap(([path, item]) =>
    methods.flatMap((method) => {
      const operation = item[method];
      if (!operation) return [];
      const parameters = [...(item.parameters ?? []), ...(operation.parameters ?? [])].map(
        resolved,
      );
      const named = (place) =>
        parameters.filter((each) => each.in === place).map(({ name }) => name);
      const body = Object.keys(operation.requestBody?.content ?? {});
      const headers = named('header').map((name) => [snake(name.replaceAll('-', '_')), name]);
      return [
        `    ${text(operation.operationId)}: Operation(`,
        `        ${text(operation.operationId)}, ${text(method.toUpperCase())}, ${text(path)},`,
        `        path=${tuple(named('path'))}, query=${tuple(named('query'))},`,
        `        headers={${headers.map(([key, name]) => `${text(key)}: ${text(name)}`).join(', ')}},`,
        `        body=${tuple(body)},`,
        `        summary=${text(operation.summary)},`,
        '    ),',
      ];
    }),
  );
  return `${HEAD}from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping


@dataclass(frozen=True)
class Operation:
    """One operation of the service; \`path\`, \`query\` and \`headers\` are what it may be given by name."""

    id: str
    method: str
    template: str
    path: tuple[str, ...]
    query: tuple[str, ...]
    headers: Mapping[str, str]
    body: tuple[str, ...]
    summary: str


VERSION = ${text(description.info.version)}

OPERATIONS: dict[str, Operation] = {
${lines.join('\n')}
}
`;
}

const tuple = (values) =>
  values.length === 0 ? '()' : `(${values.map(text).join(', ')}${values.length === 1 ? ',' : ''})`;

const plain = { string: 'str', integer: 'int', number: 'float', boolean: 'bool', null: 'None' };

function typeOf(schema) {
  if (schema === undefined || schema === true) return 'Any';
  if (schema.$ref) return schema.$ref.split('/').at(-1);
  if ('const' in schema) return `Literal[${python(schema.const)}]`;
  if (schema.enum) return `Literal[${schema.enum.map(python).join(', ')}]`;
  const options = schema.oneOf ?? schema.anyOf;
  if (options) return union(options.map(typeOf));
  if (schema.allOf) return schema.allOf.length === 1 ? typeOf(schema.allOf[0]) : 'dict[str, Any]';
  const kinds = [schema.type ?? []].flat();
  if (kinds.length === 0) return 'Any';
  return union(kinds.map((kind) => typeOfKind(kind, schema)));
}

function typeOfKind(kind, schema) {
  if (kind === 'array') return `list[${typeOf(schema.items)}]`;
  if (kind !== 'object') return plain[kind];
  const { additionalProperties: more } = schema;
  return typeof more === 'object' && !schema.properties
    ? `dict[str, ${typeOf(more)}]`
    : 'dict[str, Any]';
}

const python = (value) =>
  value === true ? 'True' : value === false ? 'False' : value === null ? 'None' : text(value);

function union(types) {
  const all = [...new Set(types)];
  return all.length === 1 ? all[0] : `Union[${all.join(', ')}]`;
}

const reserved = new Set(
  'False None True and as assert async await break class continue def del elif else except finally for from global if import in is lambda nonlocal not or pass raise return try while with yield'.split(
    ' ',
  ),
);
const isName = (key) => /^[A-Za-z_]\w*$/.test(key) && !reserved.has(key);

function types() {
  const blocks = Object.entries(schemas).map(([name, schema]) => {
    if (schema.type !== 'object' || !schema.properties)
      return `${name} = ${forward(typeOf(schema))}`;
    const required = new Set(schema.required ?? []);
    const fields = Object.entries(schema.properties).map(([key, value]) => {
      const type = typeOf(value);
      return [key, required.has(key) ? type : `NotRequired[${type}]`];
    });
    const named = fields.every(([key]) => isName(key));
    if (named)
      return [
        `class ${name}(TypedDict):`,
        ...fields.map(([key, type]) => `    ${key}: ${text(type)}`),
      ].join('\n');
    const items = fields.map(([key, type]) => `${text(key)}: ${text(type)}`).join(', ');
    return `${name} = TypedDict(${text(name)}, {${items}})`;
  });
  return `${HEAD}from __future__ import annotations

import sys
from typing import Any, Literal, TypedDict, Union

if sys.version_info >= (3, 11):
    from typing import NotRequired
else:  # A checker knows it; at run time nothing looks at the annotations.
    class NotRequired:  # type: ignore[no-redef]
        def __class_getitem__(cls, item: Any) -> Any:
            return item

${blocks.join('\n\n')}
`;
}

/** An alias is evaluated where it stands: names of schemas in it are texts. */
const forward = (type) =>
  type.replaceAll(/\b[A-Z]\w+\b/g, (name) => (name in schemas ? text(name) : name));

function problems() {
  const codes = [
    ...read('src/errors/codes.ts').matchAll(
      /^ {2}'?([a-z][a-z-]*)'?: \{\s*status: (\d+)[^}]*?title: '((?:[^'\\]|\\.)*)'/gms,
    ),
  ];
  const classes = codes.map(([, code, status, title]) => {
    const name = `${code
      .split('-')
      .map((word) => word[0].toUpperCase() + word.slice(1))
      .join('')}Error`;
    return { code, name, status, title };
  });
  return `${HEAD}from __future__ import annotations

from ._problem import Problem

${classes
  .map(
    ({ code, name, status, title }) =>
      `\nclass ${name}(Problem):\n    """${title}."""\n\n    code = ${text(code)}\n    status = ${status}\n`,
  )
  .join('\n')}

BY_CODE: dict[str, type[Problem]] = {
${classes.map(({ code, name }) => `    ${text(code)}: ${name},`).join('\n')}
}
`;
}

const files = new Map([
  ['clients/python/ventral/_operations.py', operations()],
  ['clients/python/ventral/types.py', types()],
  ['clients/python/ventral/errors.py', problems()],
]);
const check = process.argv.includes('--check');
const stale = [...files].filter(([path, content]) => {
  const present = (() => {
    try {
      return read(path);
    } catch {
      return undefined;
    }
  })();
  return present !== content;
});
for (const [path, content] of stale) {
  if (check) console.error(`${relative(root, resolve(root, path))} is stale: npm run api:types`);
  else writeFileSync(resolve(root, path), content);
}
if (check && stale.length > 0) process.exitCode = 1;
