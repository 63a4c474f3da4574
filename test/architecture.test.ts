import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '..');
const source = join(root, 'src');

/** Which rooms a room may import from (design §1); a room may always import from itself. */
const order = [
  'errors',
  'formats',
  'runtime',
  'numerics',
  'onnx',
  'data',
  'screen',
  'activations',
  'metrics',
  'scoring',
];
const before = (room: string) => order.slice(0, order.indexOf(room));
const allowed: Record<string, readonly string[]> = {
  errors: [],
  formats: ['errors'],
  runtime: ['errors'],
  numerics: ['errors', 'runtime'],
  onnx: ['errors'],
  data: ['errors', 'formats', 'numerics'],
  screen: ['errors', 'data', 'numerics'],
  activations: before('activations'),
  metrics: ['errors', 'numerics', 'data'],
  scoring: before('scoring'),
  importing: [...before('activations'), 'activations'],
  training: [...order],
  submission: [...order],
  store: ['errors', 'scoring', 'training'],
  api: [],
  service: [...order, 'importing', 'training', 'submission', 'store', 'api'],
  cli: [...order, 'importing', 'training', 'submission', 'store', 'api', 'service'],
  web: ['api'],
};

const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((file) =>
  /\.tsx?$/.test(file),
);

/** Every import of a file: specifier, and whether types alone cross. */
function imports(file: string) {
  const text = readFileSync(join(source, file), 'utf8');
  const pattern =
    /(?:^|\n)\s*(?:import|export)\s+(type\s)?[^;'"]*?from\s+['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)|(?:^|\n)import\s+['"]([^'"]+)['"]/g;
  return [...text.matchAll(pattern)].map((found) => ({
    types: Boolean(found[1]),
    from: found[2] ?? found[3] ?? found[4],
  }));
}

const roomOf = (file: string) => file.split(/[\\/]/)[0];

test('a room imports only from rooms before it', () => {
  const wrong = files.flatMap((file) =>
    imports(file)
      .filter(({ from }) => from.startsWith('.'))
      .map(({ types, from }) => ({
        types,
        to: relative(source, resolve(dirname(join(source, file)), from)),
      }))
      .filter(
        ({ to }) => roomOf(to) !== roomOf(file) && !allowed[roomOf(file)]?.includes(roomOf(to)),
      )
      .map(({ to }) => `${file} imports ${to}`),
  );
  expect(wrong).toEqual([]);
});

test('the store takes only types from the rooms that score', () => {
  const values = files
    .filter((file) => roomOf(file) === 'store')
    .flatMap((file) =>
      imports(file)
        .filter(({ types, from }) => /\/(scoring|training)\//.test(from) && !types)
        .map(({ from }) => `${file} imports ${from}`),
    );
  expect(values).toEqual([]);
});

test('one file opens the runtime', () => {
  const users = files.filter((file) =>
    imports(file).some(({ from }) => from === 'onnxruntime-node'),
  );
  expect(users.map((file) => file.replaceAll('\\', '/'))).toEqual(['runtime/session.ts']);
});

test('no room of odds and ends', () => {
  expect(
    files.filter((file) =>
      /(^|[\\/])(utils?|helpers?|common|misc|types|index)(\.tsx?$|[\\/])/.test(file),
    ),
  ).toEqual([]);
});
