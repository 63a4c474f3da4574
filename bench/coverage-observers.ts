import type { ConsistencyResult } from '../src/metrics/error-consistency.js';
import { meanConsistency } from '../src/metrics/resampling/consistency-draws.js';
import { matrix } from '../src/numerics/algebra/matrix.js';
import type { RandomState } from '../src/numerics/random/random-state.js';
import { nanMean } from '../src/numerics/statistics/statistics.js';
import { consistencyDraws, observedUnits } from '../src/scoring/draws/consistency-draws.js';
import type { ScoreDraws } from '../src/scoring/draws/score-draws.js';
import type { Drawn, Streams } from './coverage-counts.js';
import { firstDraws } from './coverage-recordings.js';

/** Images × people, the images in equal conditions. */
export interface ObserverSize {
  readonly images: number;
  readonly subjects: number;
  /** The first so many of the product's. */
  readonly draws: number;
}

/** Images are hard for everybody, hard for people, or hard for networks. */
const [EVERYBODY, PEOPLE, NETWORKS] = [0.8, 0.5, 0.5];
/** How far people differ in how often they are right. */
const SKILL = 0.4;
const EASE = 0.6;

/** Error consistency of two models with people over its ceiling, in one experiment; the draws are those of the product. */
export async function observerExperiment(
  { images, subjects, draws: count }: ObserverSize,
  { first: ofPeople, second: ofImages, own }: Streams,
): Promise<readonly [Drawn, Drawn]> {
  const [everybody, people, networks] = [EVERYBODY, PEOPLE, NETWORKS].map((size) =>
    Float64Array.from(ofImages.standardNormal(images), (each) => EASE / 3 + size * each),
  );
  const skills = Float64Array.from(ofPeople.standardNormal(subjects), (each) => SKILL * each);
  const answers = (hard: Float64Array, skill: number, random: RandomState) => {
    const noise = random.standardNormal(images);
    return Uint8Array.from(hard, (each, i) => (everybody[i] + each + skill + noise[i] > 0 ? 1 : 0));
  };
  const right = {
    subjects: Array.from(skills, (skill) => [answers(people, skill, own)]),
  };
  const base = {
    ...{ value: 0, error: 0, splits: [], warnings: [], kappa: matrix(0, 0) },
    errorKind: 'none',
    subjects: Array.from(skills, (_, s) => `subject-${String(s).padStart(2, '0')}`),
    conditions: ['all'],
    stimuli: [Array.from({ length: images }, (_, i) => i)],
  } as const;
  const ceiling: ConsistencyResult = { ...base, right, value: ceilingOf(right.subjects) };
  const [ofSubjects, shown] = observedUnits(base);
  const units = [firstDraws(ofSubjects, count), firstDraws(shown, count)] as const;
  return [0.1, -0.1].map((skill): Drawn => {
    // A model gives the same answer to the same image: where images stay, so do its answers.
    const model = [answers(networks, skill, ofImages)];
    const { signed, draws } = consistencyDraws(
      { ...base, right: { model, ...right } },
      ceiling,
      units,
    );
    return { value: signed, draws: draws as ScoreDraws };
  }) as [Drawn, Drawn];
}

/** Mean over pairs of people. */
function ceilingOf(people: readonly (readonly Uint8Array[])[]): number {
  return nanMean(
    people.flatMap((a, i) =>
      people.slice(i + 1).map((b) => meanConsistency({ model: a, subjects: [b] })),
    ),
  );
}
