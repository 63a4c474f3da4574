import { useState } from 'preact/hooks';
import type { Schemas } from '../../client/client.js';
import { type Benchmark, type BenchmarkGroup, lacking, nameOf } from './benchmark-groups.js';

interface BenchmarkChoiceProps {
  readonly groups: readonly BenchmarkGroup[];
  readonly card: Schemas['Card'];
  readonly chosen: ReadonlySet<string>;
  readonly change: (chosen: ReadonlySet<string>) => void;
}

/** With more benchmarks than this there is a search. */
const FEW = 12;

/** Benchmarks to score on, by where their data come from. */
export function BenchmarkChoice({ groups, card, chosen, change }: BenchmarkChoiceProps) {
  const [search, setSearch] = useState('');
  const count = groups.reduce((sum, { benchmarks }) => sum + benchmarks.length, 0);
  const toggle = (ids: readonly string[], on: boolean) => {
    const next = new Set(chosen);
    for (const id of ids) on ? next.add(id) : next.delete(id);
    change(next);
  };
  const words = search.toLowerCase().split(/\s+/);
  const fits = (benchmark: Benchmark) => {
    const text = `${nameOf(benchmark)} ${benchmark.metric}`.toLowerCase();
    return words.every((word) => text.includes(word));
  };
  return (
    <>
      {count > FEW && (
        <div class="controls">
          <label>
            Search benchmarks
            <input
              type="search"
              value={search}
              onInput={(event) => setSearch(event.currentTarget.value)}
            />
          </label>
          <span class="quiet" role="status">
            {chosen.size} selected
          </span>
        </div>
      )}
      {groups.map(({ title, benchmarks }) => (
        <Group
          key={title}
          {...{ title, card, chosen, toggle }}
          all={benchmarks.length}
          group={benchmarks.filter(fits)}
        />
      ))}
    </>
  );
}

interface GroupProps {
  readonly title: string;
  /** How many there are without the search. */
  readonly all: number;
  readonly group: readonly Benchmark[];
  readonly card: Schemas['Card'];
  readonly chosen: ReadonlySet<string>;
  readonly toggle: (ids: readonly string[], on: boolean) => void;
}

function Group({ title, all, group, card, chosen, toggle }: GroupProps) {
  const ids = group.filter((benchmark) => !lacking(benchmark, card)).map(({ id }) => id);
  if (all === 0) return <NoneOf title={title} />;
  return (
    <fieldset>
      <legend>{title} benchmarks</legend>
      <p class="actions">
        <button type="button" disabled={ids.length === 0} onClick={() => toggle(ids, true)}>
          Select all {title.toLowerCase()}
        </button>
        <button type="button" onClick={() => toggle(ids, false)}>
          Clear {title.toLowerCase()}
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
                <bdi>{nameOf(benchmark)}</bdi>
                {lacks && <small class="quiet"> needs {lacks} in the card</small>}
              </span>
            </label>
          );
        })}
      </div>
    </fieldset>
  );
}

function NoneOf({ title }: { readonly title: string }) {
  if (title === 'Recorded')
    return (
      <p class="quiet">
        No recordings are installed on this service. Its administrator can install them with{' '}
        <code>ventral data pull</code>.
      </p>
    );
  if (title === 'Uploaded')
    return (
      <p class="quiet">
        You can also <a href="/benchmarks">upload recordings of your own</a>.
      </p>
    );
  return null;
}
