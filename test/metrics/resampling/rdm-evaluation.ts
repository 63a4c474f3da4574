import { VentralError } from '../../../src/errors/ventral-error.js';
import { kendallA } from '../../../src/numerics/statistics/correlation-test.js';
import { isConstant } from '../../../src/numerics/statistics/pearson.js';
import { ranks } from '../../../src/numerics/statistics/spearman.js';
import { mean } from '../../../src/numerics/statistics/statistics.js';

/** Positions of one draw: as many as there are units of the factor. */
type Drawn = ArrayLike<number>;

/**
 * Models against the dissimilarities of subjects, and the ceilings of both, over draws of subjects and stimuli: rsatoolbox's
 * definitions (Nili et al. 2014, Schütt et al. 2023), drawn pair by drawn pair. Golden cases prove it; `rdm-draws.ts`, which counts
 * pairs instead, is compared with it. An RDM is a vector of its pairs above the diagonal, row by row.
 */

/** How two RDMs are compared. */
export type RdmMethod = 'cosine' | 'corr' | 'spearman' | 'rho-a' | 'tau-a';

/** RDMs of subjects and of models on the same stimuli. */
export interface RdmSet {
  readonly subjects: readonly Float64Array[];
  readonly models: readonly Float64Array[];
  readonly stimuli: number;
  readonly method: RdmMethod;
}

/** What one draw gives. */
export interface RdmDraw {
  /** Mean similarity to the subjects, by model. */
  readonly models: Float64Array;
  /** Mean similarity of a subject to the pool of the others. */
  readonly lower: number;
  /** Mean similarity of a subject to the pool of all. */
  readonly upper: number;
}

/** With fewer distinct stimuli a draw says nothing. */
const LEAST_STIMULI = 3;

/**
 * Similarity of two RDMs over the pairs that both have.
 * @throws VentralError `recordings-invalid` where one lacks a pair that the other has
 */
export function compareRdms(a: Float64Array, b: Float64Array, method: RdmMethod): number {
  const lacking = a.findIndex((value, i) => Number.isNaN(value) !== Number.isNaN(b[i]));
  if (lacking >= 0) {
    throw new VentralError(
      'recordings-invalid',
      `pair ${lacking} is missing in one of two RDMs: they are compared where both have it or neither`,
    );
  }
  const [x, y] = [a, b].map((of) => of.filter((value) => !Number.isNaN(value)));
  return comparisons[method](x, y);
}

const comparisons: Readonly<Record<RdmMethod, (x: Float64Array, y: Float64Array) => number>> = {
  cosine,
  corr: (x, y) => cosine(centred(x), centred(y)),
  // A constant RDM is as like another as a vector of length 0.
  spearman: (x, y) => {
    const [p, q] = [centred(ranks(x)), centred(ranks(y))];
    return isConstant(p) || isConstant(q) ? 0 : cosine(p, q);
  },
  'rho-a': (x, y) => {
    const n = x.length;
    return (12 * dot(centred(ranks(x)), centred(ranks(y)))) / (n ** 3 - n);
  },
  'tau-a': kendallA,
};

function cosine(x: Float64Array, y: Float64Array): number {
  return dot(x, y) / Math.sqrt(dot(x, x)) / Math.sqrt(dot(y, y));
}

function dot(x: Float64Array, y: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x[i] * y[i];
  return sum;
}

function centred(values: Float64Array): Float64Array {
  const centre = mean(values);
  return values.map((value) => value - centre);
}

/** The RDM that is nearest to all of some, in the sense of a method: their mean after scaling, or of their ranks. */
export function poolRdms(rdms: readonly Float64Array[], method: RdmMethod): Float64Array {
  const scaled = rdms.map((rdm) => spread(rdm, scaling[method]));
  return scaled[0].map((_, i) => {
    const here = scaled.map((rdm) => rdm[i]).filter((value) => !Number.isNaN(value));
    return here.length > 0 ? mean(here) : Number.NaN;
  });
}

const unitLength = (values: Float64Array) => {
  const size = Math.sqrt(dot(values, values) / values.length);
  return values.map((value) => value / size);
};

const scaling: Readonly<Record<RdmMethod, (values: Float64Array) => Float64Array>> = {
  cosine: unitLength,
  corr: (values) => unitLength(centred(values)),
  spearman: ranks,
  'rho-a': ranks,
  'tau-a': ranks,
};

/** Applies a function to the pairs that an RDM has; the others stay missing. */
function spread(rdm: Float64Array, of: (values: Float64Array) => Float64Array): Float64Array {
  const made = of(rdm.filter((value) => !Number.isNaN(value)));
  let at = 0;
  return rdm.map((value) => (Number.isNaN(value) ? value : made[at++]));
}

/**
 * Bounds of what a model can reach: the mean over groups of the similarity of their RDMs to the pool of all others, and to
 * that of all. A single group is compared with itself.
 * @param groups of each RDM; copies of a subject are one
 */
export function noiseCeiling(
  rdms: readonly Float64Array[],
  groups: ArrayLike<number>,
  method: RdmMethod,
): { readonly lower: number; readonly upper: number } {
  const all = poolRdms(rdms, method);
  const names = [...new Set(Array.from(groups))];
  const bounds = names.map((name) => {
    const own = rdms.filter((_, i) => groups[i] === name);
    const others = rdms.filter((_, i) => groups[i] !== name);
    const rest = poolRdms(others.length > 0 ? others : own, method);
    const to = (pool: Float64Array) => mean(own.map((rdm) => compareRdms(pool, rdm, method)));
    return { lower: to(rest), upper: to(all) };
  });
  return {
    lower: mean(bounds.map(({ lower }) => lower)),
    upper: mean(bounds.map(({ upper }) => upper)),
  };
}

/**
 * One draw of subjects, stimuli, or both. Pairs of copies of a stimulus are left out; NaN where fewer than three stimuli are
 * drawn.
 * @param drawn positions; a factor that is absent stays as it is
 */
export function evaluateDraw(
  { subjects, models, stimuli, method }: RdmSet,
  drawn: { readonly subjects?: Drawn | undefined; readonly stimuli?: Drawn | undefined },
): RdmDraw {
  const rows = Array.from(drawn.subjects ?? subjects.keys());
  const columns = Array.from(drawn.stimuli ?? Array.from({ length: stimuli }, (_, i) => i));
  if (new Set(columns).size < LEAST_STIMULI) {
    const none = Number.NaN;
    return { models: new Float64Array(models.length).fill(none), lower: none, upper: none };
  }
  const of = (rdm: Float64Array) => atStimuli(rdm, columns, stimuli);
  const data = rows.map((subject) => of(subjects[subject]));
  return {
    models: Float64Array.from(models, (model) => {
      const shown = of(model);
      return mean(data.map((rdm) => compareRdms(shown, rdm, method)));
    }),
    ...noiseCeiling(data, rows, method),
  };
}

/** The pairs of drawn stimuli. */
function atStimuli(rdm: Float64Array, columns: readonly number[], stimuli: number): Float64Array {
  const made = new Float64Array((columns.length * (columns.length - 1)) / 2);
  let at = 0;
  for (let i = 0; i < columns.length; i++) {
    for (let j = i + 1; j < columns.length; j++) {
      const [low, high] = [Math.min(columns[i], columns[j]), Math.max(columns[i], columns[j])];
      const place = low * stimuli - (low * (low + 1)) / 2 + (high - low - 1);
      made[at++] = low === high ? Number.NaN : rdm[place];
    }
  }
  return made;
}

/** Covariance (ddof 1) of models and, last, the lower and upper ceiling over draws that are finite: row-major. */
export function covarianceOfDraws(draws: readonly RdmDraw[]): Float64Array {
  const rows = draws
    .map(({ models, lower, upper }) => [...models, lower, upper])
    .filter((row) => row.every(Number.isFinite));
  const size = draws[0].models.length + 2;
  const means = Array.from({ length: size }, (_, k) => mean(rows.map((row) => row[k])));
  return Float64Array.from({ length: size * size }, (_, at) => {
    const [i, j] = [Math.floor(at / size), at % size];
    const sum = rows.reduce((all, row) => all + (row[i] - means[i]) * (row[j] - means[j]), 0);
    return sum / (rows.length - 1);
  });
}
