import { shadeBounds } from '../../../figure/score-shade.js';
import { BROUGHT } from '../../parts/score-words.js';

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
        <li>–: no score. “5 of 6”: five of the six benchmarks in an average have a score.</li>
        <li>[ ]: 95 % interval.</li>
        <li>
          Rank: among all models, by the first column to two decimals; searching and filtering do
          not change it. =: shared rank. ≈ best: not distinguishable from the best model in the
          sorted column.
        </li>
        <li>†: the layer was chosen on stimuli of the same benchmark. ‡: {BROUGHT}.</li>
        <li>
          Select a score for its raw value and ceiling. Arrow keys move from a model’s name to its
          scores.
        </li>
      </ul>
    </div>
  );
}
