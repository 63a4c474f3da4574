import { type Leaderboard, type ScoredModel, standardError } from './leaderboard.js';

/** The models whose first average cannot be told from one model's. */
export interface Tied {
  /** Whether the model of the highest average is among them, or is this one. */
  readonly withBest: boolean;
  readonly total: number;
  /** Ids of the nearest ones, nearest first. */
  readonly models: readonly string[];
}

/** So many are named. */
const NAMED = 20;

interface Placed {
  readonly id: string;
  readonly value: number;
  readonly variance: number;
}

/**
 * Statistical ties by the first node's average: two models are tied where the 95 % interval of their
 * difference, d ± 1.96 · √(se₁² + se₂²), contains 0. The errors of the two are taken as independent;
 * models are scored on the same recordings, so that the true interval is narrower, and two models are
 * rather said to be tied than told apart. It is a statement about a pair, not about all pairs together.
 * @returns of a model's position among the rows; null where it has no average or no interval
 */
export function tiesOf({
  nodes,
  rows,
}: Leaderboard<ScoredModel>): (position: number) => Tied | null {
  const placed = rows.map(({ model, averages }): Placed | null => {
    const average = nodes.length > 0 ? averages.get(nodes[0].id) : undefined;
    const se = average ? standardError(average) : null;
    if (!average || average.value === null || se === null) return null;
    return { id: model.id, value: average.value, variance: se ** 2 };
  });
  const known = placed.filter((each) => each !== null);
  const best = Math.max(...known.map(({ value }) => value));
  return (position) => {
    const mine = placed[position];
    if (!mine) return null;
    const far = ({ value }: Placed) => Math.abs(value - mine.value);
    const tied = known
      .filter((other) => far(other) <= 1.96 * Math.sqrt(mine.variance + other.variance))
      .sort((a, b) => far(a) - far(b) || (a.id < b.id ? -1 : 1));
    const others = tied.filter((other) => other !== mine);
    return {
      withBest: tied.some(({ value }) => value === best),
      total: others.length,
      models: others.slice(0, NAMED).map(({ id }) => id),
    };
  };
}
