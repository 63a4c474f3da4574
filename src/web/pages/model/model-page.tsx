import { useMemo } from 'preact/hooks';
import { useRoute } from 'preact-iso';
import { answer, client, type Schemas } from '../../client/client.js';
import { pagesOf } from '../../parts/benchmark-pages.js';
import { LayerList } from '../../parts/layer-list.js';
import { CardWarnings, FileFacts, ModelIdentity } from '../../parts/model-facts.js';
import { Problem } from '../../parts/problem.js';
import { WeightsChip } from '../../parts/provenance.js';
import { StartJobs } from '../../parts/start/start-jobs.js';
import { useTitle } from '../../parts/title.js';
import { useResource } from '../../parts/use-resource.js';
import { CardSection } from './card.js';
import { Cite } from './cite.js';
import { Distributions } from './distributions.js';
import { FeaturesPage } from './features-page.js';
import { Files } from './files.js';
import { Maps } from './maps.js';
import './model.css';
import { Ownership } from './ownership.js';
import { Properties } from './properties.js';
import { Provenance } from './provenance.js';
import { RankOverTime } from './rank-history.js';
import { Regions } from './regions.js';
import { ScoreTables } from './score-tables.js';
import { type ModelScores, useScores } from './use-scores.js';

/** One model: what it is, how it scored, layer by layer, and what one can do with it. */
export function ModelPage() {
  const { model } = useRoute().params;
  return model.startsWith('ftr_') ? <FeaturesPage id={model} /> : <NetworkPage model={model} />;
}

function NetworkPage({ model }: { readonly model: string }) {
  const { data, error, reload } = useResource(
    (signal) => answer(client.GET('/models/{model}', { params: { path: { model } }, signal })),
    [model],
  );
  useTitle(data?.name ?? 'Model');
  if (error) return <Problem error={error} />;
  if (!data) return <p aria-live="polite">Loading…</p>;
  return (
    <>
      <h1>
        <bdi>{data.name}</bdi>
        <WeightsChip weights={data.weights} />
      </h1>
      <ModelIdentity model={data} />
      <CardWarnings model={data} />
      <Regions model={data} />
      <Sections key={data.id} model={data} changed={reload} />
    </>
  );
}

interface SectionsProps {
  readonly model: Schemas['Model'];
  readonly changed: () => void;
}

function Sections({ model, changed }: SectionsProps) {
  const scores = useScores(model);
  const benchmarks = useResource((signal) => answer(client.GET('/benchmarks', { signal })), []);
  const known = benchmarks.data?.items ?? [];
  return (
    <>
      <h2 id="scores">Scores</h2>
      {scores.error && <Problem error={scores.error} />}
      {scores.data ? (
        <Scores model={model} scores={scores.data} benchmarks={known} />
      ) : (
        <p aria-live="polite">Loading scores…</p>
      )}
      <RankOverTime model={model.id} />
      <h2 id="score">Score, or map the layers</h2>
      {model.card ? (
        <StartJobs model={model} />
      ) : (
        <p class="notice">
          This model has no card and cannot be scored: <a href="#card">add one</a>.
        </p>
      )}
      <h2 id="layers">Layer by layer</h2>
      <Maps model={model} />
      <LayerList model={model} />
      <h2 id="card">Model card</h2>
      <CardSection model={model} changed={changed} />
      <h2 id="files">Download</h2>
      <Files model={model} />
      {scores.data && <Cite model={model} scores={scores.data.present} />}
      <Ownership model={model} changed={changed} />
      <h2 id="file">File and network</h2>
      <FileFacts model={model} />
    </>
  );
}

interface ScoresProps {
  readonly model: Schemas['Model'];
  readonly scores: ModelScores;
  readonly benchmarks: readonly Schemas['Benchmark'][];
}

function Scores({ model, scores, benchmarks }: ScoresProps) {
  const pages = useMemo(() => pagesOf(benchmarks), [benchmarks]);
  return (
    <>
      <ScoreTables model={model} scores={scores} pages={pages} />
      <Properties scores={scores} />
      <Distributions scores={scores} />
      <Provenance scores={scores.present} />
    </>
  );
}
