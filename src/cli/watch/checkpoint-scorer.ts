import { VentralError } from '../../errors/ventral-error.js';
import type { Progress, Work } from '../../runtime/work.js';
import { shareStimuli } from '../../scoring/compare/shared-stimuli.js';
import { type LayerMapContext, mapLayers } from '../../scoring/map/layer-map.js';
import type { LayerMap } from '../../scoring/map/layer-map-types.js';
import { type Score, whyNoValue } from '../../scoring/measure/score.js';
import type { LayerRequest } from '../../scoring/model/layer-choice.js';
import { type ScoreOutcome, scoreModel } from '../../scoring/model/score-model.js';
import { loadBenchmarks } from '../../scoring/registry/load-benchmark.js';
import type { RemoteScores } from '../../service/access/remote-scores.js';
import { namedBenchmarks, namedLayers, scoreAtService } from '../commands/score-at-service.js';
import type { Io } from '../terminal/io.js';
import type { TakenNetwork } from './import-taken.js';
import { isPassing } from './trouble.js';
import type { WatchedFailure, WatchedRow } from './watch-state.js';

/** What each checkpoint is scored on. */
export interface AskedScores {
  /** Identifiers or files. */
  readonly benchmarks: readonly string[];
  readonly layers: LayerRequest;
  /** Whether each checkpoint is mapped as well, over these candidates where they are named. */
  readonly map: { readonly layers: readonly string[] } | undefined;
}

/** A network to score. */
export interface ScoredNetwork extends TakenNetwork {
  /** Name on the leaderboard. */
  readonly name: string;
  /** The same for the same request, so that a service does it once. */
  readonly once: string;
}

/** The numbers of a checkpoint, and why there are no others. */
export interface CheckpointScores {
  readonly rows: readonly WatchedRow[];
  readonly failures: readonly WatchedFailure[];
}

/** Scores checkpoints, here or at a service. */
export interface CheckpointScorer {
  /** @throws what concerns the network as a whole, and `interrupted` */
  score(network: ScoredNetwork, progress: Work): Promise<CheckpointScores>;
  close(): Promise<void>;
}

/**
 * Scores here, with the numbers of `ventral score` and `ventral map`. Images are decoded once for all checkpoints.
 * @throws what is wrong with a benchmark, before the first checkpoint
 */
export async function scorerHere(
  asked: AskedScores,
  given: LayerMapContext,
): Promise<CheckpointScorer> {
  const { close } = await loadBenchmarks(asked.benchmarks, given, (_, error) => {
    throw VentralError.from(error);
  });
  await close();
  const shared = await shareStimuli(given);
  return {
    async score({ path, card, name }, progress) {
      const context = { ...shared.context, progress };
      const model = { path, name, ...card };
      const { benchmarks, layers } = asked;
      if (!asked.map)
        return scoresOf(await scoreModel({ model, benchmarks, layers }, context), asked);
      // The layers of the map are computed first: those of the scores are among them.
      const candidates = asked.map.layers.length > 0 ? { layers: asked.map.layers } : {};
      const [first, second] = progress.parts(['map', 'scores']);
      progress.planned();
      const { map } = await mapLayers(
        { model, benchmarks, ...candidates },
        { ...context, progress: first },
      );
      const outcome = await scoreModel(
        { model, benchmarks, layers },
        { ...context, progress: second },
      );
      return joined(scoresOf(outcome, asked), chosenOf(map));
    },
    close: () => shared.close(),
  };
}

/**
 * Scores at a service, which gets each checkpoint first; its scores stand on the leaderboard and in the series there.
 * @throws what the service says of a benchmark, before the first checkpoint
 */
export async function scorerAtService(
  asked: AskedScores,
  remote: RemoteScores,
  io: Io,
): Promise<CheckpointScorer> {
  namedBenchmarks(asked.benchmarks);
  namedLayers(asked.layers);
  for (const benchmark of asked.benchmarks) await remote.requireBenchmark(benchmark);
  return {
    async score({ path, card, name, once }, progress) {
      const { benchmarks, layers } = asked;
      const wanted = { model: { path, ...card }, benchmarks, layers };
      const tell = (told: Progress) => progress.mirror(told);
      const { model, ...outcome } = await scoreAtService({ remote, io }, wanted, name, tell, once);
      const scored = scoresOf(outcome, asked);
      // Scores that are asked for again need no map yet.
      if (!asked.map || scored.failures.some(isPassing)) return scored;
      const candidates = asked.map.layers.length > 0 ? { layers: asked.map.layers } : {};
      const request = { model, benchmarks, ...candidates };
      const { map, failures } = await remote.map(request, tell, `${once}-map`);
      const mapped = map
        ? chosenOf(map as unknown as LayerMap)
        : { rows: [], failures: failures.map(failureOf) };
      return joined(scored, mapped);
    },
    close: async () => {},
  };
}

const joined = (a: CheckpointScores, b: CheckpointScores): CheckpointScores => ({
  rows: [...a.rows, ...b.rows],
  failures: [...a.failures, ...b.failures],
});

/** With a map, a benchmark for which no layer is given is no failure. */
function scoresOf({ scores, failures }: ScoreOutcome, { map }: AskedScores): CheckpointScores {
  const counted = failures.filter(({ error }) => !map || error.code !== 'layer-unset');
  return {
    rows: scores.map((score) => rowOf(score, 'fixed')),
    failures: [...counted.map(failureOf), ...scores.flatMap(withoutValue)],
  };
}

const failureOf = ({ benchmark, error }: ScoreOutcome['failures'][number]): WatchedFailure => ({
  benchmark,
  code: error.code,
  reason: error.message,
});

const withoutValue = (score: Score): WatchedFailure[] =>
  score.value === null
    ? [{ benchmark: score.benchmark, code: 'metric-failed', reason: whyNoValue(score) }]
    : [];

/** The layer that a map chooses on each benchmark. */
function chosenOf({ benchmarks, layers, chosen }: LayerMap): CheckpointScores {
  const rows: WatchedRow[] = [];
  const failures: WatchedFailure[] = [];
  for (const benchmark of benchmarks) {
    const best = chosen[benchmark];
    const cell = best && layers.find(({ layer }) => layer === best.layer)?.cells[benchmark];
    if (cell && !('reason' in cell)) rows.push(rowOf(cell, 'chosen'));
    else {
      const reason = 'no layer of the map has a value';
      failures.push({ benchmark, code: 'metric-failed', reason });
    }
  }
  return { rows, failures };
}

function rowOf(score: Score, map: WatchedRow['map']): WatchedRow {
  const { benchmark, region, layer, value, ci, raw, ceiling, simulated, provenance } = score;
  return {
    ...{ benchmark, region, map, layer, value, ci },
    ...{ raw: raw.value, ceiling: ceiling?.value ?? null },
    ...{ selection: score.selection || map === 'chosen', simulated, inputs: provenance.inputs },
  };
}
