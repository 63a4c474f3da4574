import { bootstrapError, stdDdof1 } from '../../numerics/statistics/bootstrap-error.js';
import { mean, nanMean } from '../../numerics/statistics/statistics.js';
import type { BootstrapChoice } from '../benchmark/benchmark.js';
import { finite, type ScoreParts } from './score.js';

/** What is averaged to a score: a subject or a fold. */
export interface Part {
  readonly name: string;
  readonly value: number;
  readonly raw: number;
  /** null without a ceiling. */
  readonly ceiling: number | null;
  /** Its own error, where it has one. */
  readonly error?: number;
  /** The penalty that was chosen for it. */
  readonly alpha?: number | undefined;
}

/** The average of parts. */
export interface AveragedParts {
  readonly value: number;
  /** NaN unless it was asked for, and where there is one part alone. */
  readonly error: number;
  /** Without parts that have none. */
  readonly raw: number;
  readonly ceiling: { readonly value: number; readonly error: number } | null;
}

/**
 * Mean of what parts scored, in their order, which resamples are drawn in (MultiSubjectNeuralBenchmark and
 * KFoldNeuralBenchmark of the reference). The error of the ceiling is its standard error over the parts.
 */
export function averageParts(
  parts: readonly Omit<Part, 'name'>[],
  bootstrap: BootstrapChoice | undefined,
): AveragedParts {
  const values = parts.map(({ value }) => value);
  const ceilings = parts.flatMap(({ ceiling }) => (ceiling === null ? [] : ceiling));
  return {
    value: mean(values),
    error: bootstrapped(values, bootstrap),
    raw: nanMean(parts.map(({ raw }) => raw)),
    ceiling:
      ceilings.length < parts.length
        ? null
        : { value: mean(ceilings), error: standardError(ceilings) },
  };
}

/** The error of the mean of some values over resamples of them; NaN unless asked for, or of a single value. */
export function bootstrapped(
  values: readonly number[],
  bootstrap: BootstrapChoice | undefined,
): number {
  if (!bootstrap || values.length < 2) return Number.NaN;
  return bootstrapError(
    { dims: ['part'], shape: [values.length], values },
    { over: ['part'], draws: bootstrap.draws, seed: bootstrap.seed },
  );
}

/** Standard error of the mean (ddof 1); 0 of a single value, as the reference has it. */
export const standardError = (values: readonly number[]): number =>
  values.length < 2 ? 0 : stdDdof1(values) / Math.sqrt(values.length);

/** The parts as a score holds them. */
export const scoreParts = (per: string, parts: readonly Part[]): ScoreParts => ({
  per,
  values: parts.map(({ name, value, raw, ceiling, error, alpha }) => ({
    name,
    value: finite(value),
    raw: finite(raw),
    ceiling: ceiling === null ? null : finite(ceiling),
    ...(error === undefined ? {} : { error: finite(error) }),
    ...(alpha === undefined ? {} : { alpha }),
  })),
});
