import { join } from 'node:path';
import { meanInterval } from '../../numerics/statistics/student-t.js';
import type { CompareStage, Recipe, Stage } from '../recipe/recipe.js';
import { networkName, UNTRAINED } from '../recipe/recipe.js';
import { readMetrics } from '../record/metrics-log.js';
import type { TrainingEvent } from '../record/training-event.js';
import { evaluateCheckpoint } from './evaluate-stage.js';
import type { RunContext } from './run-context.js';
import { metricsPath } from './run-folder.js';
import { scoreCheckpoint } from './score-stage.js';

/** Runs or resumes a recipe in its own folder. */
export type RunElsewhere = (recipe: Recipe, folder: string, context: RunContext) => Promise<void>;

/** Measurements of a network, by name. */
export type Measures = ReadonlyMap<string, { readonly value: number; readonly simulated: boolean }>;

/**
 * Trains two stages from other seeds, each in `seeds/<seed>` of the run folder, and records their differences over
 * the seeds. Seeds are paired: both stages of a seed start with the same weights.
 * @param networks files of this run's own networks, which are those of its seed
 */
export async function compareStage(
  stage: CompareStage,
  networks: Readonly<Record<string, string>>,
  context: RunContext,
  runElsewhere: RunElsewhere,
): Promise<void> {
  const pairs: [Measures, Measures][] = [];
  const parts = context.progress?.parts(stage.seeds.map((seed) => `seed ${seed}`));
  context.progress?.planned();
  for (const [i, seed] of stage.seeds.entries()) {
    const own = { ...context, progress: parts?.[i] };
    const events =
      seed === context.recipe.seed
        ? await measureHere(stage, networks, own)
        : await measureElsewhere(stage, seed, own, runElsewhere);
    parts?.[i].end();
    pairs.push([measuresOf(events, stage.stage), measuresOf(events, stage.with)]);
  }
  for (const [measure, { simulated }] of pairs[0][0]) {
    const values = pairs.map(([of, than]) => [of.get(measure)?.value, than.get(measure)?.value]);
    if (values.flat().includes(undefined)) continue;
    const differences = (values as [number, number][]).map(([of, than]) => of - than);
    const { seeds, stage: name, with: other } = stage;
    const found = { stage: name, with: other, measure, simulated, seeds, differences };
    await context.folder.record({ kind: 'comparison', ...found, ...meanInterval(differences) });
  }
}

async function measureHere(
  stage: CompareStage,
  networks: Readonly<Record<string, string>>,
  context: RunContext,
): Promise<readonly TrainingEvent[]> {
  const events: TrainingEvent[] = [];
  for (const checkpoint of [stage.stage, stage.with]) {
    const network = { checkpoint, file: networks[checkpoint] };
    const { threats, count } = stage;
    if (threats.length > 0)
      events.push(
        ...(await evaluateCheckpoint(network, { threats, count, attacks: ATTACKS }, context)),
      );
    if (stage.benchmarks.length > 0)
      events.push(...(await scoreCheckpoint(network, { benchmarks: stage.benchmarks }, context)));
  }
  return events;
}

const ATTACKS = ['pgd-20'] as const;

async function measureElsewhere(
  { benchmarks, threats, count, ...named }: CompareStage,
  seed: number,
  context: RunContext,
  runElsewhere: RunElsewhere,
): Promise<readonly TrainingEvent[]> {
  const { recipe } = context;
  const checkpoints = [named.stage, named.with];
  const measures: Stage[] = [];
  if (threats.length > 0)
    measures.push({ evaluate: { checkpoints, threats, count, attacks: ATTACKS } });
  if (benchmarks.length > 0) measures.push({ score: { checkpoints, benchmarks } });
  const stages = [...stagesBehind(recipe.stages, checkpoints), ...measures];
  const folder = join(context.folder.path, 'seeds', String(seed));
  await runElsewhere({ ...recipe, seed, stages }, folder, context);
  return readMetrics(metricsPath(folder));
}

/** The stages that networks are made by, in order. */
function stagesBehind(stages: readonly Stage[], names: readonly string[]): Stage[] {
  const wanted = new Set(names);
  const kept: Stage[] = [];
  for (const stage of [...stages].reverse()) {
    const name = networkName(stage);
    if (name === undefined || !wanted.has(name)) continue;
    kept.unshift(stage);
    if ('train' in stage && stage.train.from !== UNTRAINED) wanted.add(stage.train.from);
    if ('average' in stage) wanted.add(stage.average.of);
  }
  return kept;
}

/**
 * Measurements of one checkpoint. Robustness is by attack; benchmarks without a value are omitted.
 */
export function measuresOf(events: readonly TrainingEvent[], checkpoint: string): Measures {
  return new Map(
    events.flatMap((event) => {
      if (event.kind === 'score' && event.checkpoint === checkpoint && event.value !== null)
        return [[event.benchmark, { value: event.value, simulated: event.simulated }] as const];
      if (event.kind !== 'robustness' || event.checkpoint !== checkpoint) return [];
      if (event.attack === 'worst') return [];
      const { attack, norm, epsilon, correct, count } = event;
      const name =
        attack === 'clean' ? 'accuracy' : `${attack} ${norm} ${Number(epsilon.toPrecision(3))}`;
      return [[name, { value: correct / count, simulated: false }] as const];
    }),
  );
}
