import { cardSide } from '../../activations/stimuli/stimulus-size.js';
import { passSeconds, type Work } from '../../runtime/work.js';
import type { CompareStage, EvaluateStage, Stage, TrainStage } from '../recipe/recipe.js';
import { attacks, GRADIENT_PASSES } from '../robustness/attacks.js';
import type { RunContext } from './run-context.js';

/** Images of a benchmark, where they are not counted yet. */
const USUAL_STIMULI = 700;

/** The parts of a run's work, one a stage of its recipe, each with a guess at its cost in passes of the network. */
export function planRun(context: RunContext): Work[] | undefined {
  const { progress, recipe } = context;
  if (!progress) return undefined;
  const parts = recipe.stages.map((stage) => {
    const guess = { seconds: secondsOf(stage, context), basis: 'network' as const };
    return progress.parts([''], guess)[0];
  });
  progress.planned();
  return parts;
}

/** Predicted seconds of a train stage: passes forward and backward, and those of the attack. */
export function secondsOfTraining(
  { adversarial, epochs, side }: TrainStage,
  { data, card }: RunContext,
): number {
  const attack = adversarial?.method === 'pgd' ? adversarial.steps : adversarial ? 1 : 0;
  const images = GRADIENT_PASSES * (1 + attack) * data.train.indices.length;
  return passSeconds(side ?? cardSide(card)) * epochs * (images + data.validation.indices.length);
}

function secondsOf(stage: Stage, context: RunContext): number {
  if ('train' in stage) return secondsOfTraining(stage.train, context);
  const pass = passSeconds(cardSide(context.card));
  if ('evaluate' in stage)
    return pass * stage.evaluate.checkpoints.length * passesOfAttacks(stage.evaluate);
  if ('score' in stage)
    return pass * stage.score.checkpoints.length * passesOfScores(stage.score.benchmarks);
  if ('compare' in stage) return secondsOfComparison(stage.compare, context, pass);
  const { method, epochs, statistics } = stage.average;
  const { train, validation } = context.data;
  const looked = method === 'greedy' ? (1 + epochs.length) * validation.indices.length : 0;
  return pass * (looked + (statistics === 'estimated' ? train.indices.length : 0));
}

const passesOfAttacks = (of: Pick<EvaluateStage, 'threats' | 'attacks' | 'count'>): number =>
  of.count *
  (1 + of.threats.length * of.attacks.reduce((sum, name) => sum + attacks[name].passes, 0));

const passesOfScores = (benchmarks: readonly string[]) => USUAL_STIMULI * benchmarks.length;

/** Every other seed trains all that the compared stages need. */
function secondsOfComparison(
  { seeds, threats, count, benchmarks }: CompareStage,
  context: RunContext,
  pass: number,
): number {
  const measured = passesOfAttacks({ threats, count, attacks: ['pgd-20'] });
  const each = 2 * pass * (measured + passesOfScores(benchmarks));
  const trained = context.recipe.stages.reduce(
    (sum, stage) => sum + ('train' in stage ? secondsOfTraining(stage.train, context) : 0),
    0,
  );
  const others = seeds.filter((seed) => seed !== context.recipe.seed).length;
  return seeds.length * each + others * trained;
}
