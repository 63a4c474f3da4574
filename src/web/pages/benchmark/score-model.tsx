import { useState } from 'preact/hooks';
import { useLocation } from 'preact-iso';
import { withWeights } from '../../../figure/provenance.js';
import { answer, client, type Schemas } from '../../client/client.js';
import { useSession } from '../../client/session.js';
import { Problem } from '../../parts/problem.js';
import { useSendOnce } from '../../parts/start/send-once.js';
import { useResource } from '../../parts/use-resource.js';

/** As many as the service gives at once. */
const MOST = 200;

interface Known {
  readonly id: string;
  readonly name: string;
  readonly weights: Schemas['Weights'];
}

/** Registered models with a card, and those on the leaderboard: shipped ones are there. */
async function knownModels(signal: AbortSignal): Promise<{ models: Known[]; all: boolean }> {
  const board = (simulated: boolean) => {
    const query = { simulated, layers: 'any', sort: 'name', limit: MOST } as const;
    return answer(client.GET('/leaderboard', { params: { query }, signal }));
  };
  const [registered, ...boards] = await Promise.all([
    answer(client.GET('/models', { params: { query: { limit: MOST } }, signal })),
    ...[false, true].map(board),
  ]);
  const placed = boards
    .flatMap(({ items }) => items)
    .filter(({ features }) => !features)
    .map(({ model, name, weights }) => ({ id: model, name, weights }));
  const models = new Map(
    [...placed, ...registered.items.filter(({ card }) => card)].map((each) => [each.id, each]),
  );
  return {
    models: [...models.values()].sort((a, b) => a.name.localeCompare(b.name)),
    all: [registered, ...boards].every(({ next }) => next === null),
  };
}

/** Scores a model on a benchmark whose data are here, without the way over the page of the model. */
export function ScoreModel({ one }: { readonly one: Schemas['Benchmark'] }) {
  const { caller } = useSession();
  const [open, setOpen] = useState(false);
  if (caller?.role === 'reader') return null;
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Score a model on this benchmark</summary>
      {open && <Models one={one} />}
    </details>
  );
}

function Models({ one }: { readonly one: Schemas['Benchmark'] }) {
  const { data, error } = useResource(knownModels, []);
  if (error) return <Problem error={error} />;
  if (!data) return <p aria-live="polite">Loading models…</p>;
  const { models, all } = data;
  return (
    <>
      {models.length > 0 && <Choice one={one} models={models} />}
      <p class="quiet">
        {models.length > 0 && 'The layers are those of the model’s card. '}
        {!all && 'Not all models are listed; score the others from their pages. '}
        <a href="/submit">Submit a model</a>
      </p>
    </>
  );
}

interface ChoiceProps {
  readonly one: Schemas['Benchmark'];
  readonly models: readonly Known[];
}

function Choice({ one, models }: ChoiceProps) {
  const { route } = useLocation();
  const [model, setModel] = useState(models[0].id);
  const { busy, error, once } = useSendOnce();
  const start = (event: Event) => {
    event.preventDefault();
    const body = { model, benchmarks: [one.id] };
    void once(async (headerOf) => {
      const params = { header: headerOf(body) };
      const { id } = await answer(client.POST('/scores', { body, params }));
      route(`/scores/${id}`);
    });
  };
  return (
    <form onSubmit={start}>
      <div class="controls">
        <label>
          Model
          <select value={model} onChange={({ currentTarget }) => setModel(currentTarget.value)}>
            {models.map(({ id, name, weights }) => (
              <option key={id} value={id}>
                {withWeights(name, weights)}
              </option>
            ))}
          </select>
        </label>
        <button type="submit" class="primary" disabled={busy}>
          Score
        </button>
      </div>
      {error && <Problem error={error} />}
    </form>
  );
}
