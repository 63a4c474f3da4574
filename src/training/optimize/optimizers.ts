/** A trained tensor of a network. */
export interface Parameter {
  readonly name: string;
  /** Row-major; an optimizer changes them in place. */
  readonly values: Float32Array;
  /** Whether weight decay applies: not to norms and biases. */
  readonly decays: boolean;
}

/** Gradients by name of the parameter. */
export type Gradients = ReadonlyMap<string, Float32Array>;

/** Options of all optimizers, under PyTorch's names. */
export interface OptimizerOptions {
  readonly weight_decay?: number;
}

export interface SgdOptions extends OptimizerOptions {
  readonly momentum?: number;
  readonly nesterov?: boolean;
}

export interface AdamOptions extends OptimizerOptions {
  readonly betas?: readonly [number, number];
  readonly eps?: number;
}

/** State of an optimizer: tensors by slot and parameter, and the number of steps. */
export interface OptimizerState {
  readonly steps: number;
  readonly slots: ReadonlyMap<string, ReadonlyMap<string, Float32Array>>;
}

/** Changes parameters along their gradients. A parameter without a gradient is left as it is. */
export interface Optimizer {
  /** @param rate the learning rate of this step */
  step(parameters: readonly Parameter[], gradients: Gradients, rate: number): void;
  /** What a run that continues needs; arrays are those that the optimizer writes. */
  readonly state: OptimizerState;
  restore(state: OptimizerState): void;
}

/** Slots of tensors that start at 0. */
class Slots {
  #all = new Map<string, Map<string, Float32Array>>();

  of(slot: string, { name, values }: Parameter): Float32Array {
    const tensors = this.#all.get(slot) ?? new Map<string, Float32Array>();
    this.#all.set(slot, tensors);
    const found = tensors.get(name) ?? new Float32Array(values.length);
    tensors.set(name, found);
    return found;
  }

  get all(): OptimizerState['slots'] {
    return this.#all;
  }

  restore(slots: OptimizerState['slots']): void {
    const copies = [...slots].map(([slot, tensors]) => {
      const copied = [...tensors].map(([name, values]) => [name, values.slice()] as const);
      return [slot, new Map(copied)] as const;
    });
    this.#all = new Map(copies);
  }
}

/**
 * What one step does to one parameter. Arithmetic is in float64, and rounded to float32 as it is kept:
 * the same numbers give the same bits wherever they are computed.
 */
type Update = (
  parameter: Parameter,
  gradient: Float32Array,
  step: { readonly rate: number; readonly count: number; readonly slots: Slots },
) => void;

class UpdateOptimizer implements Optimizer {
  readonly #update: Update;
  readonly #slots = new Slots();
  #steps = 0;

  constructor(update: Update) {
    this.#update = update;
  }

  step(parameters: readonly Parameter[], gradients: Gradients, rate: number): void {
    this.#steps++;
    const step = { rate, count: this.#steps, slots: this.#slots };
    for (const parameter of parameters) {
      const gradient = gradients.get(parameter.name);
      if (gradient) this.#update(parameter, gradient, step);
    }
  }

  get state(): OptimizerState {
    return { steps: this.#steps, slots: this.#slots.all };
  }

  restore({ steps, slots }: OptimizerState): void {
    this.#steps = steps;
    this.#slots.restore(slots);
  }
}

/** Stochastic gradient descent as torch.optim.SGD has it: v ← m·v + g + decay·w, w ← w − rate·v. */
export function sgd(options: SgdOptions = {}): Optimizer {
  const { momentum = 0, nesterov = false, weight_decay = 0 } = options;
  return new UpdateOptimizer((parameter, gradient, { rate, slots }) => {
    const { values, decays } = parameter;
    const decay = decays ? weight_decay : 0;
    const velocity = momentum === 0 ? undefined : slots.of('momentum', parameter);
    for (let i = 0; i < values.length; i++) {
      let move = gradient[i] + decay * values[i];
      if (velocity) {
        velocity[i] = momentum * velocity[i] + move;
        move = nesterov ? move + momentum * velocity[i] : velocity[i];
      }
      values[i] -= rate * move;
    }
  });
}

const BETAS = [0.9, 0.999] as const;
const EPS = 1e-8;

function adaptive(
  { betas = BETAS, eps = EPS }: AdamOptions,
  prepare: (parameter: Parameter, i: number, gradient: number, rate: number) => number,
): Optimizer {
  const [first, second] = betas;
  return new UpdateOptimizer((parameter, gradient, { rate, count, slots }) => {
    const { values } = parameter;
    const mean = slots.of('exp_avg', parameter);
    const square = slots.of('exp_avg_sq', parameter);
    const size = rate / (1 - first ** count);
    const root = Math.sqrt(1 - second ** count);
    for (let i = 0; i < values.length; i++) {
      const slope = prepare(parameter, i, gradient[i], rate);
      mean[i] += (1 - first) * (slope - mean[i]);
      square[i] = second * square[i] + (1 - second) * slope * slope;
      values[i] -= (size * mean[i]) / (Math.sqrt(square[i]) / root + eps);
    }
  });
}

/** Adam (Kingma and Ba 2015) as torch.optim.Adam has it: decay is added to the gradient. */
export function adam(options: AdamOptions = {}): Optimizer {
  const { weight_decay = 0 } = options;
  return adaptive(options, ({ values, decays }, i, gradient) =>
    decays ? gradient + weight_decay * values[i] : gradient,
  );
}

/** AdamW (Loshchilov and Hutter 2019) as torch.optim.AdamW has it: decay apart from the gradient. */
export function adamw(options: AdamOptions = {}): Optimizer {
  const { weight_decay = 0 } = options;
  return adaptive(options, ({ values, decays }, i, gradient, rate) => {
    if (decays) values[i] -= rate * weight_decay * values[i];
    return gradient;
  });
}

/** √Σ g² over all gradients. */
export function gradientNorm(gradients: Gradients): number {
  let sum = 0;
  for (const gradient of gradients.values())
    for (let i = 0; i < gradient.length; i++) sum += gradient[i] * gradient[i];
  return Math.sqrt(sum);
}

/** Scales all gradients in place so that their norm is at most so large, as torch's `clip_grad_norm_` does. @returns the norm before */
export function clipGradients(gradients: Gradients, most: number): number {
  const norm = gradientNorm(gradients);
  const factor = most / (norm + 1e-6);
  if (factor < 1)
    for (const gradient of gradients.values())
      for (let i = 0; i < gradient.length; i++) gradient[i] *= factor;
  return norm;
}
