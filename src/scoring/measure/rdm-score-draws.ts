import type { SubjectRdms } from '../../data/rdms/read-rdms.js';
import { meanOf, type RdmComparison, type RdmSimilarity } from '../../metrics/rdm.js';
import { type ComparedRdms, drawnCorrelations } from '../../metrics/resampling/rdm-draws.js';
import type { Draws, Times } from '../../metrics/resampling/two-factor-draws.js';
import { mean } from '../../numerics/statistics/statistics.js';
import { drawnUnits, drawsInOrder, LEAST_SUBJECTS } from '../draws/drawn-units.js';
import { type ScoreDraws, singleDraws, twoFactorDraws } from '../draws/score-draws.js';

/** What the similarity of a model is divided by. */
export interface SimilarityBound {
  readonly value: number;
  /** Where it is measured: of each subject, and what its RDM is compared with. */
  readonly measured?: {
    readonly bySubject: Float64Array;
    readonly against: readonly Float64Array[];
  };
}

/** A model among the RDMs of subjects. */
interface ComparedModel {
  /** Its pairs. */
  readonly model: Float64Array;
  readonly bySubject: RdmSimilarity['bySubject'];
  readonly rdms: SubjectRdms;
  readonly comparison: RdmComparison;
  readonly bound: SimilarityBound | undefined;
}

/** Pairs × subjects above which stimuli are not drawn: a thousand draws take some seconds. */
const MOST_PAIRS = 5e5;

/** Whether there are few enough pairs for draws of the stimuli. */
export const drawsStimuli = (pairs: number, subjects: number): boolean =>
  pairs * subjects <= MOST_PAIRS;

/**
 * The value over draws of subjects and stimuli; of stimuli alone with fewer than five subjects, of subjects alone with very many
 * stimuli. The mean RDM that bounds a subject stays that of all subjects, on the drawn stimuli.
 * @param score of raw over bound
 */
export function rdmScoreDraws(
  { model, bySubject, rdms, comparison, bound }: ComparedModel,
  score: (ratio: number) => number,
): ScoreDraws | undefined {
  const names = [...bySubject.keys()];
  const subjects = drawnUnits('subjects', names);
  const people = drawsInOrder(subjects, names);
  const measured = bound?.measured;
  const value = (raw: Float64Array, limits: Float64Array | undefined, times?: Times) => {
    const limit = limits ? meanUnder(limits, times) : (bound?.value ?? 1);
    return score(meanUnder(raw, times) / limit);
  };
  const ofSubjects = () =>
    Float64Array.from(people, (times) => value(bySubject, measured?.bySubject, times));
  if (!drawsStimuli(model.length, names.length)) return singleDraws(subjects, ofSubjects());
  const images = drawnUnits('images', rdms.stimulusIds);
  const shown = drawsInOrder(images, rdms.stimulusIds);
  const others = comparison.perSubject ? rdms.pairs : [meanOf(rdms.pairs)];
  const raws = similarities({ rdms: others.map(() => model), others }, comparison, shown);
  const limits = measured && limitsOf(measured.against, rdms.pairs, comparison, shown);
  if (names.length < LEAST_SUBJECTS)
    return singleDraws(
      images,
      raws.map((raw, draw) => value(raw, limits?.[draw])),
    );
  const times = Array.from(people, (each) => each.slice());
  const over = (of: (draw: number) => number) => Float64Array.from(raws.keys(), of);
  return twoFactorDraws([subjects, images], {
    both: over((draw) => value(raws[draw], limits?.[draw], times[draw])),
    first: ofSubjects(),
    second: over((draw) => value(raws[draw], limits?.[draw])),
  });
}

function similarities(
  compared: Pick<ComparedRdms, 'rdms' | 'others'>,
  { correlation = 'spearman', squared }: RdmComparison,
  draws: Draws,
): Float64Array[] {
  const drawn = drawnCorrelations({ ...compared, correlation }, draws);
  return Array.from(drawn, (r) => (squared ? r.map((each) => each * each) : r));
}

/** Bounds over draws, which depend on no model. */
const drawnLimits = new WeakMap<readonly Float64Array[], Float64Array[]>();

function limitsOf(
  against: readonly Float64Array[],
  pairs: readonly Float64Array[],
  comparison: RdmComparison,
  draws: Draws,
): Float64Array[] {
  const known = drawnLimits.get(against);
  const limits = known ?? similarities({ rdms: pairs, others: against }, comparison, draws);
  drawnLimits.set(against, limits);
  return limits;
}

/** The mean of values that count as often as their subjects were drawn. */
function meanUnder(values: Float64Array, times?: Times): number {
  if (!times) return mean(values);
  let [sum, count] = [0, 0];
  for (let s = 0; s < values.length; s++) {
    if (times[s] === 0) continue;
    sum += times[s] * values[s];
    count += times[s];
  }
  return sum / count;
}
