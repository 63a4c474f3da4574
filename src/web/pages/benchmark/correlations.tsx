import { useState } from 'preact/hooks';
import { answer, client, type Schemas } from '../../client/client.js';
import { Problem } from '../../parts/problem.js';
import { Scroll } from '../../parts/scroll.js';
import { useResource } from '../../parts/use-resource.js';

/** How alike benchmarks order models, asked for when it is opened. */
export function Correlations() {
  const [open, setOpen] = useState(false);
  return (
    <details onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>Correlations of benchmarks</summary>
      {open && <Pairs />}
    </details>
  );
}

function Pairs() {
  const [simulated, setSimulated] = useState(false);
  const { data, error } = useResource(
    (signal) =>
      answer(client.GET('/benchmarks/correlations', { params: { query: { simulated } }, signal })),
    [simulated],
  );
  const pairs = (data?.pairs ?? []).filter(({ pearson, spearman }) => pearson ?? spearman);
  return (
    <>
      <p class="quiet">
        Over the models that have a score on both, with 95 % intervals. Where many models are of one
        family, intervals are too narrow.
      </p>
      <label class="inline">
        <input
          type="checkbox"
          checked={simulated}
          onChange={({ currentTarget }) => setSimulated(currentTarget.checked)}
        />
        Simulated benchmarks
      </label>
      {error && <Problem error={error} />}
      {!data && !error && <p aria-live="polite">Loading…</p>}
      {data && pairs.length === 0 && <p>No two benchmarks have four models in common yet.</p>}
      {pairs.length > 0 && (
        <Scroll label="Correlations of benchmarks">
          <table>
            <thead>
              <tr>
                <th scope="col">Benchmarks</th>
                <th scope="col" class="number">
                  Models
                </th>
                <th scope="col" class="number">
                  Pearson
                </th>
                <th scope="col" class="number">
                  Spearman
                </th>
              </tr>
            </thead>
            <tbody>
              {pairs.map(({ benchmarks, n, pearson, spearman }) => (
                <tr key={benchmarks.join(' ')}>
                  <th scope="row">
                    <bdi>{benchmarks.join(', ')}</bdi>
                  </th>
                  <td class="number">{n}</td>
                  <td class="number">{words(pearson)}</td>
                  <td class="number">{words(spearman)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
    </>
  );
}

const words = (found: Schemas['Correlation']) =>
  found
    ? `${found.value.toFixed(2)} [${(found.ci ?? []).map((end) => end.toFixed(2)).join(', ')}]`
    : '–';
