import { existsSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, extname, isAbsolute, relative, resolve, sep } from 'node:path';
import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js';
import { type InputSize, type ModelCard, parseCard } from '../../activations/card/card.js';
import type { CardPlace } from '../../activations/model-file.js';
import { VentralError } from '../../errors/ventral-error.js';
import { requireOutputFile } from '../../formats/output-place.js';
import type { LayerMap } from '../map/layer-map-types.js';
import type { Score } from '../measure/score.js';
import type { LayerRequest } from '../model/layer-choice.js';
import { receiptSchema } from './receipt-schema.js';

/** Raised whenever a receipt is written in another way than before. */
export const RECEIPT_FORMAT = 1;

/** A file, relative to the receipt's folder or absolute; or the name of something that ventral ships. */
export type Reference = { readonly file: string } | { readonly name: string };

/** A network as it was scored. */
export interface ReceiptModel {
  readonly path: Reference;
  /** Display name. */
  readonly name: string;
  /** `sha256:…` of the ONNX bytes, external data included. */
  readonly digest: string;
  /** The whole card, before an input size from the options replaces its own. */
  readonly card: ModelCard;
  readonly cardFrom: CardPlace['kind'];
  /** `--card`. */
  readonly cardFile?: Reference;
  /** `--assume`. */
  readonly assume?: string;
}

/** A benchmark as it was loaded. */
export interface ReceiptBenchmark {
  readonly id: string;
  /** Metric and its version, `pls@1`. */
  readonly metric: string;
  /** Everything of the definition that the number depends on, seeds among it. */
  readonly definition: Readonly<Record<string, unknown>>;
  /** Names of the data: of the catalog, of a generator, or of files. */
  readonly sources: Readonly<Record<string, string>>;
  /** Digest of each piece of the data: `stimuli`, `pictures`, `degrees`, `recordings`, `order`, `trials`, … */
  readonly data: Readonly<Record<string, string>>;
}

interface Run {
  /** As requested. */
  readonly asked: readonly Reference[];
  /** Those that could be loaded. */
  readonly benchmarks: readonly ReceiptBenchmark[];
}

/** A model at one input size on benchmarks. */
export interface ScoreRun extends Run {
  readonly kind: 'score';
  readonly model: ReceiptModel;
  readonly layers?: LayerRequest;
  readonly input?: InputSize;
  readonly detail?: boolean;
  readonly scores: readonly Score[];
}

/** A file of features on benchmarks. */
export interface FeatureRun extends Run {
  readonly kind: 'features';
  readonly features: Reference & { readonly digest: string };
  readonly layers?: readonly string[];
  readonly detail?: boolean;
  readonly scores: readonly Score[];
}

/** Every layer of a model against benchmarks. */
export interface MapRun extends Run {
  readonly kind: 'map';
  readonly model: ReceiptModel;
  readonly layers?: readonly string[];
  readonly input?: InputSize;
  readonly holdout?: boolean;
  readonly nested?: boolean;
  readonly pool?: readonly string[];
  /** The images are those of the folder, or of the home. */
  readonly pca?: { readonly components: number; readonly images?: { readonly file: string } };
  readonly map: LayerMap;
}

/** What numbers were computed on. */
export interface ReceiptRuntime {
  readonly ort: string;
  readonly provider: string;
  readonly threads: number;
  readonly node: string;
  /** Operating system and instruction set, `linux-x64`. */
  readonly platform: string;
  readonly processor: string;
  /** What ran networks, where that was not the CPU. */
  readonly device?: string;
  readonly precision?: string;
}

/** Everything that numbers depend on, and the numbers: `ventral verify` computes them again. */
export interface Receipt {
  readonly receipt: typeof RECEIPT_FORMAT;
  readonly ventral: string;
  /** Version of products, statistics and random streams. */
  readonly numerics: number;
  /** Version of the room `screen`; receipts from before it had one lack it, and so do their digests of inputs. */
  readonly screen?: number;
  readonly runtime: ReceiptRuntime;
  readonly runs: readonly (ScoreRun | FeatureRun | MapRun)[];
}

/** Largest receipt that is read, in bytes. */
const LARGEST = 256 * 2 ** 20;
/** Objects and lists within one another; ours have at most twelve. */
const DEEPEST = 40;

let validate: ReturnType<Ajv2020['compile']> | undefined;

/**
 * Reads a receipt.
 * @throws VentralError `file-missing`, or `receipt-invalid` with what is wrong and where
 */
export async function readReceipt(path: string): Promise<Receipt> {
  const value = parsed(await textOf(path), path);
  if (isDeeper(value, DEEPEST)) throw invalid(path, '', `holds more than ${DEEPEST} levels`);
  const format = (value as { receipt?: unknown } | null)?.receipt;
  if (typeof format === 'number' && format !== RECEIPT_FORMAT)
    throw invalid(
      path,
      '/receipt',
      `has format ${format}; this ventral reads format ${RECEIPT_FORMAT}`,
    );
  validate ??= new Ajv2020({
    strict: true,
    strictRequired: false,
    allowUnionTypes: true,
    discriminator: true,
  }).compile(receiptSchema);
  if (!validate(value)) {
    const [error] = validate.errors as ErrorObject[];
    throw invalid(path, error.instancePath, error.message ?? error.keyword);
  }
  const receipt = value as Receipt;
  for (const [index, run] of receipt.runs.entries()) {
    if (!('model' in run)) continue;
    try {
      parseCard(JSON.stringify(run.model.card), `${path} /runs/${index}/model/card`);
    } catch (cause) {
      throw invalid(path, `/runs/${index}/model/card`, VentralError.from(cause).message, cause);
    }
  }
  return receipt;
}

async function textOf(path: string): Promise<string> {
  if (!existsSync(path)) {
    throw new VentralError('file-missing', `The receipt ${path} does not exist`, { file: path });
  }
  const { size } = requireFile(path);
  if (size > LARGEST) throw invalid(path, '', `holds ${size} bytes, more than ${LARGEST}`);
  return readFile(path, 'utf8');
}

/**
 * Size of a regular file.
 * @throws VentralError `file-missing` for a folder, a pipe or a device
 */
export function requireFile(path: string): { readonly size: number } {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isFile()) return found;
  const why = found ? 'is not a file' : 'does not exist';
  throw new VentralError('file-missing', `${path} ${why}`, { file: path });
}

function parsed(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw invalid(path, '', `is not JSON: ${(cause as Error).message}`, cause);
  }
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((each) => isDeeper(each, levels - 1));
}

function invalid(file: string, field: string, what: string, cause?: unknown): VentralError {
  const sentence = `The receipt ${file}${field && ` ${field}`} ${what}`;
  return new VentralError('receipt-invalid', sentence, { file, field, cause });
}

/**
 * Checks before the work starts whether a receipt can be written at a path: it must end in .json, its folder must
 * exist, and an existing file must be a receipt.
 * @throws VentralError `bad-usage`, `file-missing`, `file-exists`
 */
export async function checkReceiptPath(path: string): Promise<void> {
  if (extname(path).toLowerCase() !== '.json')
    throw new VentralError('bad-usage', `--receipt ${path}: expected a name that ends in .json`, {
      file: path,
    });
  await requireOutputFile('--receipt', path);
  if (!existsSync(path)) return;
  try {
    await readReceipt(path);
  } catch (cause) {
    const sentence = `--receipt ${path}: the file exists already, and is not a receipt`;
    throw new VentralError('file-exists', sentence, { file: path, cause });
  }
}

/** A path as stored in a receipt: absolute if given so, else relative to the receipt's folder. */
export function fileReference(given: string, receipt: string): { readonly file: string } {
  if (isAbsolute(given)) return { file: given };
  const file = relative(dirname(resolve(receipt)), resolve(given)) || '.';
  return { file: file.split(sep).join('/') };
}

/** The path or name of a reference in a receipt. */
export const referred = (reference: Reference, receipt: string): string =>
  'file' in reference ? resolve(dirname(receipt), reference.file) : reference.name;
