/** How the learning rate goes over the steps of a stage. Steps count from 0. */
export type Schedule =
  | { readonly name: 'constant' }
  /** Half a cosine from the base rate to `final` of it (torch's `CosineAnnealingLR`). */
  | { readonly name: 'cosine'; readonly final?: number }
  /** Times `gamma` after every `every` of the stage, a share of its steps (torch's `StepLR`). */
  | { readonly name: 'step'; readonly every: number; readonly gamma: number }
  /** Up in a line to the base rate at `peak` of the stage, and down to 0 (torch's `CyclicLR`, one cycle). */
  | { readonly name: 'triangular'; readonly peak: number };

/** The rate of a run. */
export interface RateOptions {
  readonly rate: number;
  readonly schedule: Schedule;
  /** Steps of the stage. */
  readonly steps: number;
  /** Steps over which the rate first rises in a line; the schedule starts after them. */
  readonly warmup?: number;
}

/** The learning rate of a step. */
export function rateAt(step: number, { rate, schedule, steps, warmup = 0 }: RateOptions): number {
  if (step < warmup) return (rate * (step + 1)) / (warmup + 1);
  const done = (step - warmup) / (steps - warmup);
  return rate * shareAt(done, schedule);
}

function shareAt(done: number, schedule: Schedule): number {
  switch (schedule.name) {
    case 'constant':
      return 1;
    case 'cosine': {
      const { final = 0 } = schedule;
      return final + ((1 - final) * (1 + Math.cos(Math.PI * done))) / 2;
    }
    case 'step':
      // A share such as 3 · .1 falls short of .3 by rounding.
      return schedule.gamma ** Math.floor(done / schedule.every + 1e-9);
    case 'triangular': {
      const { peak } = schedule;
      return done < peak ? done / peak : (1 - done) / (1 - peak);
    }
  }
}
