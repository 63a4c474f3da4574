import { answer, client } from '../../client/client.js';
import { useSession } from '../../client/session.js';
import { bytes, duration } from '../../parts/format.js';
import { Problem } from '../../parts/problem.js';
import { useResource } from '../../parts/use-resource.js';

/** Whether the service can take work, and its version. */
export function Health() {
  const { caller } = useSession();
  // 503 is an answer too: it says which check fails.
  const { data, error } = useResource(async (signal) => {
    const asked = client.GET('/ready', { signal });
    const { error: failing } = await asked;
    return typeof failing === 'object' && 'checks' in failing ? failing : answer(asked);
  }, []);
  return (
    <section aria-label="Health">
      <h2>Health</h2>
      {error && <Problem error={error} />}
      <dl class="facts">
        <dt>ventral</dt>
        <dd>{caller?.version ?? '–'}</dd>
        <dt>State</dt>
        <dd>
          <strong class={data?.status === 'ready' ? 'good' : 'bad'}>{data?.status ?? '…'}</strong>
        </dd>
        {Object.entries(data?.checks ?? {}).map(([check, state]) => (
          <Check key={check} check={check} state={state} />
        ))}
        <dt>Signed in as</dt>
        <dd>
          {caller && (
            <>
              <bdi>{caller.name ?? 'the only user (no keys exist)'}</bdi>, {caller.role}; owner{' '}
              <bdi>{caller.owner}</bdi>
              {caller.groups.length > 0 && (
                <>
                  ; groups <bdi>{caller.groups.join(', ')}</bdi>
                </>
              )}
            </>
          )}
        </dd>
      </dl>
    </section>
  );
}

function Check({ check, state }: { readonly check: string; readonly state: string }) {
  return (
    <>
      <dt>{check}</dt>
      <dd class={state === 'ok' ? 'good' : 'bad'}>{state}</dd>
    </>
  );
}

interface Figure {
  readonly name: string;
  readonly value: string;
}

/** What the metrics tell of memory, of the cache of activations, and of jobs since the service started. */
export function Figures() {
  const { data, error } = useResource(
    async (signal) => figuresOf(await answer(client.GET('/metrics', { parseAs: 'text', signal }))),
    [],
  );
  return (
    <section aria-label="Statistics">
      <h2>Statistics since start</h2>
      {error && <Problem error={error} />}
      <dl class="facts">
        {data?.map(({ name, value }) => (
          <FigureLine key={name} name={name} value={value} />
        ))}
      </dl>
    </section>
  );
}

function FigureLine({ name, value }: Figure) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </>
  );
}

/** Picks figures out of the text that Prometheus reads. */
function figuresOf(text: string): Figure[] {
  const samples = text.split('\n').flatMap((line) => {
    const found = /^(\w+)(?:\{(.*)\})? (\S+)/.exec(line);
    return found ? [{ name: found[1], labels: found[2] ?? '', value: Number(found[3]) }] : [];
  });
  const sum = (name: string, label = '') =>
    samples
      .filter((sample) => sample.name === name && sample.labels.includes(label))
      .reduce((total, { value }) => total + value, 0);
  const [hits, misses] = ['hit', 'miss'].map((outcome) =>
    sum('ventral_activation_cache_total', `outcome="${outcome}"`),
  );
  const looked = hits + misses;
  const started = sum('process_start_time_seconds');
  return [
    { name: 'Uptime', value: duration(Date.now() / 1000 - started) },
    { name: 'Memory used by the service', value: bytes(sum('process_resident_memory_bytes')) },
    { name: 'Succeeded jobs', value: String(sum('ventral_jobs_ended_total', 'succeeded')) },
    { name: 'Failed jobs', value: String(sum('ventral_jobs_ended_total', 'failed')) },
    {
      name: 'Layer cache hits',
      value: looked === 0 ? '–' : `${hits} of ${looked} (${Math.round((100 * hits) / looked)} %)`,
    },
  ];
}
