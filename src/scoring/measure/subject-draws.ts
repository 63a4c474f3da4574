import type { Id } from '../../data/ids.js';
import type { MatrixSimilarity, MetricResult } from '../../metrics/metric.js';
import { aboveDiagonal, meanOf } from '../../metrics/rdm.js';
import type { Matrix } from '../../numerics/algebra/matrix.js';
import { mean } from '../../numerics/statistics/statistics.js';
import type { Benchmark } from '../benchmark/benchmark.js';
import { drawnUnits, LEAST_SUBJECTS } from '../draws/drawn-units.js';
import { oneFactorDraws, type ScoreDraws } from '../draws/score-draws.js';
import type { Ceiling } from './neural-ceiling.js';
import type { Part } from './parts.js';
import { drawsStimuli, rdmScoreDraws, type SimilarityBound } from './rdm-score-draws.js';

/** Subjects whose matrices a model is compared with. */
export interface ComparedSubjects {
  readonly benchmark: Benchmark;
  readonly similarity: MatrixSimilarity;
  readonly stimulusIds: readonly Id[];
  readonly subjects: readonly {
    readonly name: string;
    readonly matrix: Matrix;
    readonly ceiling: MetricResult | undefined;
  }[];
  /** What all subjects are divided by. */
  readonly ceiling: Ceiling;
}

/** The score of a model over draws, from its matrix and its likeness to each subject. */
export type SubjectDraws = (model: Matrix, parts: readonly Part[]) => ScoreDraws | undefined;

/**
 * Draws of subjects and stimuli where matrices are compared by their pairs and their ceiling is the subjects' own, or none; else of
 * the subjects, where there are enough of them, and each keeps its ceiling. What does not depend on the model is made once.
 */
export function subjectDraws(compared: ComparedSubjects): SubjectDraws {
  const { similarity, stimulusIds, subjects } = compared;
  const { correlation } = similarity;
  const names = subjects.map(({ name }) => name);
  if (correlation === undefined || !isDrawable(compared)) return (_, parts) => alone(parts);
  let known: ReturnType<typeof drawable> | undefined;
  return (matrix, parts) => {
    known ??= drawable(compared);
    const rdms = { stimulusIds, subjects: names, pairs: known.pairs };
    return rdmScoreDraws(
      {
        ...{ model: aboveDiagonal(matrix), rdms, bound: known.bound },
        bySubject: Float64Array.from(parts, ({ raw }) => raw),
        comparison: { perSubject: true, squared: false, correlation },
      },
      (ratio) => ratio,
    );
  };
}

/** Whether the ceiling follows draws of the stimuli. */
function isDrawable({ benchmark, stimulusIds, subjects, ceiling }: ComparedSubjects): boolean {
  const { ceiling: choice } = benchmark;
  const { length } = stimulusIds;
  if (subjects.some((subject) => subject.ceiling)) return false;
  if (!drawsStimuli((length * (length - 1)) / 2, subjects.length)) return false;
  if (ceiling === null || typeof ceiling === 'number') return true;
  const own = choice.name === 'nili-upper' || choice.name === 'leave-one-out';
  return own && !('per' in choice);
}

function drawable({ benchmark, subjects, ceiling }: ComparedSubjects): {
  readonly pairs: readonly Float64Array[];
  readonly bound: SimilarityBound | undefined;
} {
  const pairs = subjects.map(({ matrix }) => aboveDiagonal(matrix));
  if (ceiling === null) return { pairs, bound: undefined };
  if (typeof ceiling === 'number') return { pairs, bound: { value: ceiling } };
  const all = meanOf(pairs);
  const against = pairs.map((own) =>
    benchmark.ceiling.name === 'nili-upper' ? all : meanOf(pairs.filter((pair) => pair !== own)),
  );
  const bySubject = Float64Array.from(ceiling.splits);
  return { pairs, bound: { value: ceiling.value, measured: { bySubject, against } } };
}

/** The score over draws of the subjects alone. */
function alone(parts: readonly Part[]): ScoreDraws | undefined {
  if (parts.length < LEAST_SUBJECTS) return undefined;
  const names = parts.map(({ name }) => name);
  return oneFactorDraws(drawnUnits('subjects', names), names, (drawn) =>
    mean(drawn.map((s) => parts[s].value)),
  );
}
