import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { ModelCard } from '../activations/card/card.js';
import { VentralError } from '../errors/ventral-error.js';
import { digestOf } from '../formats/digest.js';
import type { Score } from '../scoring/measure/score.js';
import {
  type Receipt,
  type Reference,
  readReceipt,
  type ScoreRun,
} from '../scoring/receipt/receipt.js';

/** What receipts must be of to go along. */
export interface PackagedModel {
  readonly name: string;
  readonly digest: string;
  readonly card: ModelCard;
  readonly readout: string | readonly string[];
}

/** A receipt as a package carries it. */
export interface PackagedScores {
  /** Name of the file below `scores/`. */
  readonly name: string;
  readonly text: string;
}

/** Receipts in the folder `scores` of a model's own folder. */
export async function receiptsBeside(folder: string): Promise<string[]> {
  const names = await readdir(join(folder, 'scores')).catch(() => []);
  return names
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => join(folder, 'scores', name));
}

/**
 * Receipts for a package, numbered in their order. All their scores must be of this very model with this
 * card's input and layers; simulated ones, selections and layer maps, which are selections, never go
 * along. Paths of the machine that measured are reduced to file names.
 * @throws VentralError `receipt-invalid`, `file-missing`, and `package-invalid` naming the score
 */
export async function packageScores(
  paths: readonly string[],
  model: PackagedModel,
): Promise<PackagedScores[]> {
  const packaged: PackagedScores[] = [];
  for (const [index, path] of paths.entries()) {
    const receipt = await readReceipt(path);
    for (const run of receipt.runs) checkRun(run, path, model);
    const text = `${JSON.stringify(withoutPaths(receipt), null, 2)}\n`;
    packaged.push({ name: `receipt_${index + 1}.json`, text });
  }
  return packaged;
}

function checkRun(run: Receipt['runs'][number], path: string, model: PackagedModel): void {
  const refuse = (what: string) =>
    new VentralError('package-invalid', `${path}: ${what}, and does not go into a package`, {
      file: path,
    });
  if (run.kind === 'map') throw refuse('a layer map is a selection');
  if (run.kind === 'features') throw refuse('a score of features has no model');
  if (run.model.digest !== model.digest)
    throw refuse(`${run.model.name} is not the model ${model.name} (${model.digest})`);
  if (run.input !== undefined || sight(run.model.card) !== sight(model.card))
    throw refuse('the model was scored with another input or other visual degrees than its card');
  for (const score of run.scores) checkScore(score, model, refuse);
}

const sight = ({ input, visual_degrees }: ModelCard) =>
  digestOf(JSON.parse(JSON.stringify({ input, visual_degrees })));

function checkScore(
  score: Score,
  { card, readout }: PackagedModel,
  refuse: (what: string) => VentralError,
): void {
  if (score.simulated !== false) throw refuse(`${score.benchmark} is simulated`);
  if (score.selection !== false)
    throw refuse(`${score.benchmark} is a selection: its layer was chosen on its own stimuli`);
  const allowed = layersOf(score, card, readout).map((layer) => [layer].flat().join('+'));
  if (allowed.includes(score.layer)) return;
  const given =
    allowed.length > 0
      ? `the package has ${allowed.join(' or ')}`
      : 'the package leaves the choice to Brain-Score';
  throw refuse(`${score.benchmark} was measured at the layer ${score.layer}, ${given}`);
}

/** The layers that the package gives to what a score is about. */
function layersOf(
  { region }: Score,
  { region_layer_map, logits }: ModelCard,
  readout: string | readonly string[],
): (string | readonly string[])[] {
  if (region === null) return [readout, ...(logits ? [logits.layer] : [])];
  const map: Readonly<Record<string, string | readonly string[]>> = region_layer_map ?? {};
  return Object.hasOwn(map, region) ? [map[region]] : [];
}

function withoutPaths(receipt: Receipt): Receipt {
  return { ...receipt, runs: receipt.runs.map((run) => redactedRun(run as ScoreRun)) };
}

function redactedRun(run: ScoreRun): ScoreRun {
  const { file: _file, build: _build, recipe: _recipe, ...card } = run.model.card;
  const { cardFile } = run.model;
  return {
    ...run,
    asked: run.asked.map(redacted),
    model: {
      ...run.model,
      card,
      path: redacted(run.model.path),
      ...(cardFile ? { cardFile: redacted(cardFile) } : {}),
    },
    benchmarks: run.benchmarks.map((benchmark) => ({
      ...benchmark,
      sources: Object.fromEntries(
        Object.entries(benchmark.sources).map(([key, source]) => [key, lastName(source)]),
      ),
    })),
  };
}

const lastName = (path: string) => basename(path.replaceAll('\\', '/'));

function redacted<T extends Reference>(reference: T): T {
  return 'file' in reference ? { ...reference, file: lastName(reference.file) } : reference;
}
