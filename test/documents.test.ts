import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '..');
const generated = /^(?:node_modules|dist|coverage|runs|\.git)(?:\/|$)/;
const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .map((file) => file.replaceAll('\\', '/'))
  .filter((file) => !generated.test(file) && /\.\w+$/.test(file));
const read = (file: string) => readFileSync(join(root, file), 'utf8');

/** Numbers of the sections of a document: `1`, `1.5`, `Appendix C`. */
function sectionsOf(file: string): Set<string> {
  return new Set(
    [...read(file).matchAll(/^#+ (?:(\d+(?:\.\d+)*)\.? |(Appendix [A-Z])\b)/gm)].map(
      ([, number, appendix]) => number ?? appendix,
    ),
  );
}

/** Every citation of the specification or the design in the code, with its file. */
function citations(): { file: string; document: string; section: string }[] {
  const code = files.filter((file) => /\.(tsx?|mjs|ya?ml|py)$/.test(file));
  return code.flatMap((file) =>
    [
      ...read(file).matchAll(
        /\b(spec|design)[, ]+((?:(?:§[\d.]+\d|§\d|Appendix [A-Z])(?:, | and )?)+)/g,
      ),
    ].flatMap(([, document, list]) =>
      [...list.matchAll(/§([\d.]*\d)|(Appendix [A-Z])/g)].map(([, number, appendix]) => ({
        file,
        document,
        section: number ?? appendix,
      })),
    ),
  );
}

test('each section that the code cites exists', () => {
  const known = { spec: sectionsOf('docs/spec.md'), design: sectionsOf('docs/design.md') };
  const cited = citations();
  expect(cited.length).toBeGreaterThan(100);
  const missing = cited
    .filter(({ document, section }) => !known[document as 'spec' | 'design'].has(section))
    .map(({ file, document, section }) => `${file} cites ${document} §${section}`);
  expect(missing).toEqual([]);
});

test('each link of the documents leads to a file', () => {
  const documents = files.filter((file) => file.endsWith('.md') && !file.startsWith('test/'));
  const dead = documents.flatMap((file) =>
    [
      ...read(file)
        .replace(/```[\s\S]*?```/g, '')
        .matchAll(/\]\(([^)\s#]+)(?:#[^)]*)?\)/g),
    ]
      .map(([, link]) => link)
      .filter((link) => !/^(https?:|mailto:|\/)/.test(link))
      .filter((link) => !existsSync(join(root, dirname(file), link)))
      .map((link) => `${file}: ${link}`),
  );
  expect(dead).toEqual([]);
});

test('each link to a heading leads to one', () => {
  const documents = files.filter((file) => file.endsWith('.md') && !file.startsWith('test/'));
  const headings = new Map(documents.map((file) => [file, anchorsOf(file)]));
  const dead = documents.flatMap((file) =>
    [
      ...read(file)
        .replace(/```[\s\S]*?```/g, '')
        .matchAll(/\]\(([^)\s#:]*)#([^)\s]+)\)/g),
    ]
      .filter(([, path, anchor]) => {
        const target = path === '' ? file : join(dirname(file), path);
        return !headings.get(target)?.has(anchor);
      })
      .map(([, path, anchor]) => `${file}: ${path}#${anchor}`),
  );
  expect(dead).toEqual([]);
});

/** The anchors that GitHub gives the headings of a document. */
function anchorsOf(file: string): Set<string> {
  const text = read(file).replace(/```[\s\S]*?```/g, '');
  return new Set(
    [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
      heading
        .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

test('docs/benchmark-file.md explains every key and every option of a metric, and no other', () => {
  const { properties } = JSON.parse(read('benchmarks/benchmark.schema.json'));
  const document = read('docs/benchmark-file.md');
  const inTable = (heading: string) => {
    const section = document.split(`\n${heading}\n`)[1].split(/\n#+ /)[0];
    return [...section.matchAll(/^\| (`[^|]+`) \|/gm)]
      .flatMap(([, cell]) => [...cell.matchAll(/`([^`]+)`/g)])
      .map(([, name]) => name)
      .sort();
  };
  expect(inTable('## Keys')).toEqual(Object.keys(properties).sort());
  const options = Object.keys(properties.metric.properties).filter((name) => name !== 'name');
  expect(inTable('### Options of metrics')).toEqual(options.sort());
});

test('each file of the code that a document names exists', () => {
  const documents = files.filter((file) => file.endsWith('.md') && file !== 'CHANGELOG.md');
  const named = documents.flatMap((file) =>
    [
      ...read(file).matchAll(
        /`((?:src|test|bench|scripts|models|benchmarks|docs|deploy)\/[\w./-]+)`/g,
      ),
    ].map(([, path]) => ({ file, path })),
  );
  expect(named.length).toBeGreaterThan(20);
  const absent = named.filter(({ path }) => !existsSync(join(root, path)));
  expect(absent.map(({ file, path }) => `${file}: ${path}`)).toEqual([]);
});

test('each page of formulas links to the code that computes them', () => {
  const pages = [
    ...['ablation', 'augmentation', 'how-a-number-is-made', 'layer-maps', 'leaderboard'],
    ...['robustness', 'simulated', 'training', 'training-data', 'training-engine'],
  ];
  const without = pages.filter(
    (page) => !/\]\(\.\.\/src\/[\w./-]+\.ts\)/.test(read(`docs/${page}.md`)),
  );
  expect(without).toEqual([]);
});
