import { varianceOf } from '../src/metrics/resampling/two-factor-draws.js';
import type { RandomState } from '../src/numerics/random/random-state.js';
import { binomialInterval } from '../src/numerics/statistics/binomial-interval.js';
import { mean } from '../src/numerics/statistics/statistics.js';
import type { CountedUnits } from '../src/scoring/draws/drawn-units.js';
import { lessDraws } from '../src/scoring/draws/score-difference.js';
import { halfWidth, type ScoreDraws, spreadOf } from '../src/scoring/draws/score-draws.js';

/** What is new in every experiment: both factors, or one of them while the other stays for a block of experiments. */
export type Varied = 'both' | 'first' | 'second';

/** Random numbers of an experiment, by what they make. */
export interface Streams {
  readonly first: RandomState;
  readonly second: RandomState;
  /** What is new in every experiment: noise. */
  readonly own: RandomState;
}

/** A score with its draws. */
export interface Drawn {
  readonly value: number;
  readonly draws: ScoreDraws;
}

/** A value of one experiment with half the width of its interval, by what the interval speaks of. */
export interface Interval {
  readonly value: number;
  readonly half: Readonly<Partial<Record<Varied, number>>>;
  /** Variances of the draws of both factors and of each alone. */
  readonly variances: readonly number[];
}

/** One experiment, as it is kept. */
export interface Experiment {
  readonly score: Interval;
  readonly difference: Interval;
}

/** Experiments that are made and kept together; where one factor stays, it stays for all of them. */
export interface Chunk {
  readonly setting: string;
  readonly varied: Varied;
  readonly chunk: number;
  readonly seconds: number;
  readonly experiments: readonly Experiment[];
}

/** The intervals of a score and of the difference of two, as the product makes them. */
export function experimentOf([a, b]: readonly [Drawn, Drawn]): Experiment {
  return {
    score: intervalOf(a.value, a.draws),
    difference: intervalOf(b.value - a.value, lessDraws(b.draws, a.draws)),
  };
}

type Draws = Pick<ScoreDraws, 'units' | 'both' | 'first' | 'second'>;

function intervalOf(value: number, { units, both, first, second }: Draws): Interval {
  const [one, other] = units;
  const alone = (of: CountedUnits | undefined, drawn: Float32Array | undefined) =>
    of && drawn ? halfOf({ units: [of], both: drawn }) : undefined;
  const half = {
    both: other ? halfOf({ units, both, first, second } as Draws) : undefined,
    first: alone(one, first ?? both),
    second: alone(other, second),
  };
  const variances = [both, first, second].flatMap((drawn) => (drawn ? varianceOf(drawn) : []));
  return { value, half: half as Interval['half'], variances };
}

function halfOf(draws: Draws): number {
  const spread = spreadOf(draws);
  return spread ? halfWidth(spread) : Number.NaN;
}

/** How often intervals held what they speak of. */
export interface Coverage {
  /** Share of the experiments. */
  readonly covered: number;
  /** 95 %, exact binomial. */
  readonly interval: readonly [number, number];
  /** Of the values over experiments. */
  readonly sd: number;
  readonly meanHalfWidth: number;
}

/**
 * Coverage of some chunks. The truth is the mean over experiments, of the chunk where one factor stays: it is taken from n
 * values, so that a value lies √(1 − 1/n) as far from it as from the true mean, which is corrected.
 */
export function coverage(chunks: readonly Chunk[], of: keyof Experiment, varied: Varied): Coverage {
  const all = chunks.flatMap(({ experiments }) => experiments.map((each) => each[of]));
  const blocks =
    varied === 'both'
      ? [all]
      : chunks.map(({ experiments }) => experiments.map((each) => each[of]));
  const away = blocks.flatMap((block) => {
    const truth = mean(block.map(({ value }) => value));
    const scale = Math.sqrt(block.length / (block.length - 1));
    return block.map(({ value, half }) => ({
      distance: scale * Math.abs(value - truth),
      half: half[varied] as number,
    }));
  });
  const held = away.filter(({ distance, half }) => distance <= half).length;
  return {
    covered: held / away.length,
    interval: binomialInterval(held, away.length),
    sd: Math.sqrt(mean(away.map(({ distance }) => distance ** 2))),
    meanHalfWidth: mean(away.map(({ half }) => half)),
  };
}
