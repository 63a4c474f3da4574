import { shadeBounds } from '../../../figure/score-shade.js';
import { Term } from '../../parts/words/term.js';

/** What the table's colours and marks mean. */
export function Legend() {
  return (
    <div class="legend">
      <ol class="shades" aria-label="Shades of scores, by their lower bound">
        {[0, ...shadeBounds].map((bound, shade) => (
          <li key={bound} class={`q${shade}`}>
            {bound === 0 ? 'below 0.05' : `${bound}${shade === 8 ? ' or more' : ''}`}
          </li>
        ))}
      </ol>
      <ul class="marks quiet">
        <li>
          –: no score. “5 of 6”: five of the six benchmarks in an <Term of="average">average</Term>{' '}
          have a score.
        </li>
        <li>
          [ ]: 95 % <Term of="interval">interval</Term>.
        </li>
        <li>
          <Term of="rank">Rank</Term>: among all models, by the first column to two decimals;
          searching and filtering do not change it. =: shared rank. ≈ best: not distinguishable from
          the best model in the sorted column.
        </li>
        <li>
          †: the layer was chosen on stimuli of the same benchmark, a{' '}
          <Term of="selection">selection</Term>. ‡: computed elsewhere and submitted with a{' '}
          <Term of="receipt">receipt</Term>.
        </li>
        <li>
          Select a score for its <Term of="raw">raw</Term> value and{' '}
          <Term of="ceiling">ceiling</Term>. Arrow keys move from a model’s name to its scores.
        </li>
      </ul>
    </div>
  );
}
