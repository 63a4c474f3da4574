import { answer, client, type Schemas } from '../../client/client.js';
import { moment } from '../../parts/format.js';
import { Problem } from '../../parts/problem.js';
import { Scroll } from '../../parts/scroll.js';
import { useResource } from '../../parts/use-resource.js';

/** Who does the work, on whatever host. */
export function Workers() {
  const { data, error } = useResource((signal) => answer(client.GET('/workers', { signal })), []);
  return (
    <section aria-label="Workers">
      <h2>Workers</h2>
      {error && <Problem error={error} />}
      <Scroll label="Active workers">
        <table>
          <caption>Active workers</caption>
          <thead>
            <tr>
              <th scope="col">Host</th>
              <th scope="col">State</th>
              <th scope="col">Jobs</th>
              <th scope="col" class="number">
                Concurrency
              </th>
              <th scope="col" class="number">
                Threads
              </th>
              <th scope="col">Providers</th>
              <th scope="col">Version</th>
              <th scope="col">Started</th>
              <th scope="col">Last heartbeat</th>
            </tr>
          </thead>
          <tbody>
            {data?.items.map((worker) => (
              <Row key={worker.id} worker={worker} />
            ))}
          </tbody>
        </table>
      </Scroll>
      {data?.items.length === 0 && (
        <p class="notice">
          No active workers. Jobs stay queued until <code>ventral worker</code> runs.
        </p>
      )}
    </section>
  );
}

function Row({ worker }: { readonly worker: Schemas['Worker'] }) {
  const { host, pid, state, jobs, concurrency, threads, version, providers } = worker;
  return (
    <tr>
      <th scope="row">
        <bdi>{host}</bdi> <span class="quiet">process {pid}</span>
      </th>
      <td>{state}</td>
      <td>{jobs.length === 0 ? 'idle' : jobs.join(', ')}</td>
      <td class="number">{concurrency}</td>
      <td class="number">{threads}</td>
      <td>
        {['cpu', ...providers.map(({ provider, device }) => `${provider} (${device})`)].join(', ')}
      </td>
      <td>{version}</td>
      <td>{moment(worker.startedAt)}</td>
      <td>{moment(worker.heartbeatAt)}</td>
    </tr>
  );
}
