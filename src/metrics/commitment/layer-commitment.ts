import { VentralError } from '../../errors/ventral-error.js';
import { explainedVariance } from '../ceiling-normalisation.js';

/**
 * How Brain-Score's ModelCommitment chooses the layer of a region (spec §5.8): on principal components that are fitted on
 * pictures of ImageNet, by the ceiled score.
 */

/** What a candidate scored. */
export interface LayerScore {
  readonly layer: string;
  readonly raw: number;
  readonly ceiling: number;
}

/**
 * The first of the candidates, in the order given, whose raw² / ceiling is largest: a negative raw can win by its square. A score
 * that is no number is passed over.
 * @throws VentralError `metric-failed` where none is a number
 */
export function committedLayer(candidates: readonly LayerScore[]): LayerScore {
  let best: LayerScore | undefined;
  let highest = Number.NEGATIVE_INFINITY;
  for (const candidate of candidates) {
    const value = explainedVariance(candidate.raw, candidate.ceiling);
    if (Number.isNaN(value) || (best && value <= highest)) continue;
    best = candidate;
    highest = value;
  }
  if (best) return best;
  const found = `none of ${candidates.length} layers has one`;
  throw new VentralError('metric-failed', `No layer can be chosen: a score expected, ${found}`, {
    field: 'layers',
    expected: 'a score that is a number',
    found,
  });
}

/**
 * The pictures that components are fitted on, as class and position in it: the first of every class that has one, then the second;
 * fewer than `count` where there are no more.
 */
export function fittingOrder(sizes: readonly number[], count: number): [of: number, at: number][] {
  const order: [number, number][] = [];
  let left = [...sizes.keys()];
  for (let at = 0; left.length > 0 && order.length < count; at++) {
    left = left.filter((of) => at < sizes[of]);
    for (const of of left.slice(0, count - order.length)) order.push([of, at]);
  }
  return order;
}
