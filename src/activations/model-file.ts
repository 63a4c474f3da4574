import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { didYouMean } from '../errors/closest-names.js';
import { VentralError } from '../errors/ventral-error.js';
import { packageRoot } from '../formats/package-root.js';
import { checkGraph } from '../onnx/checks/check-graph.js';
import {
  embedExternalData,
  externalFiles,
  MOST_MODEL_BYTES,
  requireOneFile,
} from '../onnx/external-data.js';
import { CARD_KEY, getMetadata } from '../onnx/metadata.js';
import { type Model, readModel } from '../onnx/model.js';
import { modelInputs } from '../onnx/model-inputs.js';
import { withDequantised } from '../onnx/prepare/dequantise.js';
import { imagePart } from '../onnx/prepare/image-part.js';
import { withoutBfloat16 } from '../onnx/prepare/widen-bfloat16.js';
import { withSeeds } from '../onnx/prepare/with-seeds.js';
import type { Execution } from '../runtime/provider.js';
import type { Optimization } from '../runtime/session.js';
import { imagenetCard, type ModelCard, parseCard } from './card/card.js';
import { cardTemplate } from './card/card-template.js';
import { type CardWarning, cardWarnings, unfinishedLines } from './card/card-warnings.js';
import { cardFolder } from './card/choice-files.js';
import { refuseCheckpoint } from './refuse-checkpoint.js';
import { inputWarnings } from './stimuli/input-warnings.js';

/** A network ready to run: its bytes, its graph, and its card if it has one. */
export interface ModelFile {
  /** Display name. */
  readonly name: string;
  /** `sha256:…` of the ONNX bytes, external data included. */
  readonly digest: string;
  readonly bytes: Uint8Array;
  /** The graph; of several inputs, what of it depends on the image alone. */
  readonly model: Model;
  readonly card: ModelCard | undefined;
  /** Path of the card. */
  readonly cardPlace?: CardPlace | undefined;
  /** What is most likely wrong in it. */
  readonly cardWarnings?: readonly CardWarning[];
  /** Whether it comes with the package. */
  readonly shipped?: boolean;
  /** How far the runtime may go in fusing its operators, where that is not as far as it can. */
  readonly optimization?: Optimization;
  /** What runs it for activations, where that is not the CPU. */
  readonly execution?: Execution;
}

/** Where a card was found: a YAML or JSON file, the metadata of the ONNX file, or no file at all. */
export type CardPlace =
  | { readonly kind: 'file' | 'embedded'; readonly path: string }
  | { readonly kind: 'given' | 'assumed' };

interface PlacedCard {
  readonly card: ModelCard;
  readonly place: CardPlace;
  /** As it is written, where it was read from text. */
  readonly text?: string;
}

/** Where else a card may come from. */
export interface CardSource {
  /** `--card FILE`. */
  readonly file?: string;
  /** `--assume imagenet`. */
  readonly assume?: string;
  /** A card that is already read (HTTP). */
  readonly card?: ModelCard;
}

/** Options for opening a network. */
export interface ModelSource extends CardSource {
  /** Expected `sha256:…` of its bytes, if known. */
  readonly digest?: string;
}

const shipped = join(packageRoot, 'models');

/** Names of the models that come with the package (`models/<name>/model.yaml`). */
export async function shippedModels(): Promise<string[]> {
  const entries = await readdir(shipped, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory() && existsSync(join(shipped, entry.name, 'model.yaml')))
    .map((entry) => entry.name)
    .sort();
}

/**
 * Opens a network by the path of its ONNX file, of its card, of a folder with `model.yaml`, or by the
 * name of a shipped model. The card is, in this order: the one given, `--card`, `ventral.card` inside the
 * file, the YAML of the same base name beside it, `--assume`.
 * @throws VentralError `file-missing`, `file-damaged`, `not-onnx`, `onnx-truncated`, `card-invalid`, `input-mismatch`
 */
export async function openModelFile(
  reference: string,
  source: ModelSource = {},
): Promise<ModelFile> {
  const located = await locate(reference);
  const { path } = located;
  if (source.digest !== undefined) requireDigest(located.bytes, source.digest);
  const { model, bytes } = await selfContained(
    readModel(located.bytes, basename(path)),
    located.bytes,
    path,
  );
  const found =
    (source.card && { card: source.card, place: { kind: 'given' as const } }) ??
    (await givenCard(source)) ??
    located.placed ??
    embeddedCard(model, path) ??
    besideCard(path) ??
    assumed(source);
  const part = preparedGraph(model, found?.card);
  return {
    name: found?.card.name ?? basename(path, extname(path)),
    shipped: located.shipped ?? false,
    digest: source.digest && bytes === located.bytes ? source.digest : digestOf(bytes),
    bytes,
    model: part,
    card: found?.card,
    cardPlace: found?.place,
    cardWarnings: found
      ? [
          ...(found.text === undefined ? [] : unfinishedLines(found.text)),
          ...cardWarnings(found.card),
          ...inputWarnings(modelInputs(part), found.card, basename(path)),
          ...trialWarnings(part, found.card),
        ]
      : [],
  };
}

/**
 * The graph that is run and whose layers are listed: in types that the runtime computes with, fed with images alone, its random
 * numbers seeded where the card has trials.
 */
export function preparedGraph(
  model: Model,
  card: Pick<ModelCard, 'input' | 'trials'> | undefined,
): Model {
  const plain = withDequantised(withoutBfloat16(model));
  const steady = card?.trials === undefined ? plain : withSeeds(plain);
  return imagePart(steady, card?.input.name);
}

/** Trials of a network that gives the same numbers each time are one. */
export const trialWarnings = ({ seeded }: Model, { trials }: ModelCard): CardWarning[] =>
  trials === undefined || seeded
    ? []
    : [
        {
          code: 'card-trials',
          detail: `trials ${trials}: the graph draws no random numbers that could be seeded, so that every image is shown once`,
        },
      ];

const digestOf = (bytes: Uint8Array) =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** The bytes that are run are those that were read here, whatever happens to the file. */
function requireDigest(bytes: Uint8Array, expected: string): void {
  const found = digestOf(bytes);
  if (found === expected) return;
  throw new VentralError(
    'file-damaged',
    `The stored model ${expected} is damaged: its contents do not match its digest; upload the same file again, or run ventral fsck --heal`,
    { file: expected, expected, found },
  );
}

/** The checked model with its external data inside, so that digest, layers and runtime see one and the same file. */
async function selfContained(
  model: Model,
  bytes: Uint8Array,
  path: string,
): Promise<{ model: Model; bytes: Uint8Array }> {
  requireOneFile(model);
  checkGraph(model);
  if (externalFiles(model).length === 0) return { model, bytes };
  const whole = await embedExternalData(model, dirname(resolve(path)));
  return { model: readModel(whole, model.name), bytes: whole };
}

/** The card of a network, or `card-missing` with a card to complete. */
export function cardOf(file: ModelFile): ModelCard {
  if (file.card) return file.card;
  throw new VentralError(
    'card-missing',
    `${file.name} has no model card: give one with --card FILE, as ${file.name}.yaml beside the model, or use --assume imagenet. A card to complete:\n\n${cardTemplate(file.name)}`,
    { file: file.name, field: 'card' },
  );
}

/**
 * The card of a network as far as it is in a file of its own, without opening the network; undefined where there is none, or
 * none that can be read: opening the network reports that.
 */
export async function cardNear(reference: string): Promise<ModelCard | undefined> {
  const isCard = /\.ya?ml$/i.test(reference);
  try {
    if (!existsSync(reference)) return undefined;
    const card = statSync(reference).isDirectory() ? join(reference, 'model.yaml') : reference;
    if (card === reference && !isCard) return besideCard(reference)?.card;
    return parseCard(await readFile(card, 'utf8'), card, cardFolder(card));
  } catch {
    return undefined;
  }
}

async function locate(
  reference: string,
): Promise<{ path: string; bytes: Uint8Array; placed?: PlacedCard; shipped?: boolean }> {
  const named = join(shipped, reference);
  const isName =
    /^[\w.-]+$/.test(reference) && !existsSync(reference) && existsSync(join(named, 'model.yaml'));
  const path = isName ? named : reference;
  if (!existsSync(path)) {
    const hint = reference.startsWith('hf:')
      ? `; \`ventral pull ${reference}\` brings it, and prints its path`
      : didYouMean(reference, await shippedModels());
    throw new VentralError(
      'file-missing',
      `${reference} is neither a file nor the name of a shipped model${hint}`,
      { file: reference },
    );
  }
  if (isName) return { ...(await fromCard(join(path, 'model.yaml'))), shipped: true };
  if (statSync(path).isDirectory()) return fromCard(join(path, 'model.yaml'));
  if (['.yaml', '.yml'].includes(extname(path))) return fromCard(path);
  await refuseCheckpoint(path);
  return { path, bytes: await modelBytes(path) };
}

/** @throws VentralError `onnx-invalid` for a file that no runtime takes, before it is read */
async function modelBytes(path: string): Promise<Uint8Array> {
  const { size } = statSync(path);
  if (size <= MOST_MODEL_BYTES) return readFile(path);
  throw new VentralError(
    'onnx-invalid',
    `${path} has ${size} bytes, and the runtime takes a model of at most ${MOST_MODEL_BYTES}: export it in float16`,
    { file: path, expected: `at most ${MOST_MODEL_BYTES} bytes`, found: `${size}` },
  );
}

async function fromCard(
  path: string,
): Promise<{ path: string; bytes: Uint8Array; placed: PlacedCard }> {
  if (!existsSync(path))
    throw new VentralError(
      'file-missing',
      `${path} does not exist: a model folder has a model.yaml`,
      { file: path },
    );
  const text = await readFile(path, 'utf8');
  const card = parseCard(text, path, cardFolder(path));
  const placed: PlacedCard = { card, place: { kind: 'file', path }, text };
  const folder = dirname(path);
  if (card.file) {
    const file = resolve(folder, card.file);
    if (!existsSync(file))
      throw new VentralError(
        'file-missing',
        `${path} names the file ${card.file}, which does not exist`,
        { file: card.file, field: '/file' },
      );
    return { path: file, bytes: await modelBytes(file), placed };
  }
  if (card.build && dirname(resolve(folder)) === shipped) {
    const module = await import(
      pathToFileURL(join(packageRoot, 'dist', 'models', basename(folder), card.build)).href
    );
    return { path: join(folder, 'model.onnx'), bytes: await module.build(), placed };
  }
  throw new VentralError(
    'card-invalid',
    `${path} is a card that names no network: give the ONNX file, and the card by --card ${path}; or add \`file: NETWORK.onnx\` to it`,
    { file: path, field: '/file', expected: 'file', found: 'none' },
  );
}

async function givenCard(source: CardSource): Promise<PlacedCard | undefined> {
  if (source.file === undefined) return undefined;
  if (!existsSync(source.file))
    throw new VentralError('file-missing', `--card ${source.file} does not exist`, {
      file: source.file,
    });
  const text = await readFile(source.file, 'utf8');
  const card = parseCard(text, source.file, cardFolder(source.file));
  return { card, place: { kind: 'file', path: source.file }, text };
}

function embeddedCard(model: Model, path: string): PlacedCard | undefined {
  const text = getMetadata(model, CARD_KEY);
  if (text === undefined) return undefined;
  const card = parseCard(text, `${CARD_KEY} in ${basename(path)}`);
  return { card, place: { kind: 'embedded', path }, text };
}

function besideCard(path: string): PlacedCard | undefined {
  const base = join(dirname(path), basename(path, extname(path)));
  const file = ['.yaml', '.yml'].map((ending) => base + ending).find((name) => existsSync(name));
  if (file === undefined) return undefined;
  const text = readFileSync(file, 'utf8');
  return {
    card: parseCard(text, file, cardFolder(file)),
    place: { kind: 'file', path: file },
    text,
  };
}

function assumed(source: CardSource): PlacedCard | undefined {
  if (source.assume === undefined) return undefined;
  if (source.assume === 'imagenet') return { card: imagenetCard, place: { kind: 'assumed' } };
  throw new VentralError('bad-usage', `--assume: expected imagenet, found "${source.assume}"`);
}
