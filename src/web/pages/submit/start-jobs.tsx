import { useMemo, useState } from 'preact/hooks';
import { useLocation } from 'preact-iso';
import { answer, client, type Schemas } from '../../client/client.js';
import { metricWords } from '../../parts/metric-words.js';
import { Problem } from '../../parts/problem.js';
import { useResource } from '../../parts/use-resource.js';
import { type Card, valueAt } from './card.js';

type Benchmark = Schemas['Benchmark'];
type Model = Schemas['Model'];

/** Roles of a layer map, along the ventral stream. */
const roles = ['V1', 'V2', 'V4', 'IT', 'behavior'] as const;
type Role = (typeof roles)[number];
/** Where benchmarks stand: those without a region, which are of behaviour, last. */
const places: readonly (string | null)[] = [...roles, null];

interface StartJobsProps {
  readonly model: Model;
  /** Whether the card on the page is not the one that was saved. */
  readonly unsaved: boolean;
}

/** Form that starts scores, a layer map, or both. */
export function StartJobs({ model, unsaved }: StartJobsProps) {
  const { data, error } = useResource(
    (signal) => answer(client.GET('/benchmarks', { signal })),
    [],
  );
  if (error) return <Problem error={error} />;
  if (!data || !model.card) return null;
  // What a new card can be scored on is chosen again.
  const key = JSON.stringify(model.card);
  return (
    <Choice key={key} model={model} card={model.card} benchmarks={data.items} unsaved={unsaved} />
  );
}

interface ChoiceProps extends StartJobsProps {
  readonly card: Card;
  readonly benchmarks: readonly Benchmark[];
}

function Choice({ model, card, benchmarks, unsaved }: ChoiceProps) {
  const { route } = useLocation();
  const groups = useMemo(() => groupsOf(benchmarks), [benchmarks]);
  const scorable = (benchmark: Benchmark) => lacking(benchmark, card) === undefined;
  const [chosen, setChosen] = useState<ReadonlySet<string>>(
    () => new Set(groups[0].benchmarks.filter(scorable).map(({ id }) => id)),
  );
  const [mapped, setMapped] = useState<readonly Role[]>(() =>
    roles.filter((role) => !layerFor(role, card)),
  );
  const [error, setError] = useState<Error>();
  const [busy, setBusy] = useState(false);
  const start = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      route(await ask(model, [...chosen], mapped));
    } catch (thrown) {
      setError(thrown as Error);
      setBusy(false);
    }
  };
  const toggle = (ids: readonly string[], on: boolean) => {
    const next = new Set(chosen);
    for (const id of ids) on ? next.add(id) : next.delete(id);
    setChosen(next);
  };
  return (
    <form onSubmit={start}>
      {groups.map(({ title, benchmarks: group }) => (
        <Group key={title} {...{ title, group, card, chosen, toggle }} />
      ))}
      <MapChoice mapped={mapped} setMapped={setMapped} />
      {error && <Problem error={error} />}
      {unsaved && <p class="notice">Unsaved changes: save the card first.</p>}
      <p class="actions">
        <button
          type="submit"
          class="primary"
          disabled={busy || unsaved || (chosen.size === 0 && mapped.length === 0)}
        >
          {words(chosen.size, mapped.length > 0)}
        </button>
      </p>
    </form>
  );
}

function words(scores: number, map: boolean): string {
  const on = `${scores} benchmark${scores === 1 ? '' : 's'}`;
  if (scores === 0) return map ? 'Map the layers' : 'Nothing selected';
  return map ? `Score on ${on}, and map the layers` : `Score on ${on}`;
}

/** @returns the page of the first of the jobs, which leads to the other */
async function ask(
  { id: model }: Model,
  benchmarks: readonly string[],
  regions: readonly Role[],
): Promise<string> {
  const score =
    benchmarks.length > 0 &&
    (await answer(client.POST('/scores', { body: { model, benchmarks: [...benchmarks] } })));
  const map =
    regions.length > 0 &&
    (await answer(client.POST('/layer-maps', { body: { model, regions: [...regions] } })));
  if (score) return `/scores/${score.id}${map ? `?map=${map.id}` : ''}`;
  return `/layer-maps/${(map as Schemas['LayerMapJob']).id}`;
}

interface MapChoiceProps {
  readonly mapped: readonly Role[];
  readonly setMapped: (roles: readonly Role[]) => void;
}

function MapChoice({ mapped, setMapped }: MapChoiceProps) {
  return (
    <fieldset>
      <legend>Layer map</legend>
      <p class="quiet">
        Every layer is scored against each of these, to find the layer that represents it. The map
        uses public recordings if they are installed, else simulated ones.
      </p>
      <div class="controls">
        {roles.map((role) => (
          <label key={role} class="inline">
            <input
              type="checkbox"
              checked={mapped.includes(role)}
              onChange={({ currentTarget: { checked } }) =>
                setMapped(roles.filter((one) => (one === role ? checked : mapped.includes(one))))
              }
            />
            {role}
          </label>
        ))}
      </div>
    </fieldset>
  );
}

interface Group {
  readonly title: string;
  readonly benchmarks: readonly Benchmark[];
}

/** Simulated, real, and uploaded ones; real ones as far as their data are here. */
function groupsOf(benchmarks: readonly Benchmark[]): Group[] {
  const shipped = benchmarks.filter(({ upload }) => !upload).sort(alongTheStream);
  return [
    { title: 'Simulated', benchmarks: shipped.filter(({ simulated }) => simulated) },
    {
      title: 'Recorded',
      benchmarks: shipped.filter(({ simulated, ready }) => !simulated && ready),
    },
    { title: 'Uploaded', benchmarks: benchmarks.filter(({ upload }) => upload) },
  ];
}

/** Public and private sets apart, each from V1 on. */
function alongTheStream(a: Benchmark, b: Benchmark): number {
  const place = ({ id, region }: Benchmark) =>
    (id.includes('public') ? 10 : 0) + places.indexOf(region);
  return place(a) - place(b) || a.id.localeCompare(b.id);
}

/** What the card would need to say for a benchmark; undefined if it says it. */
function lacking({ region, metric, upload }: Benchmark, card: Card): string | undefined {
  if (upload) return undefined;
  if (['label', 'choices'].includes(metricWords(metric).kind))
    return valueAt(card, '/logits') ? undefined : 'logits';
  const role = roles.find((one) => one === region) ?? 'behavior';
  const what = role === 'behavior' ? 'a read-out' : `a layer for ${role}`;
  return layerFor(role, card) ? undefined : what;
}

/** What the card gives for a region, or for behaviour. */
const layerFor = (role: Role, card: Card): unknown =>
  role === 'behavior'
    ? (valueAt(card, '/readout') ?? valueAt(card, '/layers'))
    : valueAt(card, `/region_layer_map/${role}`);

interface GroupProps {
  readonly title: string;
  readonly group: readonly Benchmark[];
  readonly card: Card;
  readonly chosen: ReadonlySet<string>;
  readonly toggle: (ids: readonly string[], on: boolean) => void;
}

function Group({ title, group, card, chosen, toggle }: GroupProps) {
  const ids = group.filter((benchmark) => !lacking(benchmark, card)).map(({ id }) => id);
  if (group.length === 0) {
    if (title !== 'Recorded') return null;
    return (
      <p class="quiet">
        No recordings are installed on this service. Its administrator can install them with{' '}
        <code>ventral data pull</code>.
      </p>
    );
  }
  return (
    <fieldset>
      <legend>{title} benchmarks</legend>
      <p class="actions">
        <button type="button" disabled={ids.length === 0} onClick={() => toggle(ids, true)}>
          All {title.toLowerCase()}
        </button>
        <button type="button" onClick={() => toggle(ids, false)}>
          No {title.toLowerCase()}
        </button>
      </p>
      <div class="choices">
        {group.map((benchmark) => {
          const lacks = lacking(benchmark, card);
          return (
            <label key={benchmark.id} class="choice">
              <input
                type="checkbox"
                checked={chosen.has(benchmark.id)}
                disabled={lacks !== undefined}
                onChange={({ currentTarget: { checked } }) => toggle([benchmark.id], checked)}
              />
              <span>
                <bdi>{benchmark.upload ? benchmark.benchmarks[0]?.id : benchmark.id}</bdi>
                {lacks && <small class="quiet"> the card lacks {lacks}</small>}
              </span>
            </label>
          );
        })}
      </div>
    </fieldset>
  );
}
