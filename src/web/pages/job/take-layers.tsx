import { useState } from 'preact/hooks';
import { answer, client, type Schemas } from '../../client/client.js';
import { mayChange, useSession } from '../../client/session.js';
import { Problem } from '../../parts/problem.js';
import { useResource } from '../../parts/use-resource.js';
import type { MapJob } from './use-job.js';

type Chosen = Schemas['LayerOnComponents'];
type Model = Schemas['Model'];

/**
 * Writes the layers that a map chose into the model's card, with the record that marks selections: those on principal components where
 * the map has them.
 */
export function TakeLayers({ job }: { readonly job: MapJob }) {
  const { caller } = useSession();
  const { components, chosen: full = {} } = job.result ?? {};
  const chosen: Chosen[] = Object.values(components?.chosen ?? full).filter(({ role }) => role);
  const registered = job.model.startsWith('mdl_') && chosen.length > 0;
  const { data: model } = useResource(
    async (signal) => {
      // A model that was removed since is no error here: its map stays.
      const call = client.GET('/models/{model}', {
        params: { path: { model: job.model } },
        signal,
      });
      if (!registered) return undefined;
      const { data, response } = await call;
      return data && { ...data, tag: response.headers.get('ETag') };
    },
    [job.model, registered],
  );
  const [taken, setTaken] = useState<Model>();
  const [error, setError] = useState<Error>();
  if (!model?.card || !mayChange(caller, model.owner)) return null;
  const take = async () => {
    setError(undefined);
    try {
      const card = cardWith(model.card as Schemas['Card'], chosen);
      const header = model.tag === null ? {} : { 'If-Match': model.tag };
      const params = { path: { model: model.id }, header };
      setTaken(await answer(client.PATCH('/models/{model}', { params, body: { card } })));
    } catch (thrown) {
      setError(thrown as Error);
    }
  };
  if (taken)
    return (
      <div class="notice" role="status">
        <p>
          The model’s card now names these layers. Scores on the same stimuli are marked as
          selections.
        </p>
        <p>
          <a class="button" href={`/submit?model=${taken.id}`}>
            Score the model
          </a>
        </p>
      </div>
    );
  return (
    <>
      {error && <Problem error={error} />}
      <p class="actions">
        <button type="button" onClick={take}>
          Write the chosen layers to the model’s card
        </button>
      </p>
    </>
  );
}

/** As `ventral map --commit` does; of two choices for a region the first stands. */
function cardWith(card: Schemas['Card'], chosen: readonly Chosen[]): Schemas['Card'] {
  const layers: Record<string, string> = {};
  const records: Record<string, object> = {};
  for (const { role, layer, choice, stimuli } of chosen) {
    if (!role || role in records) continue;
    if (role !== 'behavior') layers[role] = layer;
    records[role] = { layer, ...(choice.by as object), stimuli };
  }
  const readout = chosen.find(({ role }) => role === 'behavior')?.layer;
  return {
    ...card,
    region_layer_map: { ...(card.region_layer_map as object | undefined), ...layers },
    region_layer_choice: { ...(card.region_layer_choice as object | undefined), ...records },
    ...(readout === undefined ? {} : { readout }),
  };
}
