import { useState } from 'preact/hooks';
import { useLocation } from 'preact-iso';
import { answer, client, type Schemas } from '../../client/client.js';
import { useSession } from '../../client/session.js';
import { Problem } from '../../parts/problem.js';

type Benchmark = Schemas['Benchmark'];

/** Chooses benchmarks, and leads to the job that scores the model on them. */
export function ScoreAgain({
  model,
  benchmarks,
}: {
  readonly model: Schemas['Model'];
  readonly benchmarks: readonly Benchmark[];
}) {
  const { route } = useLocation();
  const { caller } = useSession();
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [detail, setDetail] = useState(false);
  const [refused, setRefused] = useState<Error>();
  if (caller?.role === 'reader') return <p>A reader key cannot start jobs.</p>;
  if (model.card === null)
    return (
      <p class="notice">
        This model has no card and cannot be scored: <a href="#card">add one</a>.
      </p>
    );
  const items = benchmarks.filter(({ upload, ready, simulated }) => upload || ready || simulated);
  const start = async (event: Event) => {
    event.preventDefault();
    try {
      const { id } = await answer(
        client.POST('/scores', {
          body: {
            model: model.id,
            benchmarks: [...chosen],
            ...(detail ? { detail: true as const } : {}),
          },
        }),
      );
      route(`/scores/${id}`);
    } catch (reason) {
      setRefused(reason as Error);
    }
  };
  const toggle = (id: string, on: boolean) =>
    setChosen((before) => {
      const next = new Set(before);
      if (on) next.add(id);
      else next.delete(id);
      return next;
    });
  const group = (title: string, of: readonly Benchmark[]) => (
    <Group title={title} items={of} chosen={chosen} toggle={toggle} />
  );
  return (
    <form onSubmit={start}>
      {group(
        'Recorded',
        items.filter(({ upload, simulated }) => !upload && !simulated),
      )}
      {group(
        'Simulated',
        items.filter(({ upload, simulated }) => !upload && simulated),
      )}
      {group(
        'Uploaded',
        items.filter(({ upload }) => upload),
      )}
      <p class="quiet">
        Only recorded benchmarks with installed data are listed:{' '}
        <a href="/benchmarks">all benchmarks</a>.
      </p>
      <label class="inline">
        <input
          type="checkbox"
          checked={detail}
          onChange={(event) => setDetail(event.currentTarget.checked)}
        />
        Store the value of each neuroid
      </label>
      <p class="actions">
        <button type="submit" class="primary" disabled={chosen.size === 0}>
          {chosen.size === 0
            ? 'Choose benchmarks'
            : `Score on ${chosen.size} ${chosen.size === 1 ? 'benchmark' : 'benchmarks'}`}
        </button>
      </p>
      {refused && <Problem error={refused} />}
    </form>
  );
}

interface GroupProps {
  readonly title: string;
  readonly items: readonly Benchmark[];
  readonly chosen: ReadonlySet<string>;
  readonly toggle: (id: string, on: boolean) => void;
}

function Group({ title, items, chosen, toggle }: GroupProps) {
  if (items.length === 0) return null;
  return (
    <fieldset>
      <legend>{title}</legend>
      <div class="choices">
        {items.map(({ id, benchmarks, upload }) => (
          <label class="inline" key={id}>
            <input
              type="checkbox"
              checked={chosen.has(id)}
              onChange={(event) => toggle(id, event.currentTarget.checked)}
            />
            <bdi>{upload ? benchmarks.map((each) => each.id).join(', ') : id}</bdi>
          </label>
        ))}
      </div>
    </fieldset>
  );
}
