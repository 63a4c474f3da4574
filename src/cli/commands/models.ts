import { existsSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import type { Command } from 'commander';
import type { Weights } from '../../activations/card/card.js';
import { VentralError } from '../../errors/ventral-error.js';
import { weightsWords } from '../../figure/provenance.js';
import { present } from '../../formats/present.js';
import type { ModelAccess, ModelResource } from '../../service/access/model-resource.js';
import { type PullChoices, pullModels } from '../catalog/pull-models.js';
import { globalOptions } from '../options/global-options.js';
import { storePlace } from '../options/store-place.js';
import { printRows } from '../print/print-rows.js';
import { visibleText } from '../terminal/error-text.js';
import type { Io } from '../terminal/io.js';

/** `ventral models list|show|add|remove|pull`: models registered in a home, those that ventral ships, and public ones. */
export function registerModels(program: Command, io: Io): void {
  const models = program.command('models').description('registered and shipped models');
  models
    .command('list')
    .description('list registered, shipped and public models')
    .option('--json', 'print JSON')
    .action((_options: unknown, command: Command) => list(command, io));
  models
    .command('show <model>')
    .description('show a model by id, digest or shipped name')
    .action((model: string, _options: unknown, command: Command) => show(model, command, io));
  models
    .command('add <file>')
    .description('register an ONNX file')
    .option(
      '--card <file>',
      'model card; default: the YAML file of the same base name beside it, or the card inside',
    )
    .option('--name <name>', 'name of the model; default: the name in its card')
    .option('--json', 'print JSON')
    .action((file: string, _options: unknown, command: Command) => add(file, command, io));
  registerPull(models, io);
  registerPull(program, io);
  models
    .command('remove <model>')
    .description('remove a model by id or digest; its scores are kept')
    .action((model: string, _options: unknown, command: Command) => remove(model, command, io));
}

/** `ventral models pull`, and `ventral pull` for short. */
function registerPull(parent: Command, io: Io): void {
  parent
    .command('pull <names...>')
    .description(
      'fetch networks: public ones by name, ONNX files of the Hugging Face hub by hf:owner/name[@revision] (HF_ENDPOINT, HF_TOKEN)',
    )
    .option('--accept-terms', 'accept their licences without being asked')
    .option('--file <path>', 'with hf:, which ONNX file; default: the one in full precision')
    .option(
      '--from <url>',
      'public ones: download from another URL that has the files under their names',
    )
    .option('--no-images', 'do not try public ones on images')
    .option('--json', 'print JSON')
    .action((names: string[], options: PullChoices, command: Command) =>
      pullModels(names, options, command, io),
    );
}

async function withAccess<T>(
  command: Command,
  work: (access: ModelAccess) => Promise<T>,
): Promise<T> {
  const { maxMemory } = globalOptions(command);
  const { openModelAccess } = await import('../../service/access/model-access.js');
  const access = await openModelAccess(await storePlace(command), maxMemory);
  try {
    return await work(access);
  } finally {
    await access.close();
  }
}

async function list(command: Command, io: Io): Promise<void> {
  const registered = await withAccess(command, (access) => access.list());
  const { shippedFacts } = await import('../../scoring/model/model-facts.js');
  const facts = await shippedFacts();
  const shipped = [...facts.keys()];
  const weights = new Map(
    [...facts].flatMap(([name, of]) => (of.weights ? [[name, of.weights] as const] : [])),
  );
  const { publicCatalog } = await import('../../importing/published/public-models.js');
  const { models } = publicCatalog();
  if (command.optsWithGlobals().json) {
    io.out(
      `${JSON.stringify({ registered, shipped, weights: Object.fromEntries(weights), public: models }, null, 2)}\n`,
    );
    return;
  }
  printModels({ registered, shipped, weights, models }, io);
}

/** Registered models, then those that ship, then those that `models pull` fetches. */
export function printModels(
  {
    registered,
    shipped,
    weights,
    models,
  }: {
    readonly registered: readonly Pick<ModelResource, 'name' | 'id' | 'digest' | 'weights'>[];
    readonly shipped: readonly string[];
    /** Where the weights of shipped models come from. */
    readonly weights: ReadonlyMap<string, Weights>;
    readonly models: readonly { readonly name: string; readonly sha1: string }[];
  },
  io: Io,
): void {
  const rows = [
    ...registered.map((model) => [model.name, model.id, model.digest, weightsText(model.weights)]),
    ...shipped.map((name) => [name, 'shipped', '', weightsText(weights.get(name))]),
    ...models.map(({ name, sha1 }) => [name, 'public', `sha1:${sha1}`, weightsWords.trained]),
  ];
  printRows(['name', 'id', 'digest', 'weights'], rows, io);
}

const weightsText = (weights: Weights | null | undefined) => (weights ? weightsWords[weights] : '');

async function show(model: string, command: Command, io: Io): Promise<void> {
  const { shippedModels } = await import('../../activations/model-file.js');
  const shown = (await shippedModels()).includes(model)
    ? await shippedModel(model)
    : await withAccess(command, (access) => access.show(model));
  io.out(`${JSON.stringify(shown, null, 2)}\n`);
}

async function shippedModel(reference: string) {
  const { openModelFile } = await import('../../activations/model-file.js');
  const { name, digest, card, bytes } = await openModelFile(reference);
  return { id: 'shipped', name, digest, size: bytes.byteLength, card };
}

async function add(file: string, command: Command, io: Io): Promise<void> {
  const { card, name, json } = command.optsWithGlobals<{
    card?: string;
    name?: string;
    json?: boolean;
  }>();
  if (!existsSync(file)) throw new VentralError('file-missing', `${file} does not exist`, { file });
  const { refuseCheckpoint } = await import('../../activations/refuse-checkpoint.js');
  await refuseCheckpoint(file);
  const source = card ?? cardBeside(file);
  const { wholeCard } = await import('../../activations/card/whole-card.js');
  const text = source === undefined ? undefined : await wholeCard(source);
  const { asOneFile } = await import('../../activations/one-file.js');
  const { model, created } = await asOneFile(file, globalOptions(command).home, (path) =>
    withAccess(command, (access) => access.add({ path, ...present({ card: text, name }) })),
  );
  io.out(json ? `${JSON.stringify(model, null, 2)}\n` : `${model.id}\n`);
  io.err(`${words(model, created)}\n`);
  for (const { code, detail } of model.warnings) io.err(visibleText(`${code}: ${detail}`));
}

function words(model: ModelResource, created: boolean): string {
  const done = created ? `Registered ${model.name}` : `${model.name} was registered before`;
  return model.card === null ? `${done}. It has no card, which scores need (--card FILE)` : done;
}

function cardBeside(file: string): string | undefined {
  const base = join(dirname(file), basename(file, extname(file)));
  return ['.yaml', '.yml'].map((ending) => base + ending).find((path) => existsSync(path));
}

async function remove(model: string, command: Command, io: Io): Promise<void> {
  await withAccess(command, (access) => access.remove(model));
  io.err(`Removed ${model}\n`);
}
