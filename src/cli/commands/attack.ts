import type { Command } from 'commander';
import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import type { Threat } from '../../training/attack/threat.js';
import { dataSourceOf } from '../options/data-source.js';
import { globalOptions } from '../options/global-options.js';
import { several } from '../options/layer-request.js';
import { interruption } from '../terminal/interruption.js';
import type { Io } from '../terminal/io.js';
import { progressBar } from '../terminal/progress-bar.js';

interface AttackOptions {
  readonly data: string;
  readonly threat: string[];
  readonly count: string;
  readonly seed: string;
  readonly batch: string;
  readonly card?: string;
  readonly assume?: string;
  readonly json?: boolean;
  readonly csv?: boolean;
}

const DEFAULT_THREAT = 'Linf:8/255';

/** `ventral attack`: how robust a network is, on the same examples throughout. */
export function registerAttack(program: Command, io: Io): void {
  program
    .command('attack')
    .description('measure robustness: clean, FGSM, PGD, a margin loss, Square, the worst case')
    .argument('<model>', 'ONNX file, card, model folder or name of a shipped model')
    .requiredOption(
      '--data <source>',
      'a folder of class folders; images.idx,labels.idx; shards-{000..009}.tar; objects-on-backgrounds:SEED:COUNT:SIDE',
    )
    .option(
      '--threat <norm:epsilon>',
      `Linf or L2 and a radius in pixels of [0, 1], such as ${DEFAULT_THREAT} or L2:0.5`,
      several,
      [],
    )
    .option('--count <n>', 'examples drawn from the data', '500')
    .option('--seed <n>', 'seed of the sample and of the attacks', '1')
    .option('--batch <n>', 'images per batch', '32')
    .option('--card <file>', 'model card')
    .option('--assume <preset>', 'preset for a model without a card: imagenet')
    .option('--json', 'print the result as JSON')
    .option('--csv', 'print one line an attack')
    .action((model: string, options: AttackOptions, command: Command) =>
      attack(model, options, command, io),
    );
}

async function attack(
  path: string,
  options: AttackOptions,
  command: Command,
  io: Io,
): Promise<void> {
  const { card, assume, json, csv } = options;
  if (json && csv)
    throw new VentralError('bad-usage', 'attack: --json and --csv exclude each other');
  const threats = options.threat.length > 0 ? options.threat : [DEFAULT_THREAT];
  const request = {
    model: {
      path,
      ...present({ file: card, assume }),
    },
    data: dataSourceOf(options.data),
    threats: threats.map(threatOf),
    count: wholeNumber('--count', options.count, 1, 1_000_000),
    seed: wholeNumber('--seed', options.seed, 0, 2 ** 32 - 1),
    batch: wholeNumber('--batch', options.batch, 1, 4096),
  };
  const { threads, maxMemory } = globalOptions(command);
  const { attackModel } = await import('../../training/robustness/attack-model.js');
  const { printRobustness } = await import('../print/print-robustness.js');
  const bar = progressBar(io);
  const stop = interruption();
  try {
    const context = { threads, maxMemory, signal: stop.signal, progress: bar.progress };
    const report = await attackModel(request, context);
    bar.clear();
    printRobustness(report, json ? 'json' : csv ? 'csv' : 'table', io);
  } finally {
    bar.end();
    stop.release();
  }
}

/**
 * Reads `Linf:8/255` or `L2:0.5`.
 * @throws VentralError `bad-usage`
 */
function threatOf(text: string): Threat {
  const [, norm, over, under = '1'] =
    /^(Linf|L2):(\d{1,6}(?:\.\d{1,12})?)(?:\/(\d{1,6}))?$/.exec(text) ?? [];
  const epsilon = Number(over) / Number(under);
  const most = norm === 'Linf' ? 1 : 1000;
  if (epsilon > 0 && epsilon <= most) return { norm: norm as Threat['norm'], epsilon };
  throw new VentralError(
    'bad-usage',
    `--threat: expected Linf:E with E up to 1, or L2:E, such as ${DEFAULT_THREAT}, found "${text}"`,
    { field: 'threat' },
  );
}

function wholeNumber(option: string, text: string, least: number, most: number): number {
  const number = Number(text);
  if (/^\d{1,10}$/.test(text) && number >= least && number <= most) return number;
  throw new VentralError(
    'bad-usage',
    `${option}: expected a whole number from ${least} to ${most}, found "${text}"`,
    { field: option.slice(2) },
  );
}
