import { type Leaderboard, type ScoredModel, standardError } from './leaderboard.js';

/** The models tied with one model in the first column. */
export interface Tied {
  /** Whether the model of the highest average is among them, or is this one. */
  readonly withBest: boolean;
  readonly total: number;
  /** Ids of the nearest ones, nearest first. */
  readonly models: readonly string[];
}

/** Maximum number of models named. */
const NAMED = 20;

interface Placed {
  readonly id: string;
  readonly value: number;
  readonly variance: number;
}

/**
 * Statistical ties by the first node: two models are tied where the 95 % interval of their
 * difference, d ± 1.96 · √(se₁² + se₂²), contains 0. The errors of the two are taken as independent;
 * models are scored on the same recordings, so that the true interval is narrower: conservative, it favours "no
 * difference". It is a statement about a pair, not about all pairs together.
 * @returns of a model's position among the rows; null if it has no value there or no interval
 */
export function tiesOf({ rows }: Leaderboard<ScoredModel>): (position: number) => Tied | null {
  const placed = rows.map(({ model, first }): Placed | null => {
    const se = standardError(first);
    if (first.value === null || se === null) return null;
    return { id: model.id, value: first.value, variance: se ** 2 };
  });
  const ascending = placed
    .filter((each) => each !== null)
    .sort((a, b) => a.value - b.value || (a.id < b.id ? -1 : 1));
  const places = new Map(ascending.map((each, place) => [each, place]));
  return (position) => {
    const place = placed[position] && places.get(placed[position]);
    return place === null || place === undefined ? null : tiedWith(place, ascending);
  };
}

/** Walks outwards from a position to both sides, nearest first. */
function tiedWith(place: number, ascending: readonly Placed[]): Tied {
  const mine = ascending[place];
  const best = ascending[ascending.length - 1].value;
  const models: string[] = [];
  let total = 0;
  let withBest = mine.value === best;
  let [below, above] = [place - 1, place + 1];
  while (below >= 0 || above < ascending.length) {
    const down = below >= 0 ? mine.value - ascending[below].value : Number.POSITIVE_INFINITY;
    const up =
      above < ascending.length ? ascending[above].value - mine.value : Number.POSITIVE_INFINITY;
    const other = ascending[up <= down ? above++ : below--];
    if (Math.min(up, down) > 1.96 * Math.sqrt(mine.variance + other.variance)) continue;
    total++;
    withBest ||= other.value === best;
    if (models.length < NAMED) models.push(other.id);
  }
  return { withBest, total, models };
}
