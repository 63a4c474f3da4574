import { existsSync, statSync } from 'node:fs';
import type { ModelCard } from '../../activations/card/card.js';
import { type CardSource, openModelFile, shippedModels } from '../../activations/model-file.js';
import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import {
  type FeatureRun,
  type MapRun,
  type Receipt,
  type ReceiptModel,
  type Reference,
  referred,
  requireFile,
  type ScoreRun,
} from './receipt.js';
import { fileDigest } from './write-receipt.js';

/** A run of a receipt whose model, or features, were found. */
export type Reopened =
  | {
      readonly run: ScoreRun | MapRun;
      readonly path: string;
      readonly digest: string;
      /** The card where it was then, as it is now; undefined if there is none. */
      readonly card: ModelCard | undefined;
    }
  | { readonly run: FeatureRun; readonly path: string; readonly digest: string };

/** Path of a receipt, and current paths of its models, if moved (`--model`). */
export interface ReceiptPlaces {
  readonly receipt: string;
  readonly models: readonly string[];
}

/**
 * Finds the inputs of the runs of a receipt, before anything is recomputed.
 * @throws VentralError `file-missing`, naming the digest that is looked for
 */
export async function reopenRuns({ runs }: Receipt, places: ReceiptPlaces): Promise<Reopened[]> {
  const moved = new Map<string, string>();
  for (const path of places.models) moved.set((await openModelFile(path)).digest, path);
  const digests = new Set(runs.flatMap((run) => ('model' in run ? run.model.digest : [])));
  const reopened: Reopened[] = [];
  for (const run of runs) {
    if (!('model' in run)) {
      reopened.push(await reopenFeatures(run, places.receipt));
      continue;
    }
    const only = digests.size === 1 ? places.models[0] : undefined;
    const path = moved.get(run.model.digest) ?? only ?? (await pathOf(run.model, places.receipt));
    if (existsSync(path) && !statSync(path).isDirectory()) requireFile(path);
    const source = sourceOf(run.model, places.receipt);
    const { digest, card } = await openModelFile(path, source);
    reopened.push({ run, path, digest, card });
  }
  return reopened;
}

/** Where else the card came from, as far as that is still there. */
function sourceOf({ cardFile, assume }: ReceiptModel, receipt: string): CardSource {
  const file = cardFile && referred(cardFile, receipt);
  const isThere = file !== undefined && existsSync(file);
  if (isThere) requireFile(file);
  return { ...(isThere ? { file } : {}), ...present({ assume }) };
}

async function pathOf({ path, name, digest }: ReceiptModel, receipt: string): Promise<string> {
  const found = referred(path, receipt);
  const isThere = 'name' in path ? (await shippedModels()).includes(found) : existsSync(found);
  if (isThere) return found;
  throw missing(found, `the model ${name} (${digest}); give its path with --model FILE`);
}

async function reopenFeatures(run: FeatureRun, receipt: string): Promise<Reopened> {
  const path = referred(run.features, receipt);
  if (!existsSync(path)) throw missing(path, `the features (${run.features.digest})`);
  requireFile(path);
  return { run, path, digest: await fileDigest(path) };
}

/**
 * Names of the benchmarks of a run, as `loadBenchmarks` takes them.
 * @throws VentralError `file-missing` for what is no file
 */
export function askedNames(asked: readonly Reference[], receipt: string): string[] {
  return asked.map((reference) => {
    const name = referred(reference, receipt);
    if ('file' in reference) requireFile(name);
    return name;
  });
}

const missing = (path: string, what: string) =>
  new VentralError('file-missing', `${path} does not exist: the receipt needs ${what}`, {
    file: path,
  });
