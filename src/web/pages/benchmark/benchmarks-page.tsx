import { useMemo } from 'preact/hooks';
import { answer, client, type Schemas } from '../../client/client.js';
import { useSession } from '../../client/session.js';
import { Problem } from '../../parts/problem.js';
import { OriginChip } from '../../parts/provenance.js';
import { useQuery } from '../../parts/query.js';
import { Scroll } from '../../parts/scroll.js';
import { useTitle } from '../../parts/title.js';
import { useResource } from '../../parts/use-resource.js';
import { SIMULATED } from '../../parts/words/simulated-words.js';
import './benchmark.css';
import { Correlations } from './correlations.js';
import { UploadForm } from './upload-form.js';

type Benchmark = Schemas['Benchmark'];

/** What can be scored on: real benchmarks, simulated ones, and those that were uploaded, never mixed. */
export function BenchmarksPage() {
  useTitle('Benchmarks');
  const { data, error, reload } = useResource(
    (signal) => answer(client.GET('/benchmarks', { signal })),
    [],
  );
  const { caller } = useSession();
  const [query, change] = useQuery();
  const search = query.get('search') ?? '';
  const region = query.get('region') ?? '';
  const here = query.get('data') === 'here';
  const shown = useMemo(
    () =>
      (data?.items ?? []).filter(
        (one) => fits(one, search, region) && (!here || one.upload || one.ready),
      ),
    [data, search, region, here],
  );
  if (error) return <Problem error={error} />;
  return (
    <>
      <h1>Benchmarks</h1>
      <div class="controls">
        <label>
          Search
          <input
            type="search"
            value={search}
            onInput={(event) => change({ search: event.currentTarget.value || null })}
          />
        </label>
        <label>
          Region
          <select
            value={region}
            onChange={(event) => change({ region: event.currentTarget.value || null })}
          >
            <option value="">all</option>
            {['V1', 'V2', 'V4', 'IT', BEHAVIOUR].map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <label>
          Data
          <select
            value={here ? 'here' : ''}
            onChange={(event) => change({ data: event.currentTarget.value || null })}
          >
            <option value="">all</option>
            <option value="here">installed</option>
          </select>
        </label>
      </div>
      {!data && <p aria-live="polite">Loading…</p>}
      {data && shown.length === 0 && <p>No matching benchmarks.</p>}
      <Group
        title="Recorded"
        about="Brain-Score’s benchmarks. “ventral data pull” downloads the public recordings; private ones stay with their owners for evaluation."
        items={shown.filter((one) => !one.upload && !one.simulated)}
      />
      <Group
        title="Simulated"
        about={SIMULATED}
        items={shown.filter((one) => !one.upload && one.simulated)}
      />
      <Group
        title="Uploaded"
        about="Your own benchmarks and those shared with you."
        items={shown.filter((one) => one.upload)}
      />
      <Correlations />
      <h2>Upload a benchmark</h2>
      {caller?.role === 'reader' ? (
        <p class="notice">This key is read-only. Uploading benchmarks requires a member key.</p>
      ) : (
        <UploadForm registered={reload} />
      )}
    </>
  );
}

/** What benchmarks without a region are listed under. */
const BEHAVIOUR = 'behavior';

function fits(one: Benchmark, search: string, region: string): boolean {
  const names = [one.id, one.metric, ...one.benchmarks.map(({ id }) => id)].join(' ').toLowerCase();
  return (
    search
      .toLowerCase()
      .split(/\s+/)
      .every((word) => names.includes(word)) &&
    (region === '' || one.benchmarks.some((each) => (each.region ?? BEHAVIOUR) === region))
  );
}

interface GroupProps {
  readonly title: string;
  readonly about: string;
  readonly items: readonly Benchmark[];
}

function Group({ title, about, items }: GroupProps) {
  if (items.length === 0) return null;
  const uploaded = items.some(({ upload }) => upload);
  return (
    <section>
      <h2>
        {title} <span class="quiet">({items.length})</span>
      </h2>
      <p class="quiet">{about}</p>
      <Scroll label={`${title} benchmarks`}>
        <table class="benchmarks">
          <thead>
            <tr>
              <th scope="col">Benchmark</th>
              <th scope="col">Region</th>
              <th scope="col">Metric</th>
              <th scope="col" class="number">
                Visual angle
              </th>
              <th scope="col" class="number">
                Version
              </th>
              <th scope="col">{uploaded ? 'Owner' : 'Data'}</th>
            </tr>
          </thead>
          <tbody>
            {items.map((one) => (
              <Row key={one.id} one={one} />
            ))}
          </tbody>
        </table>
      </Scroll>
    </section>
  );
}

function Row({ one }: { readonly one: Benchmark }) {
  const { id, benchmarks, metric, visualDegrees, version, simulated, origin, upload, ready } = one;
  return (
    <tr>
      <th scope="row">
        <a href={`/benchmarks/${encodeURIComponent(id)}`}>
          <bdi>{upload ? benchmarks.map((each) => each.id).join(', ') : id}</bdi>
        </a>
        <OriginChip origin={origin} />
      </th>
      <td>{[...new Set(benchmarks.map(({ region }) => region ?? BEHAVIOUR))].join(', ')}</td>
      <td>{metric}</td>
      <td class="number">{visualDegrees === null ? '–' : `${visualDegrees}°`}</td>
      <td class="number">{version}</td>
      <td>
        {upload ? (
          <>
            <bdi>{upload.owner}</bdi>, {upload.visibility}
          </>
        ) : simulated ? (
          'generated'
        ) : ready ? (
          'installed'
        ) : (
          <span class="quiet">not installed</span>
        )}
      </td>
    </tr>
  );
}
