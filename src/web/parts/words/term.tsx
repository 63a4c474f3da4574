import type { ComponentChildren } from 'preact';
import './term.css';

/** Terms that pages use, by the anchors of `docs/terms.md`. */
export type TermName =
  | 'average'
  | 'candidates'
  | 'ceiling'
  | 'control'
  | 'depth'
  | 'error'
  | 'external-score'
  | 'holdout'
  | 'interval'
  | 'layer'
  | 'layer-map'
  | 'metric'
  | 'model-card'
  | 'neuroid'
  | 'pls'
  | 'presentation'
  | 'random-weights'
  | 'rank'
  | 'rank-interval'
  | 'raw'
  | 'rdm'
  | 'read-out'
  | 'receipt'
  | 'region'
  | 'reliability'
  | 'score'
  | 'selection'
  | 'simulated'
  | 'single-neuron-properties'
  | 'splits'
  | 'stimulus-set'
  | 'tie'
  | 'visual-degrees'
  | 'weights';

/**
 * A term of the field that leads to its explanation.
 * @param apart whether it opens a tab of its own, where leaving the page would lose what was entered
 */
export function Term({
  of,
  apart = false,
  children,
}: {
  readonly of: TermName;
  readonly apart?: boolean;
  readonly children: ComponentChildren;
}) {
  return (
    <a
      class="term"
      href={`/docs/terms#${of}`}
      {...(apart ? { target: '_blank', rel: 'noopener' } : {})}
    >
      {children}
    </a>
  );
}
