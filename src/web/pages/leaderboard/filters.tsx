import { useEffect, useRef, useState } from 'preact/hooks';
import type { Change } from './view.js';

interface View {
  readonly address: URLSearchParams;
  readonly change: Change;
  readonly simulated: boolean;
}

/** Real or simulated benchmarks, never both. What names columns of the one tree is left behind. */
export function RealOrSimulated({ change, simulated }: View) {
  const show = (wanted: boolean) =>
    change({
      simulated: String(wanted),
      ...{ sort: null, column: null, benchmark: null, open: null, hide: null },
    });
  return (
    <fieldset class="switch">
      <legend class="unseen">Benchmarks</legend>
      {[false, true].map((which) => (
        <label key={String(which)} class="inline">
          <input
            type="radio"
            name="simulated"
            checked={simulated === which}
            onChange={() => show(which)}
          />
          {which ? 'Simulated' : 'Real'}
        </label>
      ))}
    </fieldset>
  );
}

const QUIET_MS = 150;

/** Words in a model's name, applied when typing pauses. */
export function Search({ address, change }: View) {
  const asked = address.get('search') ?? '';
  const [text, setText] = useState(asked);
  const sent = useRef(asked);
  useEffect(() => {
    // What this field has asked for itself may be behind what was written since.
    if (asked !== sent.current) setText(asked);
    sent.current = asked;
  }, [asked]);
  useEffect(() => {
    if (text === sent.current) return;
    const timer = setTimeout(() => {
      sent.current = text;
      change({ search: text === '' ? null : text });
    }, QUIET_MS);
    return () => clearTimeout(timer);
  }, [text, change]);
  return (
    <label>
      Search models
      <input
        type="search"
        maxLength={200}
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
      />
    </label>
  );
}

const regions = ['V1', 'V2', 'V4', 'IT', 'behavior', 'engineering'];

/** Filters that have one value: name in the query, what it is called, and its values, the usual one first. */
const choices = [
  ['set', 'Stimulus set', { private: 'private (test)', public: 'public (layer selection)' }],
  [
    'missing',
    'Missing scores',
    { zero: 'count as 0', common: 'exclude the benchmark for all models' },
  ],
  [
    'selection',
    'Selection scores (†)',
    { exclude: 'excluded from averages', include: 'included in averages' },
  ],
  [
    'brought',
    'External scores (‡)',
    { exclude: 'excluded from averages', include: 'included in averages' },
  ],
  ['layers', 'Layers', { card: 'from model cards', any: 'from cards or requests' }],
  ['visibility', 'Visibility', { '': 'any', private: 'private', group: 'group', public: 'public' }],
] as const;

/** Which models and benchmarks are shown, and what enters the averages. */
export function Filters({ address, change }: View) {
  const chosen = address.getAll('region');
  const count = ['region', 'owner', ...choices.map(([name]) => name)].filter((name) =>
    address.get(name),
  ).length;
  const chooseRegion = (region: string, wanted: boolean) =>
    change({
      region: regions.filter((each) => (each === region ? wanted : chosen.includes(each))),
    });
  return (
    <details>
      <summary>Filters{count > 0 && ` (${count})`}</summary>
      <fieldset>
        <legend>Regions</legend>
        <div class="controls">
          {regions.map((region) => (
            <label key={region} class="inline">
              <input
                type="checkbox"
                checked={chosen.includes(region)}
                onChange={(event) => chooseRegion(region, event.currentTarget.checked)}
              />
              {region}
            </label>
          ))}
        </div>
      </fieldset>
      <div class="controls">
        {choices.map(([name, title, values]) => (
          <label key={name}>
            {title}
            <select
              value={address.get(name) ?? Object.keys(values)[0]}
              onChange={({ currentTarget: { value } }) =>
                change({ [name]: value === Object.keys(values)[0] ? null : value })
              }
            >
              {Object.entries(values).map(([value, words]) => (
                <option key={value} value={value}>
                  {words}
                </option>
              ))}
            </select>
          </label>
        ))}
        <label>
          Owner
          <input
            key={address.get('owner')}
            maxLength={200}
            defaultValue={address.get('owner') ?? ''}
            onChange={({ currentTarget: { value } }) => change({ owner: value || null })}
          />
        </label>
      </div>
    </details>
  );
}
