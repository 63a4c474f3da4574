import { cardSide } from '../../activations/stimuli/stimulus-size.js';
import { passSeconds, type Work } from '../../runtime/work.js';
import type { CompareStage, EvaluateStage, Stage, TrainStage } from '../recipe/recipe.js';
import { expectedCalls, type RobustnessEstimate } from '../robustness/attack-cost.js';
import { attacks, GRADIENT_PASSES } from '../robustness/attacks.js';
import { GUARD_SHARE, GUARD_STEPS } from './adversary.js';
import { BATCH } from './evaluate-stage.js';
import type { RunContext } from './run-context.js';
import { ROBUST_COUNT, ROBUST_STEPS } from './validate.js';

/** Images of a benchmark, where they are not counted yet. */
const USUAL_STIMULI = 700;

/** The parts of a run's work, one a stage of its recipe, each with a guess at its cost in passes of the network. */
export function planRun(context: RunContext): Work[] | undefined {
  const { progress, recipe } = context;
  if (!progress) return undefined;
  const parts = recipe.stages.map((stage) => {
    // Recomputed at each report: epochs of the training measure robustness.
    const guess = () => ({ seconds: secondsOf(stage, context), basis: 'network' as const });
    return progress.parts([''], guess)[0];
  });
  progress.planned();
  return parts;
}

/** Predicted seconds of a train stage. */
interface TrainingSeconds {
  /** Passes forward and backward, and those of the attack. */
  readonly steps: number;
  /** Validation after each epoch. */
  readonly looks: number;
}

export function secondsOfTraining(
  { adversarial, epochs, side, batch, mix }: TrainStage,
  { data, card }: RunContext,
): TrainingSeconds {
  const views = mix && 'AugMix' in mix ? 3 : 1;
  const attack = adversarial?.method === 'pgd' ? adversarial.steps : adversarial ? 1 : 0;
  const guard = adversarial?.method === 'fast' ? GUARD_SHARE * batch * passesOfPgd(GUARD_STEPS) : 0;
  const images = GRADIENT_PASSES * (views + attack) * data.train.indices.length;
  const looked = data.validation.indices.length;
  const robust = adversarial ? Math.min(ROBUST_COUNT, looked) * passesOfPgd(ROBUST_STEPS) : 0;
  const pass = passSeconds(side ?? cardSide(card)) * epochs;
  return { steps: pass * (images + guard), looks: pass * (looked + robust) };
}

const passesOfPgd = (steps: number) => GRADIENT_PASSES * steps + 2;

const wholeOf = ({ steps, looks }: TrainingSeconds) => steps + looks;

function secondsOf(stage: Stage, context: RunContext): number {
  if ('train' in stage) return wholeOf(secondsOfTraining(stage.train, context));
  const pass = passSeconds(cardSide(context.card));
  if ('evaluate' in stage)
    return stage.evaluate.checkpoints.reduce(
      (sum, name) => sum + pass * passesOfAttacks(stage.evaluate, context.estimates.of(name)),
      0,
    );
  if ('score' in stage)
    return pass * stage.score.checkpoints.length * passesOfScores(stage.score.benchmarks);
  if ('compare' in stage) return secondsOfComparison(stage.compare, context, pass);
  const { method, epochs, statistics } = stage.average;
  const { train, validation } = context.data;
  const looked = method === 'greedy' ? (1 + epochs.length) * validation.indices.length : 0;
  return pass * (looked + (statistics === 'estimated' ? train.indices.length : 0));
}

function passesOfAttacks(
  { count, threats, attacks: names }: Pick<EvaluateStage, 'threats' | 'attacks' | 'count'>,
  { right, withstand }: RobustnessEstimate,
): number {
  const batch = Math.min(BATCH, count);
  const attacked = { examples: right * count, withstand, batch };
  const each = names.reduce(
    (sum, name) => sum + expectedCalls(attacks[name], attacked) * attacks[name].passes,
    0,
  );
  return count + threats.length * batch * each;
}

const passesOfScores = (benchmarks: readonly string[]) => USUAL_STIMULI * benchmarks.length;

/** Every other seed trains all that the compared stages need. */
function secondsOfComparison(
  { stage, with: other, seeds, threats, count, benchmarks }: CompareStage,
  context: RunContext,
  pass: number,
): number {
  const each = [stage, other].reduce((sum, name) => {
    const of = { threats, count, attacks: ['pgd-20' as const] };
    const measured = passesOfAttacks(of, context.estimates.of(name));
    return sum + pass * (measured + passesOfScores(benchmarks));
  }, 0);
  const trained = context.recipe.stages.reduce(
    (sum, each) => sum + ('train' in each ? wholeOf(secondsOfTraining(each.train, context)) : 0),
    0,
  );
  const others = seeds.filter((seed) => seed !== context.recipe.seed).length;
  return seeds.length * each + others * trained;
}
