import { existsSync, statSync } from 'node:fs';
import {
  type CardSource,
  type ModelFile,
  openModelFile,
  shippedModels,
} from '../activations/model-file.js';
import { VentralError } from '../errors/ventral-error.js';
import {
  type FeatureRun,
  type MapRun,
  type ModelRecord,
  type Receipt,
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
      readonly file: ModelFile;
      readonly source: CardSource & { readonly path: string };
      /** What was done about a card that is not where it was. */
      readonly note?: string;
    }
  | { readonly run: FeatureRun; readonly path: string; readonly digest: string };

/** Where a receipt lies, and where its models are now, if elsewhere (`--model`). */
export interface Places {
  readonly receipt: string;
  readonly models: readonly string[];
}

/**
 * Finds what the runs of a receipt were computed from, before anything is computed again.
 * Throws `file-missing`, naming the digest that is looked for.
 */
export async function reopenRuns({ runs }: Receipt, places: Places): Promise<Reopened[]> {
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
    reopened.push({ run, ...(await reopenModel(run.model, path, places.receipt)) });
  }
  return reopened;
}

async function pathOf({ path, name, digest }: ModelRecord, receipt: string): Promise<string> {
  const found = referred(path, receipt);
  const isThere = 'name' in path ? (await shippedModels()).includes(found) : existsSync(found);
  if (isThere) return found;
  throw missing(found, `the model ${name} (${digest}); say where it is now with --model FILE`);
}

async function reopenModel(
  { card, cardFile, cardFrom, assume }: ModelRecord,
  path: string,
  receipt: string,
): Promise<Omit<Extract<Reopened, { file: ModelFile }>, 'run'>> {
  if (existsSync(path) && !statSync(path).isDirectory()) requireFile(path);
  const given = cardFile && referred(cardFile, receipt);
  const isThere = given !== undefined && existsSync(given);
  if (isThere) requireFile(given);
  const source = {
    path,
    ...(isThere ? { file: given } : {}),
    ...(assume === undefined ? {} : { assume }),
  };
  if (given === undefined || isThere) {
    const file = await openModelFile(path, source);
    if (file.card) return { file, source };
  }
  // A model may be moved without the card beside it: the receipt has the whole card.
  const own = { path, card };
  const note = `${given ?? `the card (${cardFrom})`} is not there: the card of the receipt is taken`;
  return { file: await openModelFile(path, own), source: own, note };
}

async function reopenFeatures(run: FeatureRun, receipt: string): Promise<Reopened> {
  const path = referred(run.features, receipt);
  if (!existsSync(path)) throw missing(path, `the features (${run.features.digest})`);
  requireFile(path);
  return { run, path, digest: await fileDigest(path) };
}

/** Names of the benchmarks of a run, as `loadBenchmarks` takes them. Throws `file-missing` for what is no file. */
export function askedNames(asked: readonly Reference[], receipt: string): string[] {
  return asked.map((reference) => {
    const name = referred(reference, receipt);
    if ('file' in reference) requireFile(name);
    return name;
  });
}

const missing = (path: string, what: string) =>
  new VentralError('file-missing', `${path} is not there: the receipt is about ${what}`, {
    file: path,
  });
