import { spokenLines } from '../score-words.js';

/** What the intervals of scores speak of, a line for each kind: for tables that show the intervals alone. */
export const SpokenIntervals = ({
  scores,
}: {
  readonly scores: Parameters<typeof spokenLines>[0];
}) => (
  <>
    {spokenLines(scores).map((line) => (
      <p class="quiet" key={line}>
        {line}
      </p>
    ))}
  </>
);
