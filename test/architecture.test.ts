import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix, resolve } from 'node:path';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';

const source = join(resolve(import.meta.dirname, '..'), 'src');

/** Which rooms a room may import from (design §1); a room may always import from itself. */
const order = [
  'errors',
  'formats',
  'runtime',
  'numerics',
  'onnx',
  'data',
  'screen',
  'properties',
  'activations',
  'metrics',
  'scoring',
];
const before = (room: string) => order.slice(0, order.indexOf(room));
const rooms: Record<string, readonly string[]> = {
  errors: [],
  formats: ['errors'],
  runtime: ['errors'],
  numerics: ['errors', 'runtime'],
  onnx: ['errors'],
  data: ['errors', 'formats', 'numerics'],
  screen: ['errors', 'data', 'numerics'],
  properties: ['errors', 'formats', 'numerics', 'data'],
  activations: before('activations'),
  metrics: ['errors', 'numerics', 'data'],
  scoring: before('scoring'),
  leaderboard: ['errors', 'scoring'],
  // A scatter says how its two axes go together.
  figure: ['numerics'],
  report: ['errors', 'figure', 'scoring'],
  importing: [...before('activations'), 'activations'],
  training: [...order, 'report'],
  submission: [...order, 'report'],
  store: ['errors', 'formats', 'runtime', 'scoring', 'training', 'leaderboard'],
  api: [],
  service: [
    ...order,
    ...['leaderboard', 'report', 'importing', 'training', 'submission', 'store', 'api'],
  ],
  cli: [
    ...order,
    ...['leaderboard', 'figure', 'report', 'importing', 'training', 'submission', 'store', 'api'],
    'service',
  ],
  web: ['api', 'figure'],
};

/** The folders of a room; each imports only from those before it. `.` are the files of the room itself. */
const folders: Record<string, readonly string[]> = {
  formats: ['.', 'yaml', 'matlab'],
  figure: ['.', 'lay-out'],
  onnx: ['.', 'tokens', 'prepare', 'checks'],
  numerics: ['.', 'algebra', 'random', 'regression', 'statistics'],
  metrics: ['.', 'behaviour', 'ceilings', 'commitment', 'resampling', 'tiled', 'time', 'table'],
  data: ['.', 'stored', 'rdms', 'simulated', 'xarray', 'published', 'hub'],
  activations: ['cache', 'card', 'scratch', 'stimuli', '.', 'provider'],
  scoring: [
    ...[
      'benchmark',
      'recorded',
      'observed',
      'draws',
      'measure',
      'measure/train-test',
      'kinds',
      'registry',
      'floor',
      'model',
      'features',
      'map',
      'compare',
      'receipt',
    ],
  ],
  importing: [
    ...['architectures', 'source', 'pickle', 'proof', 'tensorflow', 'keras', 'tensor'],
    ...['checkpoint', 'tfjs', 'tflite', 'graft', '.', 'published', 'hub'],
  ],
  training: [
    ...['data', 'graph', 'optimize', 'augment', 'operators', 'step', 'attack', 'recipe'],
    ...['record', 'robustness', 'run', 'ablation'],
  ],
  store: ['files', 'database', 'home', 'records', 'jobs', '.'],
  service: [
    ...['child', 'http', 'queue', 'webhooks', 'upload', 'work', 'worker', 'features', 'registry'],
    ...['backup', 'pages/documents', 'pages', 'routes', 'routes/features', 'access', '.'],
  ],
  cli: ['terminal', 'options', 'print', 'catalog', 'board', 'cluster', 'commands', 'watch', '.'],
  web: [
    ...['client', 'parts/words', 'parts', 'parts/charts', 'parts/start'],
    ...['admin', 'benchmark', 'compare', 'job', 'leaderboard', 'model', 'submit', 'training'].map(
      (page) => `pages/${page}`,
    ),
    '.',
  ],
};

/** Text by path below `src`, with `/` between its parts. */
type Files = ReadonlyMap<string, string>;

const house: Files = new Map(
  readdirSync(source, { recursive: true, encoding: 'utf8' })
    .map((file) => file.replaceAll('\\', '/'))
    .filter((file) => /\.tsx?$/.test(file))
    .map((file) => [file, readFileSync(join(source, file), 'utf8')]),
);

interface Import {
  readonly from: string;
  /** Whether types alone cross. */
  readonly types: boolean;
}

/** Every import of a text. */
function importsOf(text: string): Import[] {
  const pattern =
    /(?:^|\n)\s*(?:import|export)\s+(type\s)?[^;'"]*?from\s+['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)|(?:^|\n)import\s+['"]([^'"]+)['"]/g;
  return [...text.matchAll(pattern)].map((found) => ({
    types: Boolean(found[1]),
    from: found[2] ?? found[3] ?? found[4],
  }));
}

/** The files of the house that each file imports, for its types too. */
function arrowsOf(files: Files): Map<string, string[]> {
  const target = (file: string, from: string) => {
    const path = posix.join(dirname(file), from);
    return ['.ts', '.tsx'].map((end) => path.replace(/\.js$/, end)).find((to) => files.has(to));
  };
  return new Map(
    [...files].map(([file, text]) => [
      file,
      importsOf(text).flatMap(({ from }) =>
        from.startsWith('.') ? (target(file, from) ?? []) : [],
      ),
    ]),
  );
}

const roomOf = (file: string) => file.split('/')[0];
const folderOf = (file: string) => dirname(file).slice(roomOf(file).length + 1) || '.';

function againstRooms(files: Files): string[] {
  return [...arrowsOf(files)].flatMap(([file, targets]) =>
    targets
      .filter((to) => roomOf(to) !== roomOf(file) && !rooms[roomOf(file)]?.includes(roomOf(to)))
      .map((to) => `${file} imports ${to}`),
  );
}

function againstFolders(files: Files): string[] {
  return [...arrowsOf(files)].flatMap(([file, targets]) => {
    const list = folders[roomOf(file)];
    const place = (path: string) => list?.indexOf(folderOf(path)) ?? 0;
    if (list && place(file) < 0) return [`${file} is in a folder that is not in the order`];
    return targets
      .filter((to) => roomOf(to) === roomOf(file) && place(to) > place(file))
      .map((to) => `${file} imports ${to}`);
  });
}

/** Circles of imports, each as the files that it runs through (Tarjan 1972). */
function circles(files: Files): string[] {
  const arrows = arrowsOf(files);
  const [index, low, stack, found] = [
    new Map<string, number>(),
    new Map<string, number>(),
    [] as string[],
    [] as string[],
  ];
  const visit = (file: string): number => {
    index.set(file, index.size);
    low.set(file, index.get(file) as number);
    stack.push(file);
    for (const to of arrows.get(file) ?? []) {
      const reached = index.has(to) ? (stack.includes(to) ? index.get(to) : undefined) : visit(to);
      if (reached !== undefined) low.set(file, Math.min(low.get(file) as number, reached));
    }
    if (low.get(file) === index.get(file)) {
      const circle = stack.splice(stack.indexOf(file));
      if (circle.length > 1) found.push(circle.toSorted().join(' – '));
    }
    return low.get(file) as number;
  };
  for (const file of files.keys()) if (!index.has(file)) visit(file);
  return found;
}

/** Names that files of one room export more than once. */
function exportedTwice(files: Files): string[] {
  const names = new Map<string, string[]>();
  const pattern =
    /^export (?:declare )?(?:abstract )?(?:async )?(?:function\*?|class|interface|type|const|enum) (\w+)/gm;
  for (const [file, text] of files) {
    for (const name of new Set([...text.matchAll(pattern)].map((found) => found[1]))) {
      const key = `${roomOf(file)}: ${name}`;
      names.set(key, [...(names.get(key) ?? []), file]);
    }
  }
  return [...names]
    .filter(([, where]) => where.length > 1)
    .map(([key, where]) => `${key} in ${where.join(', ')}`);
}

test('a room imports only from rooms before it', () => {
  expect(againstRooms(house)).toEqual([]);
});

test('a folder of a room imports only from folders before it', () => {
  expect(againstFolders(house)).toEqual([]);
});

test('no files import each other in a circle, not even for types', () => {
  expect(circles(house)).toEqual([]);
});

test('no name is exported by two files of a room', () => {
  expect(exportedTwice(house)).toEqual([]);
});

describe('a planted fault is found:', () => {
  const planted = (file: string, line: string): Files => {
    if (!house.has(file)) throw new Error(`${file} is gone: plant the fault elsewhere`);
    return new Map([...house, [file, `${line}\n${house.get(file)}`]]);
  };

  test('an import against the rooms, for a type alone', () => {
    const line = "import type { Score } from '../scoring/measure/score.js';";
    expect(againstRooms(planted('errors/codes.ts', line))).toEqual([
      'errors/codes.ts imports scoring/measure/score.ts',
    ]);
  });

  test('an import against the folders of a room', () => {
    const line = "import { createApp } from '../app.js';";
    expect(againstFolders(planted('service/http/problem.ts', line))).toEqual([
      'service/http/problem.ts imports service/app.ts',
    ]);
  });

  test('a circle of types', () => {
    const line = "import type { LoadedBenchmark } from './loaded-benchmark.js';";
    const [circle] = circles(planted('scoring/measure/score.ts', line));
    expect(circle).toContain('scoring/measure/loaded-benchmark.ts');
    expect(circle).toContain('scoring/measure/score.ts');
  });

  test('a name that another file of the room exports', () => {
    const line = 'export interface LoadedBenchmark {}';
    expect(exportedTwice(planted('scoring/compare/compare.ts', line))).toEqual([
      'scoring: LoadedBenchmark in scoring/compare/compare.ts, scoring/measure/loaded-benchmark.ts',
    ]);
  });

  test('a folder that nobody has put in order', () => {
    const files = new Map([...house, ['service/new/thing.ts', '']]);
    expect(againstFolders(files)).toHaveLength(1);
  });
});

test('no folder has more files than a reader takes in', () => {
  const counts = new Map<string, number>();
  for (const file of house.keys()) counts.set(dirname(file), (counts.get(dirname(file)) ?? 0) + 1);
  expect([...counts].filter(([, count]) => count > 26)).toEqual([]);
});

test('the store takes only types from the rooms that score', () => {
  const values = [...house]
    .filter(([file]) => roomOf(file) === 'store')
    .flatMap(([file, text]) =>
      importsOf(text)
        .filter(({ types, from }) => /\/(scoring|training|leaderboard)\//.test(from) && !types)
        .map(({ from }) => `${file} imports ${from}`),
    );
  expect(values).toEqual([]);
});

test('one file opens the runtime', () => {
  const users = [...house].filter(([, text]) =>
    importsOf(text).some(({ from }) => from === 'onnxruntime-node'),
  );
  expect(users.map(([file]) => file)).toEqual(['runtime/session.ts']);
});

test('no room of odds and ends', () => {
  const name = /(^|\/)(utils?|helpers?|common|misc|types|index)(\.tsx?$|\/)/;
  expect([...house.keys()].filter((file) => name.test(file))).toEqual([]);
});

test('the type check reads every file of the pages', () => {
  const web = join(source, 'web');
  const { config } = ts.readConfigFile(join(web, 'tsconfig.json'), ts.sys.readFile);
  const checked = new Set(ts.parseJsonConfigFileContent(config, ts.sys, web).fileNames);
  const pages = [...house.keys()].filter((file) => roomOf(file) === 'web');
  expect(pages.length).toBeGreaterThan(0);
  expect(pages.filter((file) => !checked.has(join(source, file)))).toEqual([]);
});
