import { Term } from '../../parts/words/term.js';

const shades = Array.from({ length: 9 }, (_, k) => k);

/** What the table's colours and marks mean. */
export function Legend() {
  return (
    <div class="legend quiet">
      <p>
        Scores from 0{' '}
        {shades.map((shade) => (
          <span key={shade} class={`swatch q${shade}`} aria-hidden="true" />
        ))}{' '}
        to 1. – is no score.
      </p>
      <p>
        “5 of 6”: five of the six benchmarks of an <Term of="average">average</Term> have a score.
        Brackets: 95 % <Term of="interval">interval</Term>. <Term of="rank">Rank</Term>: among all
        models, by the first column at two decimals; a search or a filter does not change it. =:
        shared rank. ≈ best: not told apart from the best model by the column sorted by. † is a{' '}
        <Term of="selection">selection</Term>, a score whose layer was chosen on stimuli of the same
        benchmark, ‡ one that was computed elsewhere and <Term of="brought">brought</Term> with a{' '}
        <Term of="receipt">receipt</Term>. Press a score to see its <Term of="raw">raw</Term> value
        and <Term of="ceiling">ceiling</Term>; arrow keys move from a model’s name to its scores.
      </p>
    </div>
  );
}
