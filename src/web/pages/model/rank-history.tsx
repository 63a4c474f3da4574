import { useState } from 'preact/hooks';
import { reasonWords } from '../../../figure/rank-reasons.js';
import { answer, client, type Schemas } from '../../client/client.js';
import { Problem } from '../../parts/problem.js';
import { Scroll } from '../../parts/scroll.js';
import { useResource } from '../../parts/use-resource.js';

/** The rank of a model over time and why it changed, asked for when it is opened: it is made of all changes of the board. */
export function RankOverTime({ model }: { readonly model: string }) {
  const [open, setOpen] = useState(false);
  return (
    <details onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>Rank over time</summary>
      {open && <Ranks model={model} />}
    </details>
  );
}

function Ranks({ model }: { readonly model: string }) {
  const { data, error } = useResource((signal) => readRanks(model, signal), [model]);
  if (error) return <Problem error={error} />;
  if (!data) return <p aria-live="polite">Loading…</p>;
  if (data.points.length === 0) return <p>This model has not been ranked yet.</p>;
  return (
    <>
      <p class="quiet">
        By {data.column}, among the models that you may see, at the end of each day (UTC) on which
        something changed. + and − give how much each reason changed the rank.
        {data.recordedSince &&
          ` Changes have been recorded since ${data.recordedSince.slice(0, 10)}.`}
      </p>
      <Scroll label="Rank over time">
        <table>
          <thead>
            <tr>
              <th scope="col">Date</th>
              <th scope="col" class="number">
                Rank
              </th>
              <th scope="col" class="number">
                Value
              </th>
              <th scope="col">Why</th>
            </tr>
          </thead>
          <tbody>
            {data.points.toReversed().map((point) => (
              <Line key={point.date} point={point} simulated={data.simulated} />
            ))}
          </tbody>
        </table>
      </Scroll>
    </>
  );
}

function Line({
  point,
  simulated,
}: {
  readonly point: Schemas['RankPoint'];
  readonly simulated: boolean;
}) {
  const { date, rank, of, value } = point;
  return (
    <tr>
      <th scope="row">
        <a href={`/?at=${date}${simulated ? '&simulated=true' : ''}`}>{date}</a>
      </th>
      <td class="number">{rank === null ? '–' : `${rank} of ${of}`}</td>
      <td class="number">{value === null ? '–' : value.toFixed(3)}</td>
      <td>
        <bdi>{reasonWords(point).join('; ')}</bdi>
      </td>
    </tr>
  );
}

/** A new service has only simulated scores. */
async function readRanks(model: string, signal: AbortSignal) {
  const read = (simulated: boolean) =>
    answer(client.GET('/leaderboard/history', { params: { query: { model, simulated } }, signal }));
  const real = await read(false);
  const found = real.points.length > 0 ? real : await read(true);
  return { ...found, simulated: found !== real };
}
