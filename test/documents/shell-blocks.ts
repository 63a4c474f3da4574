import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** The root of the checkout. */
export const root = resolve(import.meta.dirname, '..', '..');

/** Documents with commands, in the order in which a newcomer meets them. */
export const documents: readonly string[] = inOrder();

function inOrder(): string[] {
  const first = ['README.md', 'docs/getting-started.md', 'docs/checkpoint-to-figure.md'];
  const pages = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'));
  const others = pages.map((name) => `docs/${name}`).filter((name) => !first.includes(name));
  return [...first, ...others.sort(), 'deploy/README.md'];
}

/** Fenced commands of a document. */
export interface ShellBlock {
  readonly document: string;
  /** Line of the fence, from 1. */
  readonly line: number;
  /** `sh`: a script as it is typed. `console`: commands after `$ `, each with what a terminal then shows. */
  readonly language: 'sh' | 'console';
  readonly text: string;
  /** Why the block cannot run in a test: `<!-- not run: REASON -->` above the fence. */
  readonly notRun?: string;
  /** Files that the reader has: `<!-- given: a.onnx, a.yaml -->` above the fence. */
  readonly given: readonly string[];
  /** Exit status of the last command: `<!-- status: 1 -->` above the fence. */
  readonly status: number;
}

/** A command of a `console` block and what it prints. */
export interface Shown {
  readonly command: string;
  readonly output: string;
}

const FENCE = /^ *```(\w*) *$/;
const COMMENT = /^<!-- (not run|given|status): (.+) -->$/;
/** Languages of blocks that hold no commands. */
const OTHERS = ['yaml', 'js', 'python', 'csv', 'json', 'text'];
const COMMAND = /^(?: {4}|\$ )?(?:npx )?(?:ventral|npm|curl) [-a-z\\]/;
const INDENTED = /^ {4}(?:\$ )?(?:npx )?(?:ventral|npm|curl) /;

/**
 * The commands of a document.
 * @throws Error for commands outside a `sh` or `console` block, where they would be run by nobody, and for comments that
 *   belong to no block
 */
export function shellBlocks(document: string): ShellBlock[] {
  const lines = readFileSync(join(root, document), 'utf8').split('\n');
  const blocks: ShellBlock[] = [];
  let comments: [string, string][] = [];
  for (let at = 0; at < lines.length; at++) {
    const comment = COMMENT.exec(lines[at]);
    const fence = FENCE.exec(lines[at]);
    const where = `${document}:${at + 1}`;
    if (comment) comments.push([comment[1], comment[2]]);
    else if (fence) {
      const end = lines.findIndex((line, i) => i > at && FENCE.test(line));
      const inside = lines.slice(at + 1, end);
      if (isShell(fence[1]))
        blocks.push({ ...blockOf(inside, comments), document, line: at + 1, language: fence[1] });
      else if (!OTHERS.includes(fence[1]) && inside.some((line) => COMMAND.test(line)))
        throw new Error(`${where}: commands are in a block of sh or console`);
      else if (comments.length > 0) throw new Error(`${where}: a comment for no commands`);
      comments = [];
      at = end;
    } else if (INDENTED.test(lines[at]))
      throw new Error(`${where}: commands are in a fenced block`);
    else if (comments.length > 0 && lines[at] !== '')
      throw new Error(`${where}: a comment for no commands`);
  }
  return blocks;
}

const isShell = (language: string): language is ShellBlock['language'] =>
  language === 'sh' || language === 'console';

function blockOf(inside: readonly string[], comments: readonly [string, string][]) {
  const said = new Map(comments);
  const notRun = said.get('not run');
  return {
    text: `${inside.join('\n')}\n`,
    ...(notRun === undefined ? {} : { notRun }),
    given: said.get('given')?.split(/, */) ?? [],
    status: Number(said.get('status') ?? 0),
  };
}

/** The commands of a `console` block: lines after `$ `, continued after a backslash, and the output up to the next. */
export function shownCommands({ text, document, line }: ShellBlock): Shown[] {
  const parts = text.split(/^\$ /m);
  if (parts[0] !== '') throw new Error(`${document}:${line}: output before the first command`);
  return parts.slice(1).map((part) => {
    const [, command, output] = /^((?:.*\\\n)*.*)\n([\s\S]*)$/.exec(part) ?? ['', part, ''];
    return { command, output };
  });
}

/** Words of every line that begins with `ventral` or `npx ventral`, comments and redirections left out. */
export function ventralLines(block: ShellBlock): string[][] {
  return block.text
    .replaceAll('\\\n', ' ')
    .split('\n')
    .map((line) => /(?:^|[|;&(] ?|^\$ )(?:npx )?ventral ([^|;&]*)/.exec(line)?.[1])
    .filter((line) => line !== undefined)
    .map((line) => wordsOf(line.replace(/(^|\s)#.*$/, '')));
}

/** Words of a command line up to a redirection. */
function wordsOf(line: string): string[] {
  const words = [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
    ([, single, double, plain]) => single ?? double ?? plain,
  );
  const end = words.findIndex((word) => /^\d?>/.test(word));
  return end < 0 ? words : words.slice(0, end);
}

/** What an output has to be like: `…` stands for anything in a line, and alone on a line for any lines. */
export function outputPattern(expected: string): RegExp {
  const escaped = (text: string) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const lines = expected
    .trimEnd()
    .split('\n')
    .map((line) =>
      line.trim() === '…'
        ? '(?:.*\\n)*?'
        : `${line.trimEnd().split('…').map(escaped).join('.*?')} *\\n`,
    );
  return new RegExp(`^${lines.join('')}$`, 'u');
}
