import { answer, client, type Schemas } from '../../client/client.js';
import { type BenchmarkPages, originOf, useBenchmarkPages } from '../../parts/benchmark-pages.js';
import { ComponentsMap } from '../../parts/charts/components-map.js';
import { DepthProfile } from '../../parts/charts/depth-profile.js';
import { LayerHeatmap } from '../../parts/charts/layer-heatmap.js';
import { NestedTable } from '../../parts/charts/nested-table.js';
import { SpokenIntervals } from '../../parts/charts/spoken-intervals.js';
import { bytes, duration, interval, moment, value } from '../../parts/format.js';
import { mapScores, scoresIn } from '../../parts/layer-map.js';
import { Problem } from '../../parts/problem.js';
import { OriginChip } from '../../parts/provenance.js';
import { useQuery } from '../../parts/query.js';
import { Scroll } from '../../parts/scroll.js';
import { useResource } from '../../parts/use-resource.js';
import { Term } from '../../parts/words/term.js';

type Listing = Schemas['LayerMapListing'];

/** The layer maps of a model: the one that the address names, else the latest. */
export function Maps({ model }: { readonly model: Schemas['Model'] }) {
  const [query, change] = useQuery();
  const { data, error } = useResource(
    (signal) =>
      answer(
        client.GET('/layer-maps', { params: { query: { model: model.id, limit: 50 } }, signal }),
      ),
    [model.id],
  );
  if (error) return <Problem error={error} />;
  if (!data) return <p aria-live="polite">Loading layer maps…</p>;
  const whole = data.items.filter(({ state }) => state === 'succeeded');
  const shown = whole.find(({ id }) => id === query.get('map')) ?? whole[0];
  return (
    <>
      {data.items
        .filter(({ state }) => state === 'queued' || state === 'running')
        .map(({ id, state }) => (
          <p class="notice" key={id}>
            <a href={`/layer-maps/${id}`}>A layer map</a> is {state}.
          </p>
        ))}
      {whole.length > 1 && (
        <div class="controls">
          <label>
            Layer map
            <select
              value={shown.id}
              onChange={(event) => change({ map: event.currentTarget.value })}
            >
              {whole.map((job) => (
                <option key={job.id} value={job.id}>
                  {moment(job.finishedAt)}: {job.benchmarks.join(', ')}
                </option>
              ))}
            </select>
          </label>
        </div>
      )}
      {shown ? (
        <LayerMapOf job={shown} />
      ) : (
        <p>
          No layer maps. <a href="#score">Map the layers</a>
        </p>
      )}
    </>
  );
}

function LayerMapOf({ job }: { readonly job: Listing }) {
  const pages = useBenchmarkPages();
  const { data, error } = useResource(
    (signal) =>
      answer(client.GET('/layer-maps/{job}', { params: { path: { job: job.id } }, signal })),
    [job.id],
  );
  if (error) return <Problem error={error} />;
  if (!data?.result) return <p aria-live="polite">Loading the layer map…</p>;
  const { result } = data;
  const { seconds, peakRssMiB, runtime } = result.provenance;
  const passes = result.plan.sets.reduce((sum, set) => sum + set.passes.length, 0);
  return (
    <>
      <p class="quiet">
        The map <Term of="selection">selects</Term> layers on these stimuli; test a chosen layer on
        others. <a href={`/layer-maps/${job.id}`}>Open the job</a>
      </p>
      <div class="map-and-profile">
        <LayerHeatmap map={result} pages={pages} />
        <DepthProfile map={result} pages={pages} />
      </div>
      <ComponentsMap map={result} pages={pages} />
      <NestedTable map={result} />
      {result.holdout && <Holdout map={result} holdout={result.holdout} pages={pages} />}
      <SpokenIntervals scores={[...mapScores(result), ...scoresIn(result.holdout)]} />
      <dl class="facts">
        <dt>Duration</dt>
        <dd>
          {duration(seconds)}, peak memory {Math.round(peakRssMiB).toLocaleString()} MiB; {passes}{' '}
          network {passes === 1 ? 'pass' : 'passes'}
        </dd>
        <dt>Planned resources</dt>
        <dd>
          {bytes(result.plan.memory)} of memory in addition to the network’s own,{' '}
          {bytes(result.plan.scratch)} of scratch disk
        </dd>
        <dt>Runtime</dt>
        <dd>
          ONNX Runtime {runtime.ort},{' '}
          {[runtime.provider, runtime.device, runtime.precision].filter(Boolean).join(', ')},{' '}
          {runtime.threads} {runtime.threads === 1 ? 'thread' : 'threads'}
        </dd>
        <dt>Chosen</dt>
        <dd>{result.provenance.selection}</dd>
      </dl>
    </>
  );
}

interface HoldoutProps {
  readonly map: Schemas['LayerMap'];
  readonly holdout: NonNullable<Schemas['LayerMap']['holdout']>;
  readonly pages: BenchmarkPages | undefined;
}

/** The chosen layers on the held-out half of the stimuli: no selections. */
function Holdout({ map, holdout, pages }: HoldoutProps) {
  return (
    <Scroll label="On held-out stimuli">
      <table>
        <caption>Chosen layers, scored on the held-out half of the stimuli</caption>
        <thead>
          <tr>
            <th scope="col">Benchmark</th>
            <th scope="col">Layer</th>
            <th scope="col" class="number">
              <Term of="holdout">Held out</Term>
            </th>
            <th scope="col">95 % interval</th>
          </tr>
        </thead>
        <tbody>
          {Object.entries(holdout).map(([benchmark, cell]) => (
            <tr key={benchmark}>
              <th scope="row">
                <bdi>{benchmark}</bdi>
                <OriginChip
                  origin={originOf(
                    { benchmark, simulated: 'benchmark' in cell && cell.simulated },
                    pages,
                  )}
                />
              </th>
              <td>
                <bdi>{map.chosen[benchmark]?.layer ?? '–'}</bdi>
              </td>
              {'benchmark' in cell ? (
                <>
                  <td class="number">{value(cell.value)}</td>
                  <td>{interval(cell.ci) || '–'}</td>
                </>
              ) : (
                <td colSpan={2}>{cell.reason}</td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
