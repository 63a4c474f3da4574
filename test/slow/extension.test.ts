import { execFileSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ORACLE } from '../oracle.js';

/**
 * What CONTRIBUTING says of adding a metric and a kind of benchmark, done on a copy of the project: these files and no
 * others are touched, and the copy builds and scores with them.
 */
const root = resolve(import.meta.dirname, '../..');
let copy: string;

beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), 'ventral-extension-'));
  for (const name of ['src', 'scripts', 'models', 'benchmarks', 'bench', 'docs', 'dist'])
    cpSync(join(root, name), join(copy, name), { recursive: true });
  for (const name of ['package.json', 'tsconfig.json', 'openapi.yaml', 'package-lock.json'])
    cpSync(join(root, name), join(copy, name));
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
});
afterAll(() => rmSync(copy, { recursive: true, force: true }));

const text = (file: string) => readFileSync(join(copy, file), 'utf8');
const write = (file: string, content: string) => {
  mkdirSync(dirname(join(copy, file)), { recursive: true });
  writeFileSync(join(copy, file), content);
};
/** Puts one line before another one, which must be there. */
const insert = (file: string, line: string, before: string) => {
  const whole = text(file);
  expect(whole).toContain(before);
  write(file, whole.replace(before, `${line}\n${before}`));
};
const node = (...words: string[]) =>
  execFileSync(process.execPath, words, { cwd: copy, encoding: 'utf8', stdio: 'pipe' });
const compile = () => {
  node('node_modules/typescript/bin/tsc', '--build', 'tsconfig.json');
  node('scripts/bundle.mjs');
};

const TABLE = 'src/metrics/table/metric-table.ts';
const KINDS = 'src/scoring/kinds/benchmark-kinds.ts';

/** The neural benchmark of the golden cases under another metric. */
function benchmarkOf(metric: string): string {
  const folder = join(copy, 'own');
  cpSync(join(ORACLE, '09-end-to-end', 'neural-csv'), folder, { recursive: true });
  const file = join(folder, 'benchmark.yaml');
  const changed = readFileSync(file, 'utf8').replace(
    /metric:.*\n(?: {2,}.*\n)*/,
    `metric: { name: ${metric} }\n`,
  );
  writeFileSync(file, changed);
  return file;
}

function score(
  metric: string,
): { benchmark: string; raw: { value: number }; provenance: { metric: string } }[] {
  const network = join(ORACLE, '09-end-to-end', 'resnet');
  const words = ['score', join(network, 'model.onnx'), '--card', join(network, 'card.yaml')];
  const out = node(
    ...['dist/program/cli/main.js', ...words, '--benchmark', benchmarkOf(metric), '--json'],
    ...['--home', join(copy, 'home'), '--threads', '1'],
  );
  return JSON.parse(out);
}

test('a metric is one file and one line', () => {
  write(
    'src/metrics/first-unit.ts',
    `import { crossRegressedCorrelation } from './cross-regressed-correlation.js';
import type { MetricResult, NeuralMetric, NeuralOptions, Source, Target } from './metric.js';
import { plsRegression } from './pls.js';

/** Predicts by one component of the first unit alone. */
async function firstUnit(
  { stimulusIds, features }: Source,
  target: Target,
  { crossValidation }: NeuralOptions,
): Promise<MetricResult> {
  const regress = plsRegression(await features.columns(0, 1), 1, { components: 1 });
  return crossRegressedCorrelation(stimulusIds, target, crossValidation, regress);
}

export const firstUnitMetric: NeuralMetric = {
  kind: 'neural',
  version: 7,
  perNeuroid: true,
  defaults: {},
  normalisation: 'squared',
  text: { name: 'First unit', words: 'The first unit predicts each neuroid.', raw: 'mean over splits' },
  run: firstUnit,
};
`,
  );
  insert(
    TABLE,
    "import { firstUnitMetric } from '../first-unit.js';",
    'import { behaviourMetrics }',
  );
  insert(TABLE, "  'first-unit': firstUnitMetric,", '  pls: plsMetric,');
  compile();
  node('scripts/generate.mjs');
  expect(text('benchmarks/benchmark.schema.json')).toContain('"first-unit"');
  expect(text('docs/benchmark-file.md')).toContain('| `first-unit` | First unit |');
  const [scored] = score('first-unit');
  expect(scored.provenance.metric).toBe('first-unit@7');
  expect(scored.raw.value).toBeGreaterThan(-1);
});

test('a metric of a kind that is nowhere defined is a type error', () => {
  insert(TABLE, "  'no-kind': { ...plsMetric, kind: 'nothing' as const },", '  pls: plsMetric,');
  expect(compile).toThrow();
  write(
    TABLE,
    text(TABLE).replace("  'no-kind': { ...plsMetric, kind: 'nothing' as const },\n", ''),
  );
});

test('a kind of benchmark is one file and one line', () => {
  write(
    'src/metrics/count.ts',
    `import type { MetricDefinition } from './metric.js';

export const countMetric: MetricDefinition & { readonly kind: 'count' } = {
  kind: 'count',
  version: 1,
  defaults: {},
  normalisation: 'raw',
  text: { name: 'Units', words: 'How many units the layer has.', raw: 'units' },
};
`,
  );
  insert(TABLE, "import { countMetric } from '../count.js';", 'import { behaviourMetrics }');
  insert(TABLE, '  count: countMetric,', '  pls: plsMetric,');
  write(
    'src/scoring/measure/count-benchmark.ts',
    `import { regionLayer } from '../benchmark/layer-role.js';
import { definitionInputs, shownAt } from '../benchmark/shown-stimuli.js';
import type { BenchmarkKind } from './benchmark-kind.js';

export const countKind: BenchmarkKind = {
  compares: 'recordings',
  fits: false,
  async load(benchmark, sources) {
    const stimuli = await sources.stimuli(benchmark.stimuli);
    return {
      benchmark,
      shown: [shownAt(benchmark, stimuli)],
      layers: regionLayer(benchmark),
      stratum: undefined,
      seconds: 0,
      metric: 'count@1',
      inputs: definitionInputs(benchmark),
      form: () => 'features',
      ceiling: () => null,
      async measure({ units }) {
        const raw = { value: units, error: null, splits: [] };
        return {
          ...{ value: units, error: null, ci: null, formula: 'raw', errorOf: 'raw', errorKind: 'none' },
          ...{ raw, ceiling: null, warnings: [] },
        };
      },
    };
  },
};
`,
  );
  insert(
    KINDS,
    "import { countKind } from '../measure/count-benchmark.js';",
    'import { neuralKind }',
  );
  insert(KINDS, '  count: countKind,', '  neural: neuralKind,');
  compile();
  node('scripts/generate.mjs');
  const [scored] = score('count');
  expect(scored.raw.value).toBeGreaterThan(1);
  expect(Number.isInteger(scored.raw.value)).toBe(true);
});
