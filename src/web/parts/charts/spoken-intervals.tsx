import { spokenLines } from '../score-words.js';

/** More lines are folded. */
const MOST_LINES = 2;

/** What the intervals of scores speak of, a line for each kind: for tables that show the intervals alone. */
export function SpokenIntervals({
  scores,
}: {
  readonly scores: Parameters<typeof spokenLines>[0];
}) {
  const lines = spokenLines(scores);
  if (lines.length <= MOST_LINES)
    return (
      <>
        {lines.map((line) => (
          <p class="quiet" key={line}>
            {line}
          </p>
        ))}
      </>
    );
  return (
    <details class="quiet">
      <summary>What the intervals generalise to</summary>
      <ul>
        {lines.map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
    </details>
  );
}
