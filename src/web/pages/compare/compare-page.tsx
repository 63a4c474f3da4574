import { useEffect, useMemo } from 'preact/hooks';
import { Outdated } from '../../parts/export-menu.js';
import { Problem } from '../../parts/problem.js';
import { useQuery } from '../../parts/query.js';
import { useTitle } from '../../parts/title.js';
import { useResource } from '../../parts/use-resource.js';
import { type BoardView, comparedRows, FEWEST, MOST, readBoard } from './board.js';
import './compare.css';
import { ComparedMaps } from './compared-maps.js';
import { Differences } from './differences.js';
import { ModelPicker } from './model-picker.js';
import { Scatter } from './scatter.js';
import { Series } from './series.js';
import { WhichScores } from './which-scores.js';

/** How often a series is read again while it is looked at: a training may be writing it. */
const LOOK_MS = 15_000;

/** Two to eight models side by side; the address says which, and how they are looked at. */
export function ComparePage() {
  const [query, change] = useQuery();
  const models = useMemo(() => [...new Set(query.getAll('model'))].slice(0, MOST), [query]);
  const view = viewOf(query);
  const reference = Math.max(0, models.indexOf(query.get('from') ?? ''));
  const { data, error, loading, current, reload } = useResource(
    (signal) => readBoard(models, reference, view, signal),
    [models.join('\n'), reference, JSON.stringify(view)],
  );
  const live = query.has('series');
  useEffect(() => {
    if (!live) return;
    const look = setInterval(() => document.visibilityState === 'visible' && reload(), LOOK_MS);
    return () => clearInterval(look);
  }, [live, reload]);
  const rows = useMemo(() => (data ? comparedRows(data) : []), [data]);
  useTitle(
    data && models.length > 0
      ? `Compare ${data.chosen.map(({ name }) => name).join(', ')}`
      : 'Compare',
  );
  const enough = data !== undefined && data.chosen.length >= FEWEST;
  return (
    <div class="compare" aria-busy={loading}>
      <h1>Compare models</h1>
      {error && <Problem error={error} />}
      {!data && !error && <p role="status">Loading scores…</p>}
      {data && <WhichScores board={data} query={query} change={change} />}
      {data && <ModelPicker board={data} models={models} reference={reference} change={change} />}
      {data && models.length < FEWEST && (
        <p class="notice">
          Choose {models.length === 0 ? 'two to eight models' : 'at least one more model'} to see
          their differences, a scatter of two benchmarks, and their layer maps side by side.
        </p>
      )}
      <Outdated.Provider value={!current}>
        {enough && (
          <Differences
            board={data}
            rows={rows}
            onlyDifferent={query.get('differing') === '1'}
            change={change}
          />
        )}
        {data && data.everybody.length > 0 && (
          <Scatter board={data} query={query} change={change} />
        )}
        {enough && <ComparedMaps chosen={data.chosen} reference={data.reference} />}
        {data && <Series board={data} query={query} change={change} />}
      </Outdated.Provider>
    </div>
  );
}

function viewOf(query: URLSearchParams): BoardView {
  const simulated = query.get('simulated');
  return {
    simulated: simulated === null ? null : simulated === 'true',
    missing: query.get('missing') === 'common' ? 'common' : 'zero',
    selection: query.get('selection') === 'include' ? 'include' : 'exclude',
    brought: query.get('brought') === 'include' ? 'include' : 'exclude',
    layers: query.get('layers') === 'any' ? 'any' : 'card',
    set: query.get('set') === 'public' ? 'public' : 'private',
  };
}
