import { BenchmarkName } from '../../parts/benchmark-name.js';
import { type BenchmarkPages, useBenchmarkPages } from '../../parts/benchmark-pages.js';
import { ComponentsMap } from '../../parts/charts/components-map.js';
import { DepthProfile } from '../../parts/charts/depth-profile.js';
import { LayerHeatmap } from '../../parts/charts/layer-heatmap.js';
import { NestedTable } from '../../parts/charts/nested-table.js';
import { SpokenIntervals } from '../../parts/charts/spoken-intervals.js';
import { isOpen } from '../../parts/job-state.js';
import { mapColumns, mapScores, type ShownMap } from '../../parts/layer-map.js';
import { Scroll } from '../../parts/scroll.js';
import { Term } from '../../parts/words/term.js';
import { TakeLayers } from './take-layers.js';
import type { MapJob } from './use-job.js';

interface MapResultProps {
  readonly job: MapJob;
  /** The whole map, or what is known of it; undefined while that is nothing. */
  readonly map: ShownMap | undefined;
}

/** The layer map as it fills, and which layers it chose. */
export function MapResult({ job, map }: MapResultProps) {
  const pages = useBenchmarkPages();
  if (!map)
    return isOpen(job) ? <p class="quiet">Cells appear here as they are computed.</p> : null;
  const cells = map.layers.flatMap((row) => Object.keys(row.cells ?? {})).length;
  return (
    <section aria-label="Layer map">
      <h2>
        Layers{' '}
        <span class="quiet">
          {cells} of {map.layers.length * map.benchmarks.length} cells
        </span>
      </h2>
      <p class="quiet">
        The <Term of="layer-map">map</Term> <Term of="selection">selects</Term> layers on these
        stimuli; test a chosen layer on others.
      </p>
      <div class="side-by-side">
        <div>
          <LayerHeatmap map={map} pages={pages} />
          {map.chosen && Object.keys(map.chosen).length > 0 && <Chosen map={map} pages={pages} />}
          {!isOpen(job) && <TakeLayers job={job} />}
        </div>
        {!isOpen(job) && <DepthProfile map={map} pages={pages} />}
      </div>
      <NestedTable map={map} />
      <ComponentsMap map={map} pages={pages} />
      <SpokenIntervals scores={mapScores(map)} />
    </section>
  );
}

function Chosen({
  map,
  pages,
}: {
  readonly map: ShownMap;
  readonly pages: BenchmarkPages | undefined;
}) {
  const simulated = new Map(
    mapColumns(map).map((column) => [column.benchmark, column.simulated] as const),
  );
  return (
    <Scroll label="Chosen layers">
      <table>
        <caption>Chosen layers</caption>
        <thead>
          <tr>
            <th scope="col">Benchmark</th>
            <th scope="col">Layer</th>
            <th scope="col">
              <Term of="tie">Tied layers</Term>
            </th>
          </tr>
        </thead>
        <tbody>
          {Object.entries(map.chosen ?? {}).map(([benchmark, { layer, tied }]) => (
            <tr key={benchmark}>
              <th scope="row">
                <BenchmarkName
                  id={benchmark}
                  simulated={simulated.get(benchmark) ?? false}
                  of={pages?.get(benchmark)}
                />
              </th>
              <td>
                <bdi class="layer">{layer}</bdi>
              </td>
              <td>{tied.length === 0 ? '–' : <bdi class="layer">{tied.join(', ')}</bdi>}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
