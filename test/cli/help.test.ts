import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { program, runCommandLine } from '../../src/cli/command-line.js';
import type { Io } from '../../src/cli/terminal/io.js';

async function ventral(...words: string[]) {
  const said = { out: '', err: '' };
  const io: Io = {
    out: (text) => {
      said.out += text;
    },
    err: (text) => {
      said.err += text;
    },
    interactive: false,
    color: false,
  };
  const status = await runCommandLine(['node', 'ventral', ...words], io);
  return { status, ...said };
}

const silent: Io = { out: () => {}, err: () => {}, interactive: false, color: false };

/** Every command with its words, groups too. */
function commandsOf(command: Command, path: readonly string[] = []): [string, Command][] {
  return command.commands.flatMap((each): [string, Command][] => {
    const words = [...path, each.name()];
    return [[words.join(' '), each], ...commandsOf(each, words)];
  });
}

const root = program(silent);
const commands = commandsOf(root);

/** Words of an example, without what a shell does with them. */
const wordsOf = (example: string) =>
  (
    example
      .replace(/ > .*$|\)$/g, '')
      .replace('<(', '')
      .match(/"[^"]*"|\S+/g) ?? []
  ).map((word) => word.replaceAll('"', ''));

describe.each(commands)('the help of %s', (words, command) => {
  test('has examples, exit statuses, global options, and marks what is required', async () => {
    const { status, out, err } = await ventral(...words.split(' '), '--help');
    expect([status, err]).toEqual([0, '']);
    expect(out).toMatch(/\nExamples:\n {2}\S/);
    expect(out).toMatch(/Exit status: 0 done, 1 failed, 2 wrong usage or bad input, 130/);
    expect(out).toMatch(/\nGlobal Options:\n[\s\S]*--home <folder>/);
    expect(out.match(/\(required\)/g)?.length ?? 0).toBeGreaterThanOrEqual(
      command.options.filter(({ mandatory }) => mandatory).length,
    );
    expect(out).not.toMatch(/default: (\[\]|false)/);
  });

  test('shows examples that the command takes', async () => {
    const { out } = await ventral(...words.split(' '), '--help');
    const examples = out.split('\nExamples:\n')[1].split('\n\n')[0].split('\n');
    for (const example of examples) {
      const given = wordsOf(example);
      const start = given.indexOf('ventral');
      const [found] = commands
        .filter(([name]) => `${given.slice(start + 1).join(' ')} `.startsWith(`${name} `))
        .sort(([a], [b]) => b.length - a.length);
      expect(found?.[0].startsWith(words), example).toBe(true);
      const known = [...found[1].options, ...root.options].flatMap(({ long, short }) => [
        long,
        short,
      ]);
      for (const word of given.filter((each) => /^--?[a-z]/.test(each)))
        expect(known, example).toContain(word);
      for (const { long, short } of found[1].options.filter(({ mandatory }) => mandatory))
        expect(
          given.some((word) => word === long || word === short),
          example,
        ).toBe(true);
    }
  });
});

describe('ventral help', () => {
  test.each(['cards', 'benchmarks', 'exit-status'])(
    '%s is short and names its page',
    async (topic) => {
      const { status, out } = await ventral('help', topic);
      expect(status).toBe(0);
      const [text] = out.split('\nMore: ');
      expect(text.split('\n').length).toBeLessThan(20);
      for (const line of text.split('\n')) expect([...line].length, line).toBeLessThanOrEqual(80);
      const page = /\nMore: (.*)\n/.exec(out)?.[1] ?? '';
      expect(readFileSync(page, 'utf8')).toMatch(/^# /);
    },
  );

  test('shows the help of a command, and of a command in a group', async () => {
    expect((await ventral('help', 'keys', 'create')).out).toMatch(/^Usage: ventral keys create /);
    expect((await ventral('help', 'benchmarks')).out).toContain('Usage: ventral benchmarks ');
    expect((await ventral('help')).out).toMatch(
      /^Usage: ventral [\s\S]*Topics: ventral help cards/,
    );
  });

  test('refuses anything else in one line', async () => {
    const { status, out, err } = await ventral('help', 'scores');
    expect([status, out]).toEqual([2, '']);
    expect(err).toBe(
      'ventral: help: no command or topic "scores"; did you mean "score" or "cards"?\n',
    );
  });
});

test('the page of exit statuses has those of the topic', async () => {
  const page = readFileSync(
    join(resolve(import.meta.dirname, '..', '..'), 'docs/exit-status.md'),
    'utf8',
  );
  const { out } = await ventral('help', 'exit-status');
  const statuses = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, n]) => n);
  expect(statuses(page, /^\| (\d+) \|/gm)).toEqual(['0', '1', '2', '130']);
  expect(statuses(out, /^ {2}(\d+) /gm)).toEqual(['0', '1', '2', '130']);
});
