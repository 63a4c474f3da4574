import type { Command } from 'commander';
import type { MeasuredLayer } from '../../activations/measure-layers.js';
import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import { writeFileAtomic } from '../../formats/write-file-atomic.js';
import { globalOptions } from '../options/global-options.js';
import { several } from '../options/layer-request.js';
import {
  addProviderOptions,
  type ProviderOptions,
  providerRequest,
} from '../options/provider-option.js';
import { printRows } from '../print/print-rows.js';
import { visibleText } from '../terminal/error-text.js';
import { interruption } from '../terminal/interruption.js';
import type { Io } from '../terminal/io.js';
import { progressBar } from '../terminal/progress-bar.js';

/** `ventral layers`, `ventral activations` and `ventral card`. */
export function registerNetworks(program: Command, io: Io): void {
  program
    .command('layers')
    .description('list the layers of a model: names, shapes, units, operators, what is folded')
    .argument('<model>', 'ONNX file, card, model folder or name of a shipped model')
    .option('--values', 'list every value of the graph, not only modules')
    .option('--json', 'print JSON')
    .action(
      async (
        reference: string,
        options: { values?: boolean; json?: boolean },
        command: Command,
      ) => {
        await printLayers(reference, options, command, io);
      },
    );
  registerActivations(program, io);
  registerCard(program, io);
}

async function printLayers(
  reference: string,
  options: { values?: boolean; json?: boolean },
  command: Command,
  io: Io,
): Promise<void> {
  const { measureLayers, modulesOrValues } = await import('../../activations/measure-layers.js');
  const all = await measureLayers(reference, globalOptions(command));
  const layers = options.values ? all : modulesOrValues(all);
  if (options.json) {
    io.out(`${JSON.stringify(layers, null, 2)}\n`);
    return;
  }
  printLayerTable(layers, io);
}

/** Layers in the order of the graph, with their type where it is not one for all; unknown sizes are empty in a pipe. */
export function printLayerTable(layers: readonly MeasuredLayer[], io: Io): void {
  const isMixed =
    new Set(layers.flatMap(({ dtype = '' }) => (/float/.exec(dtype) ? dtype : []))).size > 1;
  const rows = layers.map((layer) => {
    const { name, shape, units, operator, value } = layer;
    const remark = remarkOf(layer) || (isMixed ? (layer.dtype ?? '') : '');
    const size = shape?.join(' × ') ?? '–';
    return [name, size, String(units ?? '–'), operator, value ?? '–', remark];
  });
  const head = ['layer', 'shape', 'units', 'operator', 'value', 'remarks'];
  printRows(head, rows, io, {
    head,
    rows: rows.map((row) => row.map((cell) => (cell === '–' ? '' : cell))),
  });
}

function remarkOf({ folded, candidates, needs }: MeasuredLayer): string {
  if (needs) return `needs ${needs.join(', ')}`;
  if (folded) return `folded into ${folded.carriedBy}`;
  return candidates ? `one of ${candidates.join(', ')}` : '';
}

function registerCard(program: Command, io: Io): void {
  const cards = program.command('card').description('model cards');
  cards
    .command('check')
    .description('list the likely mistakes of a card; draw what the network sees of an image')
    .argument('<card>', 'card, YAML or JSON')
    .argument('[model]', 'the model that it is for: input and layers are compared with the graph')
    .option('--image <file>', 'an image, as a score would prepare it')
    .option('-o, --out <png>', 'file for what the network sees of it')
    .option('--degrees <n>', 'degrees of visual angle of the image; else it fills the input')
    .action((card: string, model: string | undefined, options: CheckOptions) =>
      checkCardFile(card, model, options, io),
    );
  cards
    .command('whole')
    .description('print a card with all that it keeps in files beside it, for an upload')
    .argument('<card>', 'card, YAML or JSON')
    .action(async (card: string) => {
      const { wholeCard } = await import('../../activations/card/whole-card.js');
      io.out(await wholeCard(card));
    });
  cards
    .command('init')
    .description('write a card from the contents of the file; ask for the rest in a terminal')
    .argument('<model>', 'ONNX file')
    .option(
      '--config <file>',
      'preprocessing of a model hub: config.json of timm, preprocessor_config.json, open_clip_config.json',
    )
    .action(async (reference: string, options: { config?: string }) => {
      const { draftCard } = await import('../../activations/init-card.js');
      const { readHubConfig } = await import('../../activations/card/hub-config.js');
      const { cardTemplate, openFields } = await import('../../activations/card/card-template.js');
      const found = await draftCard(reference);
      const config = options.config ? await readHubConfig(options.config) : undefined;
      const { input, facts } = config ?? {};
      for (const note of config?.notes ?? []) io.err(visibleText(`note: ${note}`));
      const draft = { ...found, hints: { ...found.hints, ...present({ input, facts }) } };
      const { askCard, terminalQuestions } = await import('../terminal/ask-card.js');
      const questions = terminalQuestions();
      const hints = questions ? await askCard(draft, questions) : draft.hints;
      io.out(cardTemplate(draft.name, hints));
      const open = openFields(hints);
      if (open.length > 0) io.err(`Not set, marked # TODO: ${open.join(', ')}\n`);
    });
}

interface CheckOptions {
  readonly image?: string;
  readonly out?: string;
  readonly degrees?: string;
}

/** Exit status 0 without a likely mistake, 1 with one. */
async function checkCardFile(
  path: string,
  model: string | undefined,
  { image, out, degrees }: CheckOptions,
  io: Io,
): Promise<void> {
  if ((image === undefined) !== (out === undefined))
    throw new VentralError('bad-usage', 'card check: --image and --out go together');
  if (degrees !== undefined && image === undefined)
    throw new VentralError('bad-usage', 'card check: --degrees belongs to --image');
  const { checkCard } = await import('../../activations/check-card.js');
  const { card, warnings } = await checkCard(path, model);
  if (image !== undefined && out !== undefined) {
    const { seenImage } = await import('../../activations/stimuli/seen-image.js');
    const angle = degrees === undefined ? undefined : degreesOf(degrees);
    const { png, width, height, values } = await seenImage(image, card, angle);
    await writeFileAtomic(out, png);
    const [low, high] = values.map((value) => Number(value.toPrecision(3)));
    io.err(`${out}: ${width} × ${height} pixels, input values ${low} to ${high}\n`);
  }
  for (const { code, detail } of warnings) io.out(visibleText(`${path}: ${code}: ${detail}`));
  if (warnings.length > 0) process.exitCode = 1;
  else io.out(`${path}: no problems found\n`);
}

interface ActivationOptions extends ProviderOptions {
  readonly layers: string[];
  readonly benchmark?: string;
  readonly stimuli?: string;
  readonly degrees?: string;
  readonly output: string;
  readonly card?: string;
  readonly assume?: string;
  readonly input?: string;
}

function registerActivations(program: Command, io: Io): void {
  const command = program
    .command('activations')
    .description('write the activations of layers over a stimulus set')
    .argument('<model>', 'ONNX file, card, model folder or name of a shipped model')
    .option('-l, --layers <names>', 'layers; globs (required)', several, [])
    .option('-b, --benchmark <id|file>', 'the stimuli of a benchmark, at its degrees')
    .option('--stimuli <set|folder>', 'a stimulus set of the catalog, a CSV or a folder of images')
    .option('--degrees <n>', 'degrees of visual angle that the stimuli span')
    .requiredOption('-o, --output <file>', 'file to write: .npz, .nc, .arrow or .json')
    .option('--card <file>', 'model card')
    .option('--assume <preset>', 'preset for a model without a card: imagenet')
    .option('--input <size>', 'another input size: resize=324,crop=288');
  addProviderOptions(command).action(
    async (reference: string, options: ActivationOptions, command: Command) => {
      if (options.layers.length === 0)
        throw new VentralError(
          'bad-usage',
          'activations: give --layers; `ventral layers` lists them',
        );
      if ((options.benchmark === undefined) === (options.stimuli === undefined)) {
        throw new VentralError(
          'bad-usage',
          'activations: give either --benchmark or --stimuli with --degrees',
        );
      }
      if ((options.stimuli === undefined) !== (options.degrees === undefined)) {
        throw new VentralError('bad-usage', 'activations: --stimuli and --degrees go together');
      }
      await writeActivations(reference, options, command, io);
    },
  );
}

async function writeActivations(
  reference: string,
  options: ActivationOptions,
  command: Command,
  io: Io,
): Promise<void> {
  const { exportActivations } = await import('../../scoring/features/export-activations.js');
  const { parseInputSize } = await import('../../activations/card/card.js');
  const bar = progressBar(io);
  const provider = providerRequest('activations', options, (line) => {
    bar.clear();
    io.err(line);
  });
  const stop = interruption();
  try {
    await exportActivations(
      {
        model: {
          path: reference,
          ...(options.card ? { file: options.card } : {}),
          ...(options.assume ? { assume: options.assume } : {}),
        },
        layers: options.layers,
        ...(options.benchmark ? { benchmark: options.benchmark } : {}),
        ...(options.stimuli
          ? { stimuli: options.stimuli, degrees: degreesOf(options.degrees) }
          : {}),
        ...(options.input ? { input: parseInputSize(options.input) } : {}),
        output: options.output,
      },
      {
        ...{ ...globalOptions(command), signal: stop.signal, progress: bar.progress },
        ...present({ provider }),
      },
    );
  } finally {
    bar.end();
    stop.release();
  }
}

function degreesOf(text: string | undefined): number {
  const degrees = Number(text);
  if (degrees > 0 && degrees < 180) return degrees;
  throw new VentralError(
    'bad-usage',
    `--degrees: expected degrees of visual angle, found "${text}"`,
  );
}
