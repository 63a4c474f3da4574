import type { Formula, FormulaVariable } from './formula-column.js';
import {
  counts,
  type Estimate,
  estimate,
  type Leaderboard,
  type LeaderboardRow,
  standardError,
} from './leaderboard.js';
import type { Share } from './leaderboard-tree.js';

/** Step of the finite differences. */
const STEP = 1e-5;

/**
 * The value of a formula for one model: null if something that it names is missing, or what comes out is
 * not finite. Its interval is of first order: the derivatives by its names, the names' by the
 * benchmarks, whose errors are independent and normal as in the averages; so a benchmark that stands under two
 * names counts for both together.
 */
export function formulaEstimate(
  formula: Formula,
  board: Leaderboard,
  row: LeaderboardRow,
): Estimate {
  const values: number[] = [];
  for (const variable of formula.variables) {
    const value = numberOf(variable, board, row);
    if (value === null) return { value: null, ci: null };
    values.push(value);
  }
  const value = formula.evaluate(values);
  if (!Number.isFinite(value)) return { value: null, ci: null };
  return estimate(value, varianceOf(formula, values, board, row));
}

function numberOf(
  variable: FormulaVariable,
  { rules }: Leaderboard,
  { model, averages }: LeaderboardRow,
): number | null {
  if (variable.kind === 'node') return averages.get(variable.id)?.value ?? null;
  const score = model.scores.get(variable.id);
  return counts(score, rules) ? score.value : null;
}

function varianceOf(
  { variables, evaluate }: Formula,
  values: readonly number[],
  { counted, rules }: Leaderboard,
  { model }: LeaderboardRow,
): number {
  const slopes = new Map<string, number>();
  for (const [k, variable] of variables.entries()) {
    const slope =
      (evaluate(values.with(k, values[k] + STEP)) - evaluate(values.with(k, values[k] - STEP))) /
      (2 * STEP);
    for (const { benchmark, weight } of sharesOf(variable, counted))
      slopes.set(benchmark, (slopes.get(benchmark) ?? 0) + slope * weight);
  }
  let variance = 0;
  for (const [benchmark, slope] of slopes) {
    const score = model.scores.get(benchmark);
    if (!counts(score, rules)) continue;
    variance += (slope * (standardError(score) ?? Number.NaN)) ** 2;
  }
  return variance;
}

const sharesOf = (
  { kind, id }: FormulaVariable,
  counted: Leaderboard['counted'],
): readonly Share[] => (kind === 'node' ? (counted.get(id) ?? []) : [{ benchmark: id, weight: 1 }]);
