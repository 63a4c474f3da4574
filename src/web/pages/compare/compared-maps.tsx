import { answer, client, type Schemas } from '../../client/client.js';
import { type BenchmarkPages, useBenchmarkPages } from '../../parts/benchmark-pages.js';
import { LayerHeatmap } from '../../parts/charts/layer-heatmap.js';
import { value } from '../../parts/format.js';
import { Problem } from '../../parts/problem.js';
import { OriginChip, WeightsChip } from '../../parts/provenance.js';
import { Scroll } from '../../parts/scroll.js';
import { useResource } from '../../parts/use-resource.js';
import type { ChosenModel } from './board.js';

type LayerMap = Schemas['LayerMap'];

/** The latest layer map of a model that was chosen; null without one. */
interface MapOf {
  readonly model: ChosenModel;
  readonly job: string | null;
  readonly map: LayerMap | null;
  readonly graph: Schemas['Graph'] | null;
}

interface ComparedMapsProps {
  readonly chosen: readonly ChosenModel[];
  readonly reference: number;
}

/** The latest map of each model, and which layer stands for which benchmark in each. */
export function ComparedMaps({ chosen, reference }: ComparedMapsProps) {
  const { data, error, current } = useResource(
    (signal) => Promise.all(chosen.map((model) => latestMap(model, signal))),
    [chosen.map(({ id }) => id).join('\n')],
  );
  const pages = useBenchmarkPages();
  const maps = current && data ? data : [];
  const mapped = maps.filter(({ map }) => map !== null);
  return (
    <section>
      <h2>Layer maps</h2>
      {error && <Problem error={error} />}
      {!current && <p role="status">Loading layer maps…</p>}
      {current && data && mapped.length === 0 && (
        <p>None of these models has a layer map yet. Start one on a model’s page.</p>
      )}
      {mapped.length > 0 && <ChosenLayers {...{ maps, reference, pages }} />}
      {mapped.length > 0 && (
        <div class="side-by-side">
          {maps.map(({ model, job, map }) => (
            <article key={model.id}>
              <h3>
                <bdi>{model.name}</bdi>
                <WeightsChip weights={model.weights} />
              </h3>
              {map ? (
                <>
                  <p>
                    <a href={`/layer-maps/${job}`}>
                      Open the map of <bdi>{model.name}</bdi>
                    </a>
                  </p>
                  <LayerHeatmap
                    map={map}
                    label={`Layers of ${model.name} by benchmarks`}
                    pages={pages}
                  />
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
  if (items.length === 0) return { model, job: null, map: null, graph: null };
  const [{ id: job }] = items;
  const path = { model: query.model };
  const [{ result }, { graph }] = await Promise.all([
    answer(client.GET('/layer-maps/{job}', { params: { path: { job } }, signal })),
    answer(client.GET('/models/{model}', { params: { path }, signal })),
  ]);
  return { model, job, map: result, graph };
}

interface ChosenLayersProps {
  readonly maps: readonly MapOf[];
  readonly reference: number;
  readonly pages: BenchmarkPages | undefined;
}

/** Where the maps differ: the layer that each chose for each benchmark. */
function ChosenLayers({ maps, reference, pages }: ChosenLayersProps) {
  const benchmarks = [...new Set(maps.flatMap(({ map }) => map?.benchmarks ?? []))];
  const from = maps[reference];
  return (
    <Scroll label="Chosen layers by benchmark">
      <table class="chosen-layers">
        <caption>
          The layer chosen by each map, its value, and its relative depth (the share of the
          network’s convolutions and matrix products before it)
          {from.map &&
            ', compared with the reference: by name within one architecture, otherwise by depth'}
        </caption>
        <thead>
          <tr>
            <th scope="col">Benchmark</th>
            {maps.map(({ model }) => (
              <th scope="col" key={model.id}>
                <bdi class="model-name">{model.name}</bdi>
                <WeightsChip weights={model.weights} />
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {benchmarks.map((benchmark) => (
            <tr key={benchmark}>
              <th scope="row">
                <bdi>{benchmark}</bdi>
                <OriginChip origin={originOf(maps, benchmark, pages)} />
              </th>
              {maps.map((one, i) => (
                <td key={one.model.id}>
                  <ChosenCell
                    one={one}
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

/** Where the data of a mapped benchmark come from; undefined of one that is not here any more. */
function originOf(
  maps: readonly MapOf[],
  benchmark: string,
  pages: BenchmarkPages | undefined,
): Schemas['Origin'] | undefined {
  const simulated = maps.some(({ map }) =>
    map?.layers.some(({ cells }) => {
      const cell = cells[benchmark];
      return cell && 'simulated' in cell && cell.simulated === true;
    }),
  );
  return simulated ? 'simulated' : pages?.get(benchmark)?.origin;
}

interface ChosenCellProps {
  readonly one: MapOf;
  /** The reference's, where it is another model. */
  readonly from: MapOf | null;
  readonly benchmark: string;
}

function ChosenCell({ one, from, benchmark }: ChosenCellProps) {
  const { map } = one;
  const layer = map?.chosen[benchmark]?.layer;
  if (!map || layer === undefined) return <>–</>;
  const cell = map.layers.find((row) => row.layer === layer)?.cells[benchmark];
  const depth = shareOf(map, layer);
  return (
    <>
      <code>{layer}</code> {value(cell && 'benchmark' in cell ? cell.value : null)}
      {depth !== null && <span class="quiet"> at {percent(depth)}</span>}
      {from && <Divergence one={one} from={from} benchmark={benchmark} />}
    </>
  );
}

function Divergence({ one, from, benchmark }: ChosenCellProps) {
  const mine = one.map?.chosen[benchmark];
  const other = from?.map?.chosen[benchmark];
  if (!one.map || !from?.map || !mine || !other) return null;
  const { map } = one;
  if (isOneArchitecture(one, from) && map.layers.some(({ layer }) => layer === other.layer)) {
    if (mine.layer === other.layer) return <span class="difference same">= same layer</span>;
    const tied = mine.tied.includes(other.layer);
    return (
      <span class={`difference ${tied ? 'same' : 'higher'}`}>
        {tied ? '= tied with' : '≠'} <code>{other.layer}</code>
      </span>
    );
  }
  const [here, there] = [shareOf(map, mine.layer), shareOf(from.map, other.layer)];
  if (here === null || there === null) return null;
  const by = Math.round(100 * (here - there));
  return (
    <span class="difference">
      {by === 0
        ? 'at the same depth'
        : `${Math.abs(by)} percentage points ${by > 0 ? 'deeper' : 'shallower'}`}
    </span>
  );
}

/**
 * Whether two maps are of one architecture, in which a name means one layer: graphs of as many parameters and nodes,
 * and what both maps have under a name has as many units at the same depth. Without the graphs, the maps have the same layers.
 */
function isOneArchitecture(one: MapOf, other: MapOf): boolean {
  const rows = new Map(other.map?.layers.map((row) => [row.layer, row]));
  const mine = one.map?.layers ?? [];
  const common = mine.filter(({ layer }) => rows.has(layer));
  const { parameters, nodes } = one.graph ?? {};
  const known = parameters !== undefined && nodes !== undefined;
  return (
    parameters === other.graph?.parameters &&
    nodes === other.graph?.nodes &&
    (known || (common.length === mine.length && common.length === rows.size)) &&
    common.length > 0 &&
    common.every(({ layer, units, depth }) => {
      const row = rows.get(layer);
      return units === row?.units && depth === row.depth;
    })
  );
}

const percent = (share: number) => `${Math.round(100 * share)} %`;

/** How deep a layer lies, from 0 to 1; null if the graph does not say. */
function shareOf({ layers }: LayerMap, layer: string): number | null {
  const depth = layers.find((row) => row.layer === layer)?.depth;
  const deepest = Math.max(...layers.map((row) => row.depth ?? 0));
  return depth == null || deepest === 0 ? null : depth / deepest;
}
