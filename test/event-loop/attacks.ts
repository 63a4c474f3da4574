import { type Operation, resolved } from '../fuzz/description.js';
import { Dice } from '../fuzz/dice.js';
import { rightBody } from '../fuzz/request-cases.js';
import { form, hostileCards, hostileValues, json } from './hostile-bodies.js';
import type { Known } from './large-home.js';
import type { Attack } from './watched-service.js';

/** Node lets a request have 16 KiB of address and headers together. */
const MOST_HEAD = 14_000;
const fill = (text: string, most = MOST_HEAD) => text.repeat(Math.floor(most / text.length));

/** Header values that are long in a way that some reader of them may dislike. */
const headers: Readonly<Record<string, readonly string[]>> = {
  Accept: [fill('a/b,'), fill('*/*;q=0.1,'), `a/b;${fill('x="",')}`, fill(';'), fill(' ')],
  'Accept-Encoding': [fill('gzip;q=0.1,'), fill('x,')],
  'If-None-Match': [fill('"x",'), fill('W/"x" '), fill('"'), fill(','), fill(' ')],
  'If-Match': [fill('"x",'), fill('W/'), fill('"')],
  Range: [`bytes=${fill('0-1,')}`, `bytes=${fill('-')}`],
  Prefer: [fill('wait,'), `x${fill(' ')}`, fill('wait = '), fill(';')],
  Authorization: [`Bearer${fill(' ')}x y`, `Bearer ${fill('x')}`],
  Cookie: [fill('a=b;')],
  'Content-Type': [
    `application/json;${fill(' ')}x`,
    `multipart/form-data;${fill(' ')}`,
    `multipart/form-data; boundary="${fill('x')}`,
    `application/json; ${fill('a=b;')}`,
  ],
  'Idempotency-Key': [fill('k')],
  'Last-Event-ID': [fill('1')],
  Host: [fill('x.')],
  Origin: [fill('http://')],
  'X-Forwarded-For': [fill('1.1.1.1,')],
};

const texts = [
  'a',
  '%00',
  '/',
  '%2f..',
  '"',
  '(',
  '1',
  '*a',
  '%F0%9F%98%80',
  ' ',
  '+',
  '-',
  'V1+',
  '[',
  'min(',
];

/** Texts of an address that one operation is sent. */
const TEXTS = 3;
/** One of so many kinds of header, and of values of a property, is sent to one operation. */
const SHARE = 6;

/**
 * Hostile requests for an operation, beside the one that is right. Headers, paths and properties are read alike for all
 * operations, so that each is sent some of their values, and all of them together all.
 * @param position of the operation among all
 */
export function* attacksOn(
  operation: Operation,
  known: Known,
  position: number,
): Generator<Attack> {
  const { method } = operation;
  const path = pathOf(operation, known);
  const words = `${method} ${operation.path}`;
  yield { name: `${words}: right`, method, path, ...rightly(operation, known) };
  // A backup of this home takes seconds, and headers are read before it begins.
  if (operation.path === '/backup') return;
  const kinds = Object.entries(headers).filter((_, kind) => (kind + position) % SHARE === 0);
  for (const [header, values] of kinds) {
    const i = Math.floor(position / SHARE) % values.length;
    yield { name: `${words}: ${header} ${i}`, method, path, headers: [[header, values[i]]] };
  }
  const many = Array.from({ length: 1900 }, (_, i) => [`X${i}`, ''] as const);
  yield { name: `${words}: headers`, method, path, headers: many };
  yield* addresses(operation, known, position);
  yield* bodies(operation, known, position);
}

function pathOf(operation: Operation, known: Known): string {
  // What others are asked about stays.
  const named: Known = operation.method === 'DELETE' ? {} : known;
  const kind = operation.path.split('/')[1];
  return `/v1${operation.path.replaceAll(/\{([^}]+)\}/g, (_all, name: string) =>
    encodeURIComponent(named[`${kind} ${name}`] ?? named[name] ?? 'none'),
  )}`;
}

function* addresses(operation: Operation, known: Known, position: number): Generator<Attack> {
  const some = Array.from(
    { length: TEXTS },
    (_, i) => texts[(position * TEXTS + i) % texts.length],
  );
  const { method, parameters } = operation;
  const words = `${method} ${operation.path}`;
  const path = pathOf(operation, known);
  if (operation.path.includes('{'))
    for (const text of some)
      yield {
        name: `${words}: long path of ${text}`,
        method,
        path: `/v1${operation.path.replaceAll(/\{[^}]+\}/g, fill(encoded(text), 6000))}`,
      };
  const query = parameters.filter((parameter) => parameter.in === 'query');
  yield {
    name: `${words}: unknown parameters`,
    method,
    path: `${path}?${Array.from({ length: 2000 }, (_, i) => `p${i}`).join('&')}`,
  };
  for (const { name, schema } of query) {
    for (const text of some)
      yield {
        name: `${words}: long ${name} of ${text}`,
        method,
        path: `${path}?${name}=${fill(encoded(text))}`,
      };
    for (const length of [1, 190]) {
      const one = `${name}=${'V'.repeat(length)}`;
      const count = Math.min(Math.floor(MOST_HEAD / (one.length + 5)), 900);
      const list = Array.from({ length: count }, (_, i) => `${one}${i}`);
      yield { name: `${words}: ${count} times ${name}`, method, path: `${path}?${list.join('&')}` };
    }
    const most = (resolved(schema) as { maxItems?: number }).maxItems ?? 1;
    const formula = encodeURIComponent(`min(${Array.from({ length: 40 }, () => 'V1').join(',')})`);
    yield {
      name: `${words}: formulas as ${name}`,
      method,
      path: `${path}?${Array.from({ length: Math.min(most, 20) }, () => `${name}=${formula}`).join('&')}`,
    };
  }
  for (const [name, text] of Object.entries(largest))
    if (query.some((parameter) => parameter.name === name))
      yield { name: `${words}: largest ${name}`, method, path: `${path}?${text}` };
}

const largest: Readonly<Record<string, string>> = {
  limit: 'limit=200',
  simulated: 'limit=200&simulated=true',
  at: `limit=200&at=${new Date().toISOString().slice(0, 10)}`,
  model: 'model=mdl_light1',
};

const encoded = (text: string) => (text.includes('%') ? text : encodeURIComponent(text));

const rightly = (operation: Operation, known: Known) =>
  'application/json' in operation.takes && operation.method !== 'GET'
    ? json(JSON.stringify(rightBody(operation, new Dice(1), known)))
    : {};

function* bodies(operation: Operation, known: Known, position: number): Generator<Attack> {
  const { method, takes } = operation;
  const path = pathOf(operation, known);
  const words = `${method} ${operation.path}`;
  if ('application/json' in takes) {
    const right = rightBody(operation, new Dice(1), known) as Record<string, unknown>;
    const { properties = {} } = resolved(takes['application/json'].schema ?? {});
    for (const [k, [name, value]] of Object.entries(hostileValues).entries()) {
      yield { name: `${words}: ${name}`, method, path, ...json(value) };
      const some = Object.keys(properties).filter((_, j) => (j + k + position) % SHARE === 0);
      for (const property of some) {
        const { [property]: _, ...others } = right;
        const rest = JSON.stringify(others).slice(1, -1);
        const text = `{${rest}${rest && ','}${JSON.stringify(property)}:${value}}`;
        yield { name: `${words}: ${property} of ${name}`, method, path, ...json(text) };
      }
      // What reaches the schema of a card or of a recipe.
      for (const property of ['card', 'recipe'].filter((each) => each in properties))
        for (const inner of ['layers', 'stages', 'logits', 'name']) {
          const text = `{"${property}":{"${inner}":${value}}}`;
          yield { name: `${words}: ${property}.${inner} of ${name}`, method, path, ...json(text) };
        }
    }
  }
  if ('multipart/form-data' in takes) yield* forms(words, method, path);
  for (const type of Object.keys(takes).filter((each) => !/json|form-data/.test(each)))
    yield {
      name: `${words}: a megabyte of ${type}`,
      method,
      path,
      headers: [['Content-Type', type]],
      body: Buffer.alloc(2 ** 20, 'PK\x01\x02'),
    };
}

function* forms(words: string, method: string, path: string): Generator<Attack> {
  const part = { name: 'file', filename: 'x.onnx', content: 'x' };
  const named = (name: string, parts: Parameters<typeof form>[0]): Attack => ({
    name: `${words}: ${name}`,
    method,
    path,
    ...form(parts),
  });
  const fields = (count: number, content: string) =>
    Array.from({ length: count }, (_, i) => ({ name: `p${i}`, content }));
  yield named('many fields', [part, ...fields(10_000, '')]);
  yield named(
    'many files',
    Array.from({ length: 10_000 }, () => part),
  );
  yield named(
    'many pictures',
    Array.from({ length: 5500 }, (_, i) => ({
      name: 'images',
      filename: `${i}.png`,
      content: 'x',
    })),
  );
  yield named(
    'many layers',
    Array.from({ length: 10_000 }, () => ({ name: 'layers', content: 'x' })),
  );
  yield named('a long name', [part, { name: fill('x', 7000), content: '' }]);
  yield named('a long file name', [{ ...part, filename: fill('%F0/', 7000) }]);
  yield named('half boundaries', [{ ...part, content: fill('\r\n--a-bound', 2 ** 20) }]);
  yield named('line ends', [{ ...part, content: fill('\r\n', 2 ** 20) }]);
  yield named('hyphens', [{ ...part, content: fill('\r\n--', 2 ** 20) }]);
  for (const [name, card] of Object.entries(hostileCards))
    yield named(`card of ${name}`, [part, { name: 'card', content: card }]);
}
