import { answer, client, type Schemas } from '../../client/client.js';
import { LayerHeatmap } from '../../parts/charts/layer-heatmap.js';
import { value } from '../../parts/format.js';
import { Problem } from '../../parts/problem.js';
import { Scroll } from '../../parts/scroll.js';
import { useResource } from '../../parts/use-resource.js';
import type { ChosenModel } from './board.js';

type LayerMap = Schemas['LayerMap'];

/** The latest layer map of a model that was chosen; null without one. */
interface MapOf {
  readonly model: ChosenModel;
  readonly job: string | null;
  readonly map: LayerMap | null;
}

interface ComparedMapsProps {
  readonly chosen: readonly ChosenModel[];
  readonly reference: number;
}

/** The latest map of each model, and which layer stands for which benchmark in each. */
export function ComparedMaps({ chosen, reference }: ComparedMapsProps) {
  const { data, error } = useResource(
    (signal) => Promise.all(chosen.map((model) => latestMap(model, signal))),
    [chosen.map(({ id }) => id).join('\n')],
  );
  const maps = data?.length === chosen.length ? data : [];
  const mapped = maps.filter(({ map }) => map !== null);
  return (
    <section>
      <h2>Layer maps</h2>
      {error && <Problem error={error} />}
      {!data && !error && <p role="status">Loading layer maps …</p>}
      {data && mapped.length === 0 && (
        <p>None of these models has a layer map yet: each model’s page can start one.</p>
      )}
      {mapped.length > 0 && <ChosenLayers maps={maps} reference={reference} />}
      {mapped.length > 0 && (
        <div class="side-by-side">
          {maps.map(({ model, job, map }) => (
            <article key={model.id}>
              <h3>
                <bdi>{model.name}</bdi>
              </h3>
              {map ? (
                <>
                  <p>
                    <a href={`/layer-maps/${job}`}>
                      Open the map of <bdi>{model.name}</bdi>
                    </a>
                  </p>
                  <LayerHeatmap map={map} label={`Layers of ${model.name} by benchmarks`} />
                </>
              ) : (
                <p class="quiet">
                  No layer map.{' '}
                  {model.known && (
                    <a href={`/models/${encodeURIComponent(model.id)}`}>
                      Start one on the page of <bdi>{model.name}</bdi>
                    </a>
                  )}
                </p>
              )}
            </article>
          ))}
        </div>
      )}
    </section>
  );
}

async function latestMap(model: ChosenModel, signal: AbortSignal): Promise<MapOf> {
  const query = { model: model.item?.model ?? model.id, state: 'succeeded' as const, limit: 1 };
  const { items } = await answer(client.GET('/layer-maps', { params: { query }, signal }));
  if (items.length === 0) return { model, job: null, map: null };
  const [{ id: job }] = items;
  const { result } = await answer(
    client.GET('/layer-maps/{job}', { params: { path: { job } }, signal }),
  );
  return { model, job, map: result };
}

interface ChosenLayersProps {
  readonly maps: readonly MapOf[];
  readonly reference: number;
}

/** Where the maps differ: the layer that each chose for each benchmark. */
function ChosenLayers({ maps, reference }: ChosenLayersProps) {
  const benchmarks = [...new Set(maps.flatMap(({ map }) => map?.benchmarks ?? []))];
  const from = maps[reference].map;
  return (
    <Scroll label="Chosen layers by benchmark">
      <table class="chosen-layers">
        <caption>
          The layer that each map chose, its value, and its relative depth (the share of the
          network’s convolutions and products before it)
          {from && ', compared with the reference'}
        </caption>
        <thead>
          <tr>
            <th scope="col">Benchmark</th>
            {maps.map(({ model }) => (
              <th scope="col" key={model.id}>
                <bdi class="model-name">{model.name}</bdi>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {benchmarks.map((benchmark) => (
            <tr key={benchmark}>
              <th scope="row">
                <bdi>{benchmark}</bdi>
              </th>
              {maps.map(({ model, map }, i) => (
                <td key={model.id}>
                  <ChosenCell
                    map={map}
                    from={i === reference ? null : from}
                    benchmark={benchmark}
                  />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

interface ChosenCellProps {
  readonly map: LayerMap | null;
  /** The reference's map, where there is another one. */
  readonly from: LayerMap | null;
  readonly benchmark: string;
}

function ChosenCell({ map, from, benchmark }: ChosenCellProps) {
  const layer = map?.chosen[benchmark]?.layer;
  if (!map || layer === undefined) return <>–</>;
  const cell = map.layers.find((row) => row.layer === layer)?.cells[benchmark];
  const depth = shareOf(map, layer);
  return (
    <>
      <code>{layer}</code> {value(cell && 'benchmark' in cell ? cell.value : null)}
      {depth !== null && <span class="quiet"> at {percent(depth)}</span>}
      {from && <Divergence map={map} from={from} benchmark={benchmark} />}
    </>
  );
}

function Divergence({ map, from, benchmark }: ChosenCellProps & { readonly map: LayerMap }) {
  const mine = map.chosen[benchmark];
  const other = from?.chosen[benchmark];
  if (!from || !mine || !other) return null;
  if (mine.layer === other.layer) return <span class="difference same">= same layer</span>;
  if (map.layers.some(({ layer }) => layer === other.layer)) {
    const tied = mine.tied.includes(other.layer);
    return (
      <span class={`difference ${tied ? 'same' : 'higher'}`}>
        {tied ? '= tied with' : '≠'} <code>{other.layer}</code>
      </span>
    );
  }
  const [here, there] = [shareOf(map, mine.layer), shareOf(from, other.layer)];
  if (here === null || there === null) return null;
  const by = Math.round(100 * (here - there));
  return (
    <span class="difference">
      {by === 0 ? 'same depth' : `${Math.abs(by)} points ${by > 0 ? 'deeper' : 'shallower'}`}
    </span>
  );
}

const percent = (share: number) => `${Math.round(100 * share)} %`;

/** How deep a layer lies, from 0 to 1; null if the graph does not say. */
function shareOf({ layers }: LayerMap, layer: string): number | null {
  const depth = layers.find((row) => row.layer === layer)?.depth;
  const deepest = Math.max(...layers.map((row) => row.depth ?? 0));
  return depth == null || deepest === 0 ? null : depth / deepest;
}
