import { VentralError } from '../../errors/ventral-error.js';
import { randomStream } from '../../numerics/random/random-stream.js';
import type { Model } from '../../onnx/model.js';
import { passSeconds, type Stage, type Work } from '../../runtime/work.js';
import type { Threat } from '../attack/threat.js';
import type { AttackName } from '../recipe/recipe.js';
import { AttackedNetwork, type AttackedNetworkOptions } from '../step/attacked-network.js';
import type { LossName } from '../step/step-graph.js';
import { CallCount, expectedCalls, type RobustnessEstimate, UNKNOWN } from './attack-cost.js';
import { runSearches, type Search } from './attack-slots.js';
import { type Attack, attackNames, attacks, GRADIENT_PASSES, pgdStep } from './attacks.js';
import { type Example, GradientSearch } from './gradient-search.js';
import { figure, type Robustness, type SelfCheck, type ThreatResult } from './robustness.js';
import { blackBoxCheck, type Losses, lossCheck, unboundedCheck } from './self-checks.js';

/** The network that is evaluated; its first output are the logits. */
export interface EvaluatedNetwork
  extends Pick<AttackedNetworkOptions, 'dims' | 'normalisation' | 'threads'> {
  readonly model: Model;
}

/** Examples, of which one batch is held at a time. */
export interface EvaluatedExamples {
  /** Column of the logits of each. */
  readonly labels: ArrayLike<number>;
  /** [3, height, width] in [0, 1], after resize and crop; the same at every call. */
  picture(index: number): Promise<Float32Array>;
}

/** Inputs of an evaluation. */
export interface RobustnessOptions {
  readonly threats: readonly Threat[];
  /** All where it is absent. */
  readonly attacks?: readonly AttackName[];
  readonly seed: number;
  /** Whether the attacks are checked, which costs about as much as PGD-100; true unless said. */
  readonly checks?: boolean;
  readonly signal?: AbortSignal;
  readonly progress?: Work | undefined;
  /** Predicts the remaining time until results are known. */
  readonly estimate?: RobustnessEstimate;
}

/**
 * How many examples a network names right under attack: each attack on the same examples, and the worst case of
 * each example over the attacks. What is named wrong without an attack counts as turned by all of them. Every
 * example has a random stream of its own for each attack.
 * @throws VentralError `training-unsupported`, naming the node; `training-data-invalid` for a label without a
 * column, and for no examples; `interrupted`
 */
export async function evaluateRobustness(
  network: EvaluatedNetwork,
  examples: EvaluatedExamples,
  options: RobustnessOptions,
): Promise<Robustness> {
  const evaluation = new Evaluation(network, examples, options);
  await evaluation.under('cross-entropy');
  await evaluation.under('margin');
  return evaluation.result();
}

const CLEAN = 'without attack';
/** Steps of the descent without bounds, and of those whose losses are compared. */
const UNBOUNDED_STEPS = 20;
const CHECKED_STEPS = [0, 1, 20, 100] as const;
/** Examples that the checks look at: the first of those named right. */
const CHECKED = 64;
/** The whole cube of images: whatever it holds may be shown. */
const UNBOUNDED: Threat = { norm: 'Linf', epsilon: 1 };

type AttackCost = Pick<Attack, 'calls' | 'passes'>;

/** One forward pass of each example. */
const LOOK: AttackCost = { calls: 1, passes: 1 };

interface PlannedStage {
  readonly stage: Stage;
  readonly attack: AttackCost;
}

class Evaluation {
  /** Positions of examples classified correctly without an attack. */
  readonly #right: number[] = [];
  /** Positions of examples turned by an attack, by threat. */
  readonly #turned: ReadonlyMap<Threat, Map<AttackName, ReadonlySet<number>>>;
  readonly #checks: SelfCheck[] = [];
  readonly #stages: ReadonlyMap<string, PlannedStage>;
  #estimate: RobustnessEstimate;

  readonly #network: EvaluatedNetwork;
  readonly #examples: EvaluatedExamples;
  readonly #options: RobustnessOptions;

  constructor(network: EvaluatedNetwork, examples: EvaluatedExamples, options: RobustnessOptions) {
    this.#network = network;
    this.#examples = examples;
    this.#options = options;
    this.#turned = new Map(options.threats.map((threat) => [threat, new Map()] as const));
    this.#estimate = options.estimate ?? UNKNOWN;
    this.#stages = this.#plan();
  }

  /** Stages by name; an item is a call of the network. */
  #plan(): Map<string, PlannedStage> {
    const { threats, progress } = this.#options;
    const count = this.#examples.labels.length;
    const [batch, , height] = this.#network.dims;
    const pass = passSeconds(height);
    const stages = new Map<string, PlannedStage>();
    const add = (stage: string, attack: AttackCost, examples: number, kind: string) => {
      if (!progress || stages.has(stage)) return;
      const total = expectedCalls(attack, { ...this.#estimate, examples, batch });
      const seconds = total * batch * attack.passes * pass;
      const plan = { stage, total, seconds, kind, basis: 'network' as const };
      stages.set(stage, { stage: progress.stage(plan), attack });
    };
    const right = Math.max(1, Math.ceil(this.#estimate.right * count));
    add(CLEAN, LOOK, count, 'answers');
    for (const threat of threats)
      for (const name of this.#attacks()) {
        const kind = attacks[name].passes > 1 ? 'gradients' : 'answers';
        add(stageOf(attacks[name].title, threat), attacks[name], right, kind);
      }
    if (this.#options.checks ?? true)
      for (const threat of [UNBOUNDED, ...largestOfEachNorm(threats)])
        for (const steps of threat === UNBOUNDED ? [UNBOUNDED_STEPS] : CHECKED_STEPS) {
          const cost = { calls: steps + 1, passes: steps > 0 ? GRADIENT_PASSES : 1 };
          const kind = steps > 0 ? 'gradients' : 'answers';
          add(checkOf(threat, steps), cost, Math.min(CHECKED, right), kind);
        }
    progress?.planned();
    return stages;
  }

  /** Plans the attacks that have not started anew, with the results so far. */
  #update(measured: Partial<RobustnessEstimate>): void {
    this.#estimate = { ...this.#estimate, ...measured };
    const count = this.#right.length;
    const [batch] = this.#network.dims;
    for (const [name, { stage, attack }] of this.#stages) {
      if (stage.begun) continue;
      const examples = name.startsWith(CHECK) ? Math.min(CHECKED, count) : count;
      stage.expect(0, expectedCalls(attack, { ...this.#estimate, examples, batch }));
    }
  }

  /** Everything that looks at one loss, so that one network at a time is held. */
  async under(loss: LossName): Promise<void> {
    const wanted = this.#attacks().filter((name) => attacks[name].loss === loss);
    const first = loss === 'cross-entropy';
    if (!first && wanted.length === 0) return;
    const { model, ...given } = this.#network;
    const target = await AttackedNetwork.open(model, { ...given, loss });
    try {
      if (first) await this.#clean(target);
      for (const threat of this.#options.threats)
        for (const name of wanted) await this.#attack(target, name, threat);
      if (first && (this.#options.checks ?? true)) await this.#check(target);
    } finally {
      await target.close();
    }
  }

  result(): Robustness {
    const count = this.#examples.labels.length;
    const threats = this.#options.threats.map((threat) => this.#threatResult(threat));
    const checks = [...this.#checks, ...threats.flatMap((threat) => blackBoxCheck(threat) ?? [])];
    const maskingSuspected = checks.some(({ passed }) => passed === false);
    return { clean: figure(this.#right.length, count), threats, checks, maskingSuspected };
  }

  #attacks(): readonly AttackName[] {
    const { attacks: wanted = attackNames } = this.#options;
    return attackNames.filter((name) => wanted.includes(name));
  }

  async #clean(target: AttackedNetwork): Promise<void> {
    const { labels } = this.#examples;
    const all = Array.from({ length: labels.length }, (_, index) => index);
    if (all.length === 0)
      throw new VentralError('training-data-invalid', 'There is no example to attack');
    const lost = all.find((index) => !(labels[index] >= 0 && labels[index] < target.classes));
    if (lost !== undefined) throw withoutColumn(labels[lost], target.classes);
    await this.#run(target, all, CLEAN, {
      search: (example) => look(example),
      ended: ({ fooled }, index) => {
        if (!fooled) this.#right.push(index);
      },
    });
    this.#right.sort((a, b) => a - b);
    this.#update({ right: this.#right.length / all.length });
  }

  async #attack(target: AttackedNetwork, name: AttackName, threat: Threat): Promise<void> {
    const turned = new Set<number>();
    const dims = this.#network.dims.slice(1);
    await this.#run(target, this.#right, stageOf(attacks[name].title, threat), {
      search: (example, index) => {
        const random = randomStream(this.#options.seed, `${name} ${threat.norm} ${index}`);
        return attacks[name].search(example, threat, random, dims);
      },
      ended: ({ fooled }, index) => {
        if (fooled) turned.add(index);
      },
    });
    this.#turned.get(threat)?.set(name, turned);
    const withstand = 1 - turned.size / Math.max(1, this.#right.length);
    // A single-step attack succeeds less often than those after it.
    if (name !== 'fgsm') this.#update({ withstand });
    else this.#update({ withstand: Math.min(withstand, this.#estimate.withstand) });
  }

  #threatResult(threat: Threat): ThreatResult {
    const [right, count] = [this.#right.length, this.#examples.labels.length];
    const turned = [...(this.#turned.get(threat) ?? [])];
    const all = new Set(turned.flatMap(([, set]) => [...set]));
    return {
      ...threat,
      attacks: this.#attacks().map((attack) => {
        const lost = turned.find(([name]) => name === attack)?.[1].size ?? 0;
        return { attack, title: attacks[attack].title, ...figure(right - lost, count) };
      }),
      worst: figure(right - all.size, count),
    };
  }

  async #check(target: AttackedNetwork): Promise<void> {
    const count = Math.min(CHECKED, this.#right.length);
    let still = 0;
    await this.#run(target, this.#right.slice(0, count), checkOf(UNBOUNDED, UNBOUNDED_STEPS), {
      search: (example) => descent(example, UNBOUNDED, UNBOUNDED_STEPS),
      ended: ({ fooled }) => {
        if (!fooled) still++;
      },
    });
    this.#checks.push(unboundedCheck(still, count));
    for (const threat of largestOfEachNorm(this.#options.threats))
      this.#checks.push(lossCheck(threat, await this.#losses(target, threat, count), count));
  }

  /** Mean loss of the checked examples after this many steps. */
  async #losses(target: AttackedNetwork, threat: Threat, count: number): Promise<Losses> {
    const after = async (steps: number) => {
      let sum = 0;
      await this.#run(target, this.#right.slice(0, count), checkOf(threat, steps), {
        search: (example) => descent(example, threat, steps, true),
        ended: ({ highest }) => {
          sum += highest;
        },
      });
      return sum / count;
    };
    return {
      clean: await after(CHECKED_STEPS[0]),
      one: await after(CHECKED_STEPS[1]),
      twenty: await after(CHECKED_STEPS[2]),
      hundred: await after(CHECKED_STEPS[3]),
    };
  }

  async #run<S extends Search>(
    target: AttackedNetwork,
    indices: readonly number[],
    stage: string,
    work: {
      search(example: Example, index: number): S;
      ended(search: S, index: number): void;
    },
  ): Promise<void> {
    const examples = this.#examples;
    const { signal } = this.#options;
    const { stage: reported, attack = LOOK } = this.#stages.get(stage) ?? {};
    const total = indices.length;
    const [batch] = this.#network.dims;
    const calls = new CallCount(attack, { ...this.#estimate, examples: total, batch });
    reported?.at(0, { done: 0, total });
    const running = new Map<Search, number>();
    async function* searches() {
      for (const index of indices) {
        const picture = await examples.picture(index);
        const search = work.search({ picture, label: examples.labels[index] }, index);
        running.set(search, index);
        calls.begin(search);
        yield search;
      }
    }
    let done = 0;
    const ended = (search: Search) => {
      work.ended(search as S, running.get(search) as number);
      running.delete(search);
      calls.end(search);
      done++;
    };
    const called = () => {
      calls.called();
      reported?.expect(calls.made, calls.left);
      reported?.at(calls.made, { done, total });
    };
    await runSearches(target, searches(), { signal, ended, called });
    reported?.end();
  }
}

const CHECK = 'check';

const checkOf = (threat: Threat, steps: number) => `${stageOf(CHECK, threat)}, ${steps} steps`;

const stageOf = (title: string, { norm, epsilon }: Threat) =>
  `${title}, ${norm} ${Number(epsilon.toPrecision(3))}`;

/** From the image itself; nothing about it is random. */
const descent = (example: Example, threat: Threat, steps: number, toTheEnd = false) =>
  new GradientSearch(
    example,
    threat,
    { steps, stepSize: pgdStep(threat.epsilon, Math.max(1, steps)), starts: 1, toTheEnd },
    randomStream(0, 'unused'),
  );

const look = (example: Example) => descent(example, UNBOUNDED, 0);

function largestOfEachNorm(threats: readonly Threat[]): Threat[] {
  const norms = [...new Set(threats.map(({ norm }) => norm))];
  return norms.map((norm) =>
    threats
      .filter((threat) => threat.norm === norm)
      .reduce((a, b) => (b.epsilon > a.epsilon ? b : a)),
  );
}

const withoutColumn = (label: number, classes: number) =>
  new VentralError(
    'training-data-invalid',
    `An example has class ${label}, and the network tells ${classes} classes apart`,
    { expected: `a class from 0 to ${classes - 1}`, found: String(label) },
  );
