import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openModelFile } from '../../activations/model-file.js';
import { makeScratchFolder } from '../../data/scratch-folder.js';
import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import { readModel } from '../../onnx/model.js';
import { choiceOf, executionOf } from '../../runtime/provider.js';
import type { Work } from '../../runtime/work.js';
import { type Floors, floorOf, type NullRun } from '../floor/floor.js';
import { FLOOR_SEED, keepRun, readRun } from '../floor/measure-floors.js';
import { hasWeights, redrawWeights } from '../floor/redrawn-weights.js';
import type { Score } from '../measure/score.js';
import {
  type ScoreContext,
  type ScoreOutcome,
  type ScoreRequest,
  scoreModel,
} from './score-model.js';

/**
 * Scores a model, and the same network with weights drawn again from seeds 0 … `seeds` − 1: a baseline, not a null. A benchmark
 * that fails with some weights has no number there.
 * @throws what {@link scoreModel} throws, and `bad-usage` for a network without float32 weights
 */
export async function scoreBesideRandomWeights(
  request: ScoreRequest,
  context: ScoreContext,
  seeds: number,
): Promise<ScoreOutcome> {
  const file = await openModelFile(request.model.path, request.model);
  const model = readModel(file.bytes, file.name);
  if (!hasWeights(model))
    throw new VentralError(
      'bad-usage',
      `${file.name}: --null random-weights draws float32 weights again, and the network has none`,
      { file: request.model.path, field: '--null', expected: 'float32 weights', found: 'none' },
    );
  const names = Array.from(
    { length: seeds },
    (_, seed) => `random weights ${seed + 1} of ${seeds}`,
  );
  const [own, ...parts] = context.progress?.parts(['', ...names]) ?? [];
  context.progress?.planned();
  const outcome = await scoreModel(request, { ...context, progress: own });
  own?.end();
  const runs = new Map(outcome.scores.map((score) => [score, [] as NullRun[]]));
  const scratch = await makeScratchFolder(context.home);
  try {
    for (let seed = 0; seed < seeds; seed++) {
      const drawn = async () => {
        const path = join(scratch.path, `random-weights-${seed}.onnx`);
        await writeFile(path, redrawWeights(model, seed));
        return { path, ...present({ card: file.card }) };
      };
      await scoreSeed({ request, context, outcome, runs, drawn, seed, progress: parts[seed] });
      parts[seed]?.end();
    }
  } finally {
    await scratch.remove();
  }
  const floors = new Map<Score, Floors>();
  for (const [score, found] of runs) {
    const { value, raw } = score;
    const floor = floorOf('random-weights', [value, raw.value], found, FLOOR_SEED);
    floors.set(score, { ...outcome.floors?.get(score), 'random-weights': floor });
  }
  return { ...outcome, floors };
}

interface Seed {
  readonly request: ScoreRequest;
  readonly context: ScoreContext;
  readonly outcome: ScoreOutcome;
  readonly runs: ReadonlyMap<Score, NullRun[]>;
  /** Writes the network with the weights of the seed. */
  readonly drawn: () => Promise<ScoreRequest['model']>;
  readonly seed: number;
  readonly progress: Work | undefined;
}

/** Adds a run to each score; what was run before is read. */
async function scoreSeed(asked: Seed): Promise<void> {
  const { request, context, outcome, runs, seed, progress } = asked;
  const cache = context.cells ?? context.cache;
  const of = ({ provenance }: Score) => ({
    ...{ inputs: provenance.inputs, threads: context.threads },
    ...{ kind: 'random-weights' as const, run: seed },
  });
  const known = await Promise.all(outcome.scores.map((score) => readRun(cache, of(score))));
  let found: readonly Score[] = [];
  if (known.includes(undefined)) {
    const { floors: _, result: __, ...plain } = context;
    const model = await asked.drawn();
    const again = { ...request, model, detail: false };
    // What `auto` chose for the network itself.
    const ran = outcome.scores.map(({ provenance }) => choiceOf(executionOf(provenance.runtime)));
    const provider = context.provider && { ...context.provider, ...ran[0] };
    found = (await scoreModel(again, { ...plain, provider, progress })).scores;
  }
  for (const [i, score] of outcome.scores.entries()) {
    const one = found.find(({ benchmark }) => benchmark === score.benchmark);
    const run: NullRun = known[i] ?? [one?.value ?? null, one?.raw.value ?? null];
    if (!known[i] && one) await keepRun(cache, of(score), run);
    runs.get(score)?.push(run);
  }
}
