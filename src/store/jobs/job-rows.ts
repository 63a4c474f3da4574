import type { FloorRequest } from '../../scoring/floor/measure-floors.js';
import type { LayerMap } from '../../scoring/map/layer-map-types.js';
import type { Score } from '../../scoring/measure/score.js';
import type { Recipe } from '../../training/recipe/recipe.js';
import type {
  Brought,
  Job,
  JobFailure,
  JobKind,
  JobProgress,
  JobProvider,
  JobState,
  TrainingRun,
} from './job.js';

/** A row of the table of jobs, with what its kind adds. */
export interface JobRow {
  id: string;
  seq: number;
  kind: JobKind;
  state: JobState;
  owner: string;
  model: string;
  registration: string | null;
  digest: string;
  model_name: string;
  card: unknown;
  benchmarks: string[];
  keys: string[];
  sources: string[];
  layers: Record<string, string> | string[] | null;
  input: Record<string, number> | null;
  holdout: boolean | null;
  pool: string[] | null;
  pca: number | null;
  nested: boolean | null;
  floors: FloorRequest | null;
  provider: JobProvider | null;
  detail: boolean;
  /** Of scores that were brought. */
  brought: Brought | null;
  /** Of a training. */
  recipe: Recipe | null;
  run: TrainingRun | null;
  network: string | null;
  attempt: number;
  faults: number;
  reason: string | null;
  log: string[];
  /** Its ticket in the queue. */
  entry: string;
  priority: number;
  progress: JobProgress | null;
  failures: JobFailure[];
  created_at: Date;
  started_at: Date | null;
  finished_at: Date | null;
  /** Scores of a score job, in the order of its benchmarks; null if it has none. */
  results: Score[] | null;
  /** Map of a layer map job, if it was read. */
  map?: LayerMap | null;
}

/** The job of a row. A map that was made under another name of the model goes under the present one. */
export function jobOf(row: JobRow): Job {
  const common = {
    id: row.id,
    state: row.state,
    owner: row.owner,
    model: row.model,
    registration: row.registration,
    digest: row.digest,
    modelName: row.model_name,
    card: row.card,
    benchmarks: row.benchmarks,
    sources: row.sources,
    ...(row.input ? { input: row.input } : {}),
    attempt: row.attempt,
    faults: row.faults,
    progress: row.progress,
    reason: row.reason,
    log: row.log,
    failures: row.failures,
    createdAt: row.created_at,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
  };
  if (row.kind === 'score') {
    return {
      ...common,
      kind: 'score',
      keys: row.keys,
      ...(row.layers ? { layers: row.layers as Record<string, string> } : {}),
      ...(row.detail ? { detail: true as const } : {}),
      ...(row.floors ? { floors: row.floors } : {}),
      ...(row.provider ? { provider: row.provider } : {}),
      results: row.results ?? [],
      ...(row.brought ? { brought: row.brought } : {}),
    };
  }
  if (row.kind === 'training') {
    const { run, network } = row;
    return { ...common, kind: 'training', keys: [], recipe: row.recipe as Recipe, run, network };
  }
  return {
    ...common,
    kind: 'layer-map',
    keys: row.keys as [string],
    ...(row.layers ? { layers: row.layers as string[] } : {}),
    holdout: row.holdout ?? false,
    ...(row.pool ? { pool: row.pool } : {}),
    ...(row.pca === null ? {} : { pca: row.pca }),
    ...(row.nested ? { nested: true as const } : {}),
    ...(row.floors ? { floors: row.floors } : {}),
    ...(row.provider ? { provider: row.provider } : {}),
    ...(row.map === undefined ? {} : { result: row.map && named(row.map, row.model_name) }),
  };
}

type Cells = LayerMap['layers'][number]['cells'];

function named(map: LayerMap, name: string): LayerMap {
  if (map.name === name) return map;
  const cells = (of: Cells): Cells =>
    Object.fromEntries(
      Object.entries(of).map(([benchmark, cell]) => [
        benchmark,
        'reason' in cell ? cell : { ...cell, name },
      ]),
    );
  return {
    ...map,
    name,
    layers: map.layers.map((row) => ({
      ...row,
      cells: cells(row.cells),
      ...(row.components ? { components: cells(row.components) } : {}),
    })),
    ...(map.holdout ? { holdout: cells(map.holdout) } : {}),
  };
}
