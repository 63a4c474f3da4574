import { useState } from 'preact/hooks';
import { answer, client, type Schemas } from '../client/client.js';
import { Problem } from './problem.js';
import { Scroll } from './scroll.js';
import { useResource } from './use-resource.js';

type Layer = Schemas['LayerList']['layers'][number];

/** Rows that are drawn at once; the search finds the others. */
const MOST = 200;

/** The layers of a model under the names in scores and cards; loaded when opened. */
export function LayerList({ model }: { readonly model: Schemas['Model'] }) {
  const [opened, setOpened] = useState(false);
  return (
    <details onToggle={(event) => setOpened(opened || event.currentTarget.open)}>
      <summary>Layers</summary>
      {opened && <List model={model.id} />}
    </details>
  );
}

function List({ model }: { readonly model: string }) {
  const [search, setSearch] = useState('');
  const { data, error } = useResource(
    (signal) =>
      answer(client.GET('/models/{model}/layers', { params: { path: { model } }, signal })),
    [model],
  );
  if (error) return <Problem error={error} />;
  if (!data) return <p aria-live="polite">Reading the layers…</p>;
  const words = search.toLowerCase().split(/\s+/);
  const found = data.layers.filter(({ name, operator }) =>
    words.every((word) => `${name} ${operator ?? ''}`.toLowerCase().includes(word)),
  );
  return (
    <>
      <div class="controls">
        <label>
          Search layers
          <input
            type="search"
            value={search}
            onInput={(event) => setSearch(event.currentTarget.value)}
          />
        </label>
        <p role="status">
          {found.length.toLocaleString()} of {data.layers.length.toLocaleString()} layers
          {found.length > MOST && `; showing the first ${MOST}`}
        </p>
      </div>
      <Scroll label="Layers">
        <table>
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col">Kind</th>
              <th scope="col">Operator</th>
              <th scope="col">Shape</th>
              <th scope="col" class="number">
                Units
              </th>
            </tr>
          </thead>
          <tbody>
            {found.slice(0, MOST).map((layer) => (
              <Row key={`${layer.kind} ${layer.name}`} layer={layer} />
            ))}
          </tbody>
        </table>
      </Scroll>
    </>
  );
}

function Row({ layer: { name, kind, operator, shape, units, folded } }: { readonly layer: Layer }) {
  return (
    <tr>
      <th scope="row">
        <bdi>{name}</bdi>
      </th>
      <td>{kind}</td>
      <td>
        {operator ?? '–'}
        {folded && ' (folded on export; not available)'}
      </td>
      <td>{shape ? shape.join(' × ') : '–'}</td>
      <td class="number">{units?.toLocaleString() ?? '–'}</td>
    </tr>
  );
}
