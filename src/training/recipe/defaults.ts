import type { Threat } from '../attack/threat.js';
import type {
  AdversarialSpec,
  AverageStage,
  EvaluateStage,
  OptimizerSpec,
  Recipe,
  Stage,
  TrainStage,
} from './recipe.js';

/** What the schema lets through: defaults are missing, and epsilons may be quotients. */
type Loose<T> = { readonly [K in keyof T]?: T[K] };

/** Writes out every default of a recipe that follows the schema. */
export function withDefaults(recipe: Loose<Recipe>): Recipe {
  let before = 'untrained';
  const epochs = new Map<string, number>();
  const stages = (recipe.stages as readonly Stage[]).map((stage): Stage => {
    if ('train' in stage) {
      const train = trainDefaults(stage.train, before);
      before = train.name;
      epochs.set(train.name, train.epochs);
      return { train };
    }
    if ('average' in stage) {
      before = stage.average.name;
      return { average: averageDefaults(stage.average, epochs.get(stage.average.of) ?? 0) };
    }
    if ('evaluate' in stage) return { evaluate: evaluateDefaults(stage.evaluate) };
    if ('compare' in stage) {
      const { benchmarks = [], threats = [], count = COUNT, ...named } = stage.compare;
      return { compare: { ...named, benchmarks, threats: threats.map(threatOf), count } };
    }
    return stage;
  });
  const { seed = 1, weights = 'as-given', workers = 1, data, ...rest } = recipe as Recipe;
  const { validation = { share: SHARE }, ...sets } = data;
  return { ...rest, seed, weights, workers, data: { ...sets, validation }, stages };
}

/** Of the training images, for validation. */
const SHARE = 0.1;
/** Test images of an evaluation. */
const COUNT = 500;

function trainDefaults(stage: Loose<TrainStage>, before: string): TrainStage {
  const { adversarial, optimizer = { name: 'sgd' }, ...rest } = stage;
  return {
    from: before,
    schedule: { name: 'cosine' },
    warmup: 0,
    accumulate: 1,
    label_smoothing: 0,
    batch_norm_momentum: 0.1,
    dropout: 0,
    drop_connect: 0,
    augment: [],
    best_by: adversarial ? 'robust-accuracy' : 'accuracy',
    keep: 'last',
    ...rest,
    optimizer: optimizerDefaults(optimizer),
    ...(adversarial ? { adversarial: adversarialDefaults(adversarial) } : {}),
  } as TrainStage;
}

function optimizerDefaults(given: OptimizerSpec): OptimizerSpec {
  if (given.name === 'sgd') return { momentum: 0.9, nesterov: false, weight_decay: 0, ...given };
  const weight_decay = given.name === 'adamw' ? 0.01 : 0;
  return { betas: [0.9, 0.999], eps: 1e-8, weight_decay, ...given };
}

/** PGD as the `robustness` library trains: 7 steps, no random start. Fast: one step of 1.25 · epsilon. */
function adversarialDefaults(given: Loose<AdversarialSpec> & Threat): AdversarialSpec {
  const { method = 'pgd' } = given;
  const epsilon = fraction(given.epsilon);
  const steps = method === 'pgd' ? (given.steps ?? 7) : 1;
  const sizes = { pgd: (2.5 * epsilon) / steps, fast: 1.25 * epsilon, free: epsilon };
  return {
    random_start: method === 'fast',
    replays: method === 'free' ? 4 : 1,
    epsilon_schedule: [[0, 1]],
    ...given,
    method,
    epsilon,
    steps,
    step_size: given.step_size === undefined ? sizes[method] : fraction(given.step_size),
  };
}

function averageDefaults(given: Loose<AverageStage>, epochs: number): AverageStage {
  return {
    epochs: Array.from({ length: epochs }, (_, epoch) => epoch),
    method: 'uniform',
    statistics: 'averaged',
    ...given,
  } as AverageStage;
}

function evaluateDefaults(given: Loose<EvaluateStage>): EvaluateStage {
  const { threats = [], ...rest } = given;
  return {
    count: COUNT,
    attacks: ['pgd-20'],
    ...rest,
    threats: threats.map(threatOf),
  } as EvaluateStage;
}

const threatOf = ({ norm, epsilon }: Threat): Threat => ({ norm, epsilon: fraction(epsilon) });

/** `8/255` as a number. */
function fraction(value: number | string): number {
  if (typeof value === 'number') return value;
  const [over, under] = value.split('/').map(Number);
  return over / under;
}
