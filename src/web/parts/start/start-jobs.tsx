import { useMemo, useState } from 'preact/hooks';
import { useLocation } from 'preact-iso';
import { answer, client, type Schemas } from '../../client/client.js';
import { useSession } from '../../client/session.js';
import { Problem } from '../problem.js';
import { useResource } from '../use-resource.js';
import { BenchmarkChoice } from './benchmark-choice.js';
import {
  type Benchmark,
  groupsOf,
  isMappable,
  lacking,
  layerFor,
  roles,
} from './benchmark-groups.js';
import { MapChoice, type MapRequest, mapBody, noMap } from './map-choice.js';
import { type OnceHeader, useSendOnce } from './send-once.js';

type Model = Schemas['Model'];

interface StartJobsProps {
  readonly model: Model;
  /** Whether the card on the page is not the one that was saved. */
  readonly unsaved?: boolean;
  /** Whether the simulated benchmarks, and a map of the regions without a layer, are chosen at first. */
  readonly suggest?: boolean;
}

/** The form that starts scores, a layer map, or both, on every page that does. */
export function StartJobs({ model, unsaved = false, suggest = false }: StartJobsProps) {
  const { caller } = useSession();
  const { data, error } = useResource(
    (signal) => answer(client.GET('/benchmarks', { signal })),
    [],
  );
  if (caller?.role === 'reader')
    return <p>This key is read-only. Starting jobs requires a member key.</p>;
  if (error) return <Problem error={error} />;
  if (!data || !model.card) return null;
  // What a new card can be scored on is chosen again.
  const key = JSON.stringify(model.card);
  return (
    <Choice key={key} {...{ model, unsaved, suggest }} card={model.card} benchmarks={data.items} />
  );
}

interface ChoiceProps extends Required<StartJobsProps> {
  readonly card: Schemas['Card'];
  readonly benchmarks: readonly Benchmark[];
}

function Choice({ model, card, benchmarks, unsaved, suggest }: ChoiceProps) {
  const { route } = useLocation();
  const groups = useMemo(() => groupsOf(benchmarks), [benchmarks]);
  const mappable = groups
    .filter(({ origin }) => origin !== 'simulated')
    .flatMap((group) => group.benchmarks.filter(isMappable));
  const [chosen, setChosen] = useState<ReadonlySet<string>>(
    () => new Set(suggest ? simulatedOf(benchmarks, card) : []),
  );
  const [detail, setDetail] = useState(false);
  const [floors, setFloors] = useState(false);
  const [map, setMap] = useState<MapRequest>(() => ({
    ...noMap,
    regions: suggest ? roles.filter((role) => !layerFor(role, card)) : [],
  }));
  const { busy, error, once } = useSendOnce();
  const mapped = mapBody(model.id, map);
  const score = {
    ...{ model: model.id, benchmarks: [...chosen] },
    ...(detail ? { detail: true as const } : {}),
    ...(floors ? { null: ['rows' as const, 'labels' as const] } : {}),
  };
  const start = (event: Event) => {
    event.preventDefault();
    void once(async (headerOf) =>
      route(await ask(chosen.size > 0 ? score : undefined, mapped, headerOf)),
    );
  };
  return (
    <form class="start" onSubmit={start}>
      <BenchmarkChoice {...{ groups, card, chosen }} change={setChosen} />
      <label class="inline">
        <input
          type="checkbox"
          checked={detail}
          onChange={(event) => setDetail(event.currentTarget.checked)}
        />
        Keep the value of each neuroid
      </label>
      <label class="inline">
        <input
          type="checkbox"
          checked={floors}
          onChange={(event) => setFloors(event.currentTarget.checked)}
        />
        Floors: scores with permuted stimuli and permuted labels (40 times as much scoring)
      </label>
      <MapChoice map={map} benchmarks={mappable} change={setMap} />
      {error && <Problem error={error} />}
      {unsaved && <p class="notice">You have unsaved changes. Save the card first.</p>}
      <p class="actions">
        <button
          type="submit"
          class="primary"
          disabled={busy || unsaved || (chosen.size === 0 && !mapped)}
        >
          {words(chosen.size, mapped !== undefined)}
        </button>
      </p>
    </form>
  );
}

const simulatedOf = (benchmarks: readonly Benchmark[], card: Schemas['Card']): string[] =>
  benchmarks
    .filter((each) => !each.upload && each.simulated && !lacking(each, card))
    .map(({ id }) => id);

function words(scores: number, map: boolean): string {
  const on = `${scores} benchmark${scores === 1 ? '' : 's'}`;
  if (scores === 0) return map ? 'Map the layers' : 'Select benchmarks';
  return map ? `Score on ${on} and map the layers` : `Score on ${on}`;
}

/** @returns the page of the first of the jobs, which leads to the other */
async function ask(
  scoreBody: Schemas['ScoreRequest'] | undefined,
  map: Schemas['LayerMapRequest'] | undefined,
  headerOf: (body: object) => OnceHeader,
): Promise<string> {
  const sent = <B extends object>(body: B) => ({ body, params: { header: headerOf(body) } });
  const score = scoreBody && (await answer(client.POST('/scores', sent(scoreBody))));
  const mapped = map && (await answer(client.POST('/layer-maps', sent(map))));
  if (score) return `/scores/${score.id}${mapped ? `?map=${mapped.id}` : ''}`;
  return `/layer-maps/${(mapped as Schemas['LayerMapJob']).id}`;
}
