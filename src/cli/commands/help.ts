import { join } from 'node:path';
import type { Command } from 'commander';
import { didYouMean } from '../../errors/closest-names.js';
import { VentralError } from '../../errors/ventral-error.js';
import { packageRoot } from '../../formats/package-root.js';
import type { Io } from '../terminal/io.js';

/** What a topic says, and the page that says more. */
const topics: Readonly<Record<string, { readonly text: string; readonly page: string }>> = {
  cards: {
    text: `A model card is a YAML file that says what an ONNX file does not: how images are
prepared (resize, crop, mean, std), how many degrees of visual angle the input
spans, which layer stands for V1, V2, V4 and IT, and which is the read-out.

It is found beside the model under the same name (net.onnx, net.yaml), inside
the model, or by --card FILE.

  ventral card init net.onnx > net.yaml     writes one; complete the TODO fields
  ventral card check net.yaml net.onnx      warns of likely mistakes
  ventral map net.onnx -r V1,V2,V4,IT --commit   chooses layers`,
    page: 'docs/model-card.md',
  },
  benchmarks: {
    text: `A benchmark is stimuli, recordings or trials of a brain or of people, a metric
and a ceiling. Some ship with ventral; your own is one YAML file beside its data
(CSV, netCDF, npz).

  ventral benchmarks list                   the shipped ones, and their data
  ventral data pull NAME                    downloads public data
  ventral benchmarks check mine.yaml        checks a file of your own
  ventral score net.onnx -b mine.yaml       scores on it

Benchmarks whose names begin with Simulated have made data: a score on them is
evidence about the pipeline, never about a brain.`,
    page: 'docs/benchmark-file.md',
  },
  'exit-status': {
    text: `  0    done: every number that was asked for is there
  1    failed: a score, layer, file or check; stderr says which
  2    wrong usage or bad input: nothing was computed
  130  interrupted by Ctrl-C or SIGTERM

Results go to stdout, everything else to stderr. With several models or
benchmarks those that can be scored are printed, and the status is 1.`,
    page: 'docs/exit-status.md',
  },
};

/** `ventral help`: the help of a command, or a topic. */
export function registerHelp(program: Command, io: Io): void {
  program
    .helpCommand(false)
    .command('help')
    .description('show the help of a command, or a topic: cards, benchmarks, exit-status')
    .argument('[words...]', 'words of a command, or a topic')
    .action((words: readonly string[]) => help(words, program, io));
}

function help(words: readonly string[], program: Command, io: Io): void {
  const topic = words.length === 1 && Object.hasOwn(topics, words[0]) && topics[words[0]];
  if (topic) io.out(`${topic.text}\n\nMore: ${join(packageRoot, topic.page)}\n`);
  const command = commandOf(words, program);
  if (topic && command) io.out('\n');
  if (command) command.outputHelp();
  if (topic || command) return;
  const known = [...program.commands.map((each) => each.name()), ...Object.keys(topics)];
  const hint = didYouMean(words[0], known);
  throw new VentralError('bad-usage', `help: no command or topic "${words.join(' ')}"${hint}`);
}

/** The command of such words; the program itself without any. */
function commandOf(words: readonly string[], program: Command): Command | undefined {
  return words.reduce<Command | undefined>(
    (command, word) => command?.commands.find((each) => each.name() === word),
    program,
  );
}
