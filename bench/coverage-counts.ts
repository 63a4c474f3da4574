import { varianceOf } from '../src/metrics/resampling/two-factor-draws.js';
import type { RandomState } from '../src/numerics/random/random-state.js';
import { binomialInterval } from '../src/numerics/statistics/binomial-interval.js';
import { mean } from '../src/numerics/statistics/statistics.js';
import type { CountedUnits } from '../src/scoring/draws/drawn-units.js';
import { lessDraws } from '../src/scoring/draws/score-difference.js';
import { halfWidth, type ScoreDraws, spreadOfVariances } from '../src/scoring/draws/score-draws.js';

/**
 * What is new in every experiment: both factors, or one of them while the other stays for a block of experiments. Where the second,
 * images, is new, what was fitted stays too; `refitted` fits to the new images.
 */
export type Varied = 'both' | 'first' | 'second' | 'refitted';

/** Random numbers of an experiment, by what they make. */
export interface Streams {
  readonly first: RandomState;
  readonly second: RandomState;
  /** What is new in every experiment: noise. */
  readonly own: RandomState;
  /** Where fits stay: what makes the images and the noise that they are made on. */
  readonly fits?: { readonly second: RandomState; readonly own: RandomState };
}

/** A score with its draws. */
export interface Drawn {
  readonly value: number;
  readonly draws: ScoreDraws;
}

/** A value of one experiment, with the variances of its draws: of both factors and of each alone. */
export interface DrawnValue {
  readonly value: number;
  readonly variances: readonly [both: number, first: number, second: number];
}

/** One experiment, as it is kept. */
export interface Experiment {
  readonly score: DrawnValue;
  readonly difference: DrawnValue;
}

/** Experiments that are made and kept together; where one factor stays, it stays for all of them. */
export interface Chunk {
  readonly setting: string;
  readonly varied: Varied;
  readonly chunk: number;
  readonly seconds: number;
  /** How many draws the intervals are from. */
  readonly draws: number;
  readonly experiments: readonly Experiment[];
}

/** A score and the difference of two, with the variances that the product has. */
export function experimentOf([a, b]: readonly [Drawn, Drawn]): Experiment {
  return {
    score: drawnValue(a.value, a.draws),
    difference: drawnValue(b.value - a.value, lessDraws(b.draws, a.draws)),
  };
}

function drawnValue(
  value: number,
  { both, first, second }: Pick<ScoreDraws, 'both' | 'first' | 'second'>,
): DrawnValue {
  const [one, other] = [first, second].map((drawn) => varianceOf(drawn as Float32Array));
  return { value, variances: [varianceOf(both), one, other] };
}

/** Half the width of the product's interval that speaks of what varies. */
function halfOf({ variances: [both, first, second] }: DrawnValue, units: Units, varied: Varied) {
  if (varied === 'both') return halfWidth(spreadOfVariances(units, { both, first, second }));
  const [one, other] = units;
  return varied === 'first'
    ? halfWidth(spreadOfVariances([one], first))
    : halfWidth(spreadOfVariances([other], second));
}

export type Units = readonly [CountedUnits, CountedUnits];

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
export function coverage(
  chunks: readonly Chunk[],
  of: keyof Experiment,
  { units, varied }: { readonly units: Units; readonly varied: Varied },
): Coverage {
  const all = chunks.flatMap(({ experiments }) => experiments.map((each) => each[of]));
  const blocks =
    varied === 'both'
      ? [all]
      : chunks.map(({ experiments }) => experiments.map((each) => each[of]));
  const away = blocks.flatMap((block) => {
    const truth = mean(block.map(({ value }) => value));
    const scale = Math.sqrt(block.length / (block.length - 1));
    return block.map((each) => ({
      distance: scale * Math.abs(each.value - truth),
      half: halfOf(each, units, varied),
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
