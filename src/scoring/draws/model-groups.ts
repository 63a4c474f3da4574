import { type ComparedFamily, compareFamily } from '../../numerics/statistics/compared-family.js';
import { normalQuantile } from '../../numerics/statistics/normal.js';
import type { UnitSizes } from '../../numerics/statistics/paired-family.js';
import { maximalGroups, rankIntervals } from '../../numerics/statistics/rank-groups.js';
import { stepDown } from '../../numerics/statistics/step-down.js';
import { type Instrument, instrumentOf } from './instrument.js';

/** Draws of a model's value; models of equal keys were drawn alike. */
export interface GroupedDraws {
  readonly key: string;
  readonly both: Float32Array;
  readonly first?: Float32Array | undefined;
  readonly second?: Float32Array | undefined;
  /** Units of each factor within a group; undefined where the draws are corrected already. */
  readonly sizes?: UnitSizes | undefined;
  /** Of Student's t. */
  readonly degrees: number;
}

/** A model under a column. */
export interface GroupedModel {
  readonly id: string;
  readonly value: number;
  /** Standard error of its own interval; null without one. */
  readonly se: number | null;
  readonly draws?: GroupedDraws | undefined;
}

/** What is said of one model. */
export interface ModelGroup {
  /** Its place by value; equal values share one. */
  readonly rank: number;
  /** Places that it may have; simultaneous over models. */
  readonly ranks: readonly [low: number, high: number];
  /** Models that are not separated from it, those of the nearest values first. */
  readonly tied: {
    readonly withBest: boolean;
    readonly total: number;
    readonly models: readonly string[];
  };
  /** Models that share a letter are not separated; null where there are too many models. */
  readonly letters: string | null;
  /** Whether it was drawn alike with another model. */
  readonly paired: boolean;
}

/** Models that cannot be told apart, at a level that holds for all pairs together. */
export interface ModelGroups {
  /** 1 − share of boards of equal models with a false separation. */
  readonly level: number;
  /** How many models were compared: those with draws or an interval. */
  readonly compared: number;
  readonly pairs: { readonly paired: number; readonly unpaired: number };
  readonly separated: number;
  readonly instrument: Instrument;
  readonly models: ReadonlyMap<string, ModelGroup>;
}

const ALPHA = 0.05;
/** Of all pairs of a board together. */
export const LEVEL = 1 - ALPHA;
/** Models that letters are given for: the number of groups can explode. */
const LETTERED = 30;
/** Models named as tied. */
const NAMED = 20;

/** Every pair of models, row-major in squares. */
interface ModelPairs {
  readonly models: readonly GroupedModel[];
  readonly apart: Uint8Array;
  /** Variances of the differences; NaN where there is none. */
  readonly variances: Float64Array;
  /** 1 where both were drawn alike. */
  readonly paired: Uint8Array;
}

/** Families that were compared, by name; those compared last stand last. */
export type ComparedFamilies = Map<string, ComparedFamily>;

/**
 * Groups of models from their draws. Models drawn alike are a family of their own: max-T, stepping down. A family gets the share of
 * the 5 % that its pairs have among all; two models that were not drawn alike are compared as independent, |d| > z · √(se₁² + se₂²),
 * with the share of one pair. So 5 % holds for all pairs together. Those without draws and interval are left out.
 * @param known families of earlier calls, from which pairs of unchanged models are taken; those of this call are put there
 */
export function modelGroups(
  all: readonly GroupedModel[],
  known: ComparedFamilies = new Map(),
): ModelGroups {
  const models = all
    .filter(({ se, draws }) => se !== null || draws)
    .toSorted((a, b) => b.value - a.value || (a.id < b.id ? -1 : 1));
  const count = models.length;
  const total = (count * (count - 1)) / 2;
  const pairs: ModelPairs = {
    models,
    apart: new Uint8Array(count ** 2),
    variances: new Float64Array(count ** 2),
    paired: new Uint8Array(count ** 2),
  };
  for (const family of familiesOf(models)) addFamily(pairs, family, { total, known });
  addUnpaired(pairs, normalQuantile(1 - ALPHA / (2 * Math.max(1, total))));
  const separated: [number, number][] = [];
  let paired = 0;
  for (let i = 0; i < count; i++)
    for (let j = i + 1; j < count; j++) {
      if (pairs.apart[i * count + j]) separated.push([i, j]);
      paired += pairs.paired[i * count + j];
    }
  const values = models.map(({ value }) => value);
  const { low, high } = rankIntervals(values, separated);
  const letters = count <= LETTERED ? lettersOf(count, separated) : undefined;
  return {
    level: LEVEL,
    compared: count,
    pairs: { paired, unpaired: total - paired },
    separated: separated.length,
    instrument: instrumentOf(values, pairs.variances),
    models: new Map(
      models.map(({ id }, i) => [
        id,
        {
          rank: values.indexOf(models[i].value) + 1,
          ranks: [low[i], high[i]],
          tied: tiedWith(pairs, i),
          letters: letters?.[i] ?? null,
          paired: pairs.paired.subarray(i * count, (i + 1) * count).includes(1),
        },
      ]),
    ),
  };
}

/** Models that were drawn alike. */
interface Family {
  readonly name: string;
  /** Their positions. */
  readonly places: readonly number[];
}

function familiesOf(models: readonly GroupedModel[]): Family[] {
  const families = new Map<string, number[]>();
  models.forEach(({ draws }, i) => {
    if (!draws) return;
    const { key, both, first, degrees } = draws;
    const name = JSON.stringify([key, both.length, first !== undefined, degrees]);
    const places = families.get(name);
    if (places) places.push(i);
    else families.set(name, [i]);
  });
  return [...families]
    .filter(([, { length }]) => length > 1)
    .map(([name, places]) => ({ name, places }));
}

function addFamily(
  pairs: ModelPairs,
  { name, places: family }: Family,
  { total, known }: { readonly total: number; readonly known: ComparedFamilies },
): void {
  const { models, apart, variances, paired } = pairs;
  const draws = family.map((i) => models[i].draws as GroupedDraws);
  const [{ sizes, degrees }] = draws;
  const rows = (of: 'both' | 'first' | 'second') =>
    draws.flatMap((each) => each[of] ?? ([] as Float32Array[]));
  const given = {
    values: family.map((i) => models[i].value),
    both: rows('both'),
    sizes,
    ...(draws[0].first && draws[0].second ? { first: rows('first'), second: rows('second') } : {}),
  };
  const compared = compareFamily(given, known.get(name));
  known.delete(name);
  known.set(name, compared);
  const share = (family.length * (family.length - 1)) / 2 / total;
  const found = stepDown(compared, { level: ALPHA * share, degrees });
  const count = models.length;
  family.forEach((i, a) => {
    family.forEach((j, b) => {
      if (a === b) return;
      const at = a * family.length + b;
      apart[i * count + j] = found.apart[at];
      variances[i * count + j] = compared.pairs.variances[at];
      paired[i * count + j] = 1;
    });
  });
}

function addUnpaired({ models, apart, variances, paired }: ModelPairs, critical: number): void {
  const count = models.length;
  for (let i = 0; i < count; i++)
    for (let j = 0; j < count; j++) {
      const at = i * count + j;
      if (i === j || paired[at]) continue;
      const [a, b] = [models[i], models[j]];
      variances[at] = a.se === null || b.se === null ? Number.NaN : a.se ** 2 + b.se ** 2;
      // NaN separates nothing.
      apart[at] = Math.abs(a.value - b.value) > critical * Math.sqrt(variances[at]) ? 1 : 0;
    }
}

/** Walks outwards from a model, which stand in descending order, nearest values first. */
function tiedWith({ models, apart }: ModelPairs, i: number): ModelGroup['tied'] {
  const count = models.length;
  const named: string[] = [];
  let total = 0;
  let withBest = models[i].value === models[0].value;
  let [above, below] = [i - 1, i + 1];
  while (above >= 0 || below < count) {
    const up = above >= 0 ? models[above].value - models[i].value : Number.POSITIVE_INFINITY;
    const down = below < count ? models[i].value - models[below].value : Number.POSITIVE_INFINITY;
    const other = up <= down ? above-- : below++;
    if (apart[i * count + other]) continue;
    total++;
    withBest ||= models[other].value === models[0].value;
    if (named.length < NAMED) named.push(models[other].id);
  }
  return { withBest, total, models: named };
}

/** Letters of each model: those of the groups that hold it, a for the group of the best. */
function lettersOf(count: number, separated: readonly (readonly [number, number])[]): string[] {
  const letters = Array.from({ length: count }, () => [] as string[]);
  if (count === 0) return [];
  maximalGroups(count, separated).forEach((group, k) => {
    for (const i of group) letters[i].push(letter(k));
  });
  const spaced = letters.some((own) => own.some(({ length }) => length > 1));
  return letters.map((own) => own.join(spaced ? ' ' : ''));
}

/** a to z, then aa, ab … */
const letter = (k: number): string =>
  (k >= 26 ? letter(Math.floor(k / 26) - 1) : '') + String.fromCharCode(97 + (k % 26));
