/**
 * Writes what is generated from the table of metrics (`src/metrics/table/metric-table.ts`): the names in the JSON schema of benchmark
 * files, the words of the pages, the table in the documents; and from the shipped benchmarks the document that lists them.
 * `npm run generate`; `test/metrics/generated.test.ts` compares.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { benchmarksDocument } from './benchmarks-document.mjs';

const root = resolve(import.meta.dirname, '..');
const SCHEMA = 'benchmarks/benchmark.schema.json';
const WORDS = 'src/web/parts/words/metric-words.json';
const DOCUMENT = 'docs/benchmark-file.md';
const REGISTERED = 'docs/benchmarks.md';

/**
 * What each generated file should hold, by its path.
 * @param listed every shipped benchmark as lists show it
 */
export function generatedFiles(metrics, listed) {
  const registered = readFileSync(resolve(root, 'benchmarks/registered.json'), 'utf8');
  return new Map([
    [SCHEMA, schemaWith(metrics, readFileSync(resolve(root, SCHEMA), 'utf8'))],
    [WORDS, `${JSON.stringify(wordsOf(metrics), null, 2)}\n`],
    [DOCUMENT, documentWith(metrics, readFileSync(resolve(root, DOCUMENT), 'utf8'))],
    [REGISTERED, benchmarksDocument(listed, JSON.parse(registered))],
  ]);
}

/** The names stand on lines of their own between `"enum": [` and `]` of `metric.name`. */
function schemaWith(metrics, text) {
  const names = Object.keys(metrics).map((name) => JSON.stringify(name));
  const lines = [];
  for (const name of names) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + name.length + 2 <= 100)
      lines[lines.length - 1] = `${last}, ${name}`;
    else lines.push(name);
  }
  const list = lines.map((line) => `            ${line}`).join(',\n');
  return text.replace(
    /("title": "Name of the metric",\s+"enum": \[\n)[^\]]*?(\n\s+\])/,
    (_, before, after) => `${before}${list}${after}`,
  );
}

function wordsOf(metrics) {
  return Object.fromEntries(
    Object.entries(metrics).map(([name, { kind, text, normalisation }]) => [
      name,
      { ...text, kind, formula: normalisation },
    ]),
  );
}

const formulas = {
  squared: 'raw² / ceiling',
  ratio: 'raw / ceiling',
  'ratio-squared': '(raw / ceiling)²',
  root: 'mean of raw / √ceiling',
  clipped: 'raw / ceiling, bounded to 0…1',
  'above-chance': '(raw − chance) / (ceiling − chance), bounded to 0…1',
  raw: 'raw',
};
const sides = {
  neural: 'recordings',
  'read-out': 'trials, read-out',
  label: 'trials, labels',
  choices: 'trials, labels',
  triplets: 'trials, triplets',
  properties: 'a distribution',
  search: 'trials, read-out',
  threshold: 'thresholds, read-out',
  factors: 'nothing',
};

function documentWith(metrics, text) {
  const rows = Object.entries(metrics).map(
    ([name, { kind, defaults, optional = [], required = [], normalisation, text: words }]) => {
      const options = [
        ...required.map((key) => `\`${key}\` (required)`),
        ...Object.entries(defaults).map(([key, value]) => `\`${key}: ${value}\``),
        ...optional.map((key) => `\`${key}\``),
      ];
      return `| \`${name}\` | ${words.name} | ${sides[kind]} | ${options.join(', ')} | ${formulas[normalisation]} |`;
    },
  );
  const head = [
    '| name | metric | compares with | options and defaults | value |',
    '| --- | --- | --- | --- | --- |',
  ];
  return text.replace(
    /(<!-- metrics -->\n)[\s\S]*?(<!-- \/metrics -->)/,
    (_, before, after) => `${before}${[...head, ...rows].join('\n')}\n${after}`,
  );
}

if (process.argv[1] === import.meta.filename) {
  const built = (path) => import(pathToFileURL(resolve(root, 'dist/src', path)).href);
  const { metrics } = await built('metrics/table/metric-table.js');
  const { listBenchmarks } = await built('scoring/registry/registry.js');
  const { listedBenchmark } = await built('scoring/registry/listed-benchmark.js');
  const files = generatedFiles(metrics, listBenchmarks().map(listedBenchmark));
  for (const [path, text] of files) writeFileSync(resolve(root, path), text);
}
