import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import { expect, test } from 'vitest';
import { program } from '../../src/cli/command-line.js';
import type { Io } from '../../src/cli/terminal/io.js';
import { tableCases } from '../cli/print/table-cases.js';
import {
  documents,
  outputPattern,
  root,
  shellBlocks,
  shownCommands,
  ventralLines,
} from './shell-blocks.js';

/** The commands of the documents without running them: `test/slow/documents.test.ts` types them. */

const silent: Io = { out: () => {}, err: () => {}, interactive: false, color: false };
const read = (file: string) => readFileSync(join(root, file), 'utf8');
const blocks = documents.flatMap(shellBlocks);

/** What of a command line does not exist: a command, or an option. */
function unknownWords(words: readonly string[]): string[] {
  const ventral = program(silent);
  let command: Command = ventral;
  let rest = words;
  for (;;) {
    const next = command.commands.find((each) => each.name() === rest[0]);
    if (next === undefined) break;
    command = next;
    rest = rest.slice(1);
  }
  const options = [...command.options, ...ventral.options].flatMap(({ short, long }) => [
    short,
    long,
  ]);
  const known = new Set([...options, '--help', '-h']);
  const missing = rest.flatMap((word) => /^--?[a-z][a-z-]*/.exec(word)?.[0] ?? []);
  const without = missing.filter((word) => !known.has(word));
  return command === ventral && !/^(--|[A-Z<…]|$)/.test(rest[0] ?? '')
    ? [rest[0], ...without]
    : without;
}

test('every command in a block exists, with its options, also where the block cannot run', () => {
  const lines = blocks.flatMap((block) =>
    ventralLines(block).map((words) => ({ words, where: `${block.document}:${block.line}` })),
  );
  expect(lines.length).toBeGreaterThan(60);
  const unknown = lines.flatMap(({ words, where }) =>
    unknownWords(words).map((word) => `${where}: ${word} in ventral ${words.join(' ')}`),
  );
  expect(unknown).toEqual([]);
});

test('every command within a sentence exists, with its options', () => {
  const all = [...documents, 'CONTRIBUTING.md', 'SECURITY.md'];
  const lines = all.flatMap((document) =>
    [...read(document).matchAll(/`(?:npx )?ventral ([a-z-][^`]*)`/g)].map(([, line]) => ({
      document,
      words: line.split(/\s+/),
    })),
  );
  expect(lines.length).toBeGreaterThan(40);
  const unknown = lines.flatMap(({ document, words }) =>
    unknownWords(words).map((word) => `${document}: ${word} in ventral ${words.join(' ')}`),
  );
  expect(unknown).toEqual([]);
});

test('a block that is not run says why', () => {
  const left = blocks.filter(({ notRun }) => notRun !== undefined);
  const silent = left.filter(({ notRun = '' }) => notRun.split(' ').length < 5);
  expect(silent.map(({ document, line }) => `${document}:${line}`)).toEqual([]);
  // One more is to be thought about: could it not run?
  expect(left.length).toBeLessThanOrEqual(20);
  expect(blocks.length - left.length).toBeGreaterThan(30);
  // The first block of the README is typed by the integration script.
  const script = read('.ci/run');
  expect(script).toContain("step 'npm ci' npm ci");
  expect(script).toContain('node .ci/start-and-score.mjs');
  expect(read('.ci/start-and-score.mjs')).toContain("spawn('npm', ['start']");
});

test('a block that shows output has a command for each output', () => {
  for (const block of blocks.filter(({ language }) => language === 'console'))
    expect(shownCommands(block).length).toBeGreaterThan(0);
});

test('an output is as printed but for what an ellipsis stands for', () => {
  const pattern = outputPattern('…\nlayer  V4\nconv1  0.1…\nwritten mine.onnx sha256:…\n');
  expect('plan\nlayer  V4\nconv1  0.123\nwritten mine.onnx sha256:5f\n').toMatch(pattern);
  expect('layer  V4\nconv1  0.123\nwritten mine.onnx sha256:5f\n').toMatch(pattern);
  expect('layer  V4\nconv1  0.223\nwritten mine.onnx sha256:5f\n').not.toMatch(pattern);
  expect('layer  V4\nconv1  0.123\nwritten mine.onnx sha256:5f\nmore\n').not.toMatch(pattern);
  expect('done\n').not.toMatch(outputPattern('d.ne\n'));
});

/** The anchor of a heading, as GitHub makes it. */
const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(' ', '-');

test('each link to a heading leads to one', () => {
  const dead = documents.flatMap((document) =>
    [...read(document).matchAll(/\]\(([^)\s#]*)#([^)]+)\)/g)]
      .filter(([, file]) => !/^https?:/.test(file))
      .filter(([, file, anchor]) => {
        const target = file === '' ? document : join(dirname(document), file);
        const headings = [...read(target).matchAll(/^#+ (.+)$/gm)].map(([, text]) =>
          anchorOf(text),
        );
        return !headings.includes(anchor);
      })
      .map(([link]) => `${document}: ${link}`),
  );
  expect(dead).toEqual([]);
});

test('docs/csv.md explains every column', async () => {
  const explained = new Set(
    [...read('docs/csv.md').matchAll(/^\|([^|]+)\|/gm)].flatMap(([, cell]) =>
      [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => name),
    ),
  );
  for (const file of ['print/print-scores.ts', 'print/print-map.ts', 'print/print-comparison.ts']) {
    let printed = '';
    await tableCases[file][0].print({
      ...silent,
      out: (text) => {
        printed += text;
      },
    });
    const columns = printed.split('\n')[0].split('\t');
    expect(
      columns.filter((column) => !explained.has(column)),
      file,
    ).toEqual([]);
  }
});

/** What was said in words that nobody uses, and is said plainly now. */
const QUAINT = [
  ...['the worker says that it lives', 'a wait for a word', 'Go on with it', 'Stage less stage'],
  ...['What kind of file it is', 'How the network wants its pictures', 'Nobody has said this'],
  ...['candidates that cannot be had', 'the plan is told', 'a part announced as longer'],
  ...['say which bins count', 'leaves 0 out', 'Of two sets of pictures', 'Take it along'],
  ...['the same bits whatever', 'Heard of lately', 'Holds until', 'Still to come', 'As at first'],
  ...['is not as it should be', 'no such thing here', 'leads everywhere', 'Lay another run'],
  ...['rather says alike', 'with a score on these benchmarks is called so'],
];

test('nothing is said in phrases that were replaced', () => {
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name))
    .map((name) => join('src', name));
  const places = ['openapi.yaml', ...documents, ...sources];
  const texts = places.map(read);
  const found = places.flatMap((file, i) =>
    QUAINT.filter((phrase) => texts[i].includes(phrase)).map((phrase) => `${file}: ${phrase}`),
  );
  expect(found).toEqual([]);
});
