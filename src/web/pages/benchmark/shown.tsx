import { answer, client, type Schemas } from '../../client/client.js';
import { Problem } from '../../parts/problem.js';
import { useQuery } from '../../parts/query.js';
import { Scroll } from '../../parts/scroll.js';
import { useResource } from '../../parts/use-resource.js';
import { StimulusPicture } from './stimulus-image.js';

type Stimulus = Schemas['StimulusPage']['items'][number];

const PAGE = 12;
/** Visual angles that models are used with. */
const ANGLES = [2, 4, 6, 8, 10, 12, 16];

/** Images of a benchmark's stimuli, a page of them, on a screen of the angle that the reader chooses. */
export function Shown({
  benchmark,
  hasFitting,
}: {
  readonly benchmark: string;
  /** Whether a read-out is fitted on images of its own. */
  readonly hasFitting: boolean;
}) {
  const [query, change] = useQuery();
  const set = query.get('set') === 'fitting' ? 'fitting' : 'test';
  const degrees = query.get('degrees') === 'stored' ? undefined : angleOf(query.get('degrees'));
  const from = Math.max(0, Math.floor(Number(query.get('from')) || 0));
  const { data, error, loading } = useResource(
    (signal) =>
      answer(
        client.GET('/benchmarks/{benchmark}/stimuli', {
          params: { path: { benchmark }, query: { set, limit: PAGE, cursor: String(from) } },
          signal,
        }),
      ),
    [benchmark, set, from],
  );
  return (
    <>
      <div class="controls">
        {hasFitting && (
          <label>
            Stimuli
            <select
              value={set}
              onChange={(event) => change({ set: event.currentTarget.value, from: null })}
            >
              <option value="test">test: scores are computed on these</option>
              <option value="fitting">fitting: the read-out is fitted on these</option>
            </select>
          </label>
        )}
        <label>
          Visual angle of the model
          <select
            value={degrees ?? 'stored'}
            onChange={(event) => change({ degrees: event.currentTarget.value })}
          >
            {[...new Set([...ANGLES, ...(degrees === undefined ? [] : [degrees])])]
              .sort((a, b) => a - b)
              .map((angle) => (
                <option key={angle} value={angle}>
                  {angle}°
                </option>
              ))}
            <option value="stored">the image as stored</option>
          </select>
        </label>
      </div>
      {error && <Problem error={error} />}
      {!data && loading && (
        <p aria-live="polite">Loading the stimuli… (a simulated set is generated on first use)</p>
      )}
      {data && (
        <>
          <Pager
            from={from}
            count={data.items.length}
            total={data.total}
            go={(to) => change({ from: to === 0 ? null : String(to) })}
          />
          <ul class="stimuli">
            {data.items.map((item) => (
              <li key={item.stimulus}>
                <figure>
                  {item.links.picture ? (
                    <StimulusPicture {...{ benchmark, set, degrees }} stimulus={item.stimulus} />
                  ) : (
                    <p class="stimulus quiet">no image</p>
                  )}
                  <figcaption>
                    <bdi>{item.stimulus}</bdi>
                    {item.degrees !== null && <span class="quiet"> shown at {item.degrees}°</span>}
                  </figcaption>
                </figure>
              </li>
            ))}
          </ul>
          <details>
            <summary>These stimuli as a table</summary>
            <Scroll label="Stimuli">
              <Table columns={data.columns} items={data.items} />
            </Scroll>
          </details>
        </>
      )}
    </>
  );
}

const angleOf = (text: string | null): number => {
  const angle = Number(text);
  return angle > 0 && angle <= 360 ? angle : 8;
};

interface PagerProps {
  readonly from: number;
  readonly count: number;
  readonly total: number;
  readonly go: (from: number) => void;
}

function Pager({ from, count, total, go }: PagerProps) {
  return (
    <div class="actions pager">
      <button type="button" disabled={from === 0} onClick={() => go(Math.max(0, from - PAGE))}>
        Previous
      </button>
      <span aria-live="polite">
        {count === 0 ? 'none' : `${from + 1} to ${from + count}`} of {total.toLocaleString()}
      </span>
      <button type="button" disabled={from + count >= total} onClick={() => go(from + PAGE)}>
        Next
      </button>
    </div>
  );
}

function Table({
  columns,
  items,
}: {
  readonly columns: readonly string[];
  readonly items: readonly Stimulus[];
}) {
  return (
    <table>
      <thead>
        <tr>
          {columns.map((name) => (
            <th scope="col" key={name}>
              <bdi>{name}</bdi>
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {items.map(({ stimulus, values }) => (
          <tr key={stimulus}>
            {columns.map((name) => (
              <td key={name}>
                <bdi>{String(values[name] ?? '–')}</bdi>
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
