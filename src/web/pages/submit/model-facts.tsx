import { useState } from 'preact/hooks';
import { answer, client, type Schemas } from '../../client.js';
import { bytes } from '../../parts/format.js';
import { Problem } from '../../parts/problem.js';
import { Scroll } from '../../parts/scroll.js';
import { useResource } from '../../parts/use-resource.js';

type Model = Schemas['Model'];
type Value = Schemas['GraphValue'];

/** What the check of the graph found. */
export function GraphFacts({
  model: { digest, size, graph, visibility, group },
}: {
  readonly model: Model;
}) {
  return (
    <dl class="facts">
      <dt>Digest</dt>
      <dd>
        <code>{digest}</code>
      </dd>
      <dt>Size</dt>
      <dd>{bytes(size)}</dd>
      <dt>Seen by</dt>
      <dd>{visibility === 'group' ? <bdi>group {group}</bdi> : visibility}</dd>
      <dt>Inputs</dt>
      <dd>
        <Values values={graph.inputs ?? []} />
      </dd>
      <dt>Outputs</dt>
      <dd>
        <Values values={graph.outputs ?? []} />
      </dd>
      <dt>Parameters</dt>
      <dd>{graph.parameters?.toLocaleString() ?? '–'}</dd>
      <dt>Nodes</dt>
      <dd>{graph.nodes?.toLocaleString() ?? '–'}</dd>
      <dt>Opset</dt>
      <dd>{graph.opset ?? '–'}</dd>
    </dl>
  );
}

function Values({ values }: { readonly values: readonly Value[] }) {
  if (values.length === 0) return <>–</>;
  return (
    <>
      {values.map(({ name, dtype, dims }) => (
        <div key={name}>
          <bdi class="layer">{name}</bdi>{' '}
          <span class="quiet">
            {dtype ?? 'type not given'} {dims ? dims.map((size) => size ?? 'any').join(' × ') : ''}
          </span>
        </div>
      ))}
    </>
  );
}

/** The layers that were found, under the names that cards and scores use. */
export function FoundLayers({ model }: { readonly model: Model }) {
  const { data, error, loading } = useResource(
    (signal) =>
      answer(
        client.GET('/models/{model}/layers', { params: { path: { model: model.id } }, signal }),
      ),
    [model.id],
  );
  const [search, setSearch] = useState('');
  const all = data?.layers ?? [];
  const shown = all.filter(({ name }) => name.toLowerCase().includes(search.toLowerCase()));
  if (error) return <Problem error={error} />;
  return (
    <details>
      <summary>{loading ? 'Looking for layers …' : `${all.length} layers`}</summary>
      <div class="controls">
        <label>
          Search
          <input
            type="search"
            value={search}
            onInput={({ currentTarget }) => setSearch(currentTarget.value)}
          />
        </label>
      </div>
      <Scroll label="Layers found">
        <table>
          <caption>
            {shown.length} of {all.length} layers
          </caption>
          <thead>
            <tr>
              <th scope="col">Layer</th>
              <th scope="col">Kind</th>
              <th scope="col">Operator</th>
              <th scope="col">Shape</th>
              <th scope="col" class="number">
                Units
              </th>
            </tr>
          </thead>
          <tbody>
            {shown.slice(0, MOST_ROWS).map((layer) => (
              <tr key={`${layer.kind} ${layer.name}`}>
                <th scope="row">
                  <bdi class="layer">{layer.name}</bdi>
                </th>
                <td>{layer.folded ? 'folded' : layer.kind}</td>
                <td>{layer.operator ?? '–'}</td>
                <td>{layer.shape?.join(' × ') ?? '–'}</td>
                <td class="number">{layer.units?.toLocaleString() ?? '–'}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      {shown.length > MOST_ROWS && (
        <p class="quiet">The first {MOST_ROWS} are shown: search for others.</p>
      )}
    </details>
  );
}

const MOST_ROWS = 200;
