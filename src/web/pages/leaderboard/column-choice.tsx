import { factNames, facts } from '../../../figure/fact-words.js';
import { type Column, titleOf } from '../../parts/board-column.js';
import { OriginChip } from '../../parts/provenance.js';
import { type Change, shownColumns, shownFacts } from './view.js';

/** Which columns are shown, and whether intervals are. */
export function ColumnChoice({
  columns,
  address,
  change,
}: {
  readonly columns: readonly Column[];
  readonly address: URLSearchParams;
  readonly change: Change;
}) {
  const hidden = address.getAll('hide');
  const told = shownFacts(address);
  const everything = new URLSearchParams({ open: 'all' });
  const hide = (id: string, wanted: boolean) =>
    change({ hide: wanted ? [...hidden, id] : hidden.filter((one) => one !== id) });
  return (
    <details>
      <summary>Columns{hidden.length > 0 && ` (${hidden.length} hidden)`}</summary>
      <div class="controls">
        <button type="button" onClick={() => change({ open: 'all' })}>
          Expand all averages
        </button>
        <button type="button" onClick={() => change({ open: null, hide: null, show: null })}>
          Reset
        </button>
        <label class="inline">
          <input
            type="checkbox"
            checked={address.get('intervals') !== 'hide'}
            onChange={(event) => change({ intervals: event.currentTarget.checked ? null : 'hide' })}
          />
          95 % intervals
        </label>
      </div>
      <fieldset>
        <legend>Model metadata</legend>
        <div class="controls">
          {factNames.map((name) => (
            <label key={name} class="inline">
              <input
                type="checkbox"
                checked={told.includes(name)}
                onChange={({ currentTarget: { checked } }) =>
                  change({ show: checked ? [...told, name] : told.filter((one) => one !== name) })
                }
              />
              {facts[name].title}
            </label>
          ))}
        </div>
      </fieldset>
      <ul class="columns">
        {shownColumns(columns, everything).map(({ column, depth }) => (
          <li key={column.id} class={`depth-${Math.min(depth, 4)}`}>
            <label class="inline">
              <input
                type="checkbox"
                checked={!hidden.includes(column.id)}
                onChange={(event) => hide(column.id, !event.currentTarget.checked)}
              />
              {titleOf(column)}
            </label>
            {column.kind === 'benchmark' && <OriginChip origin={column.origin} />}
          </li>
        ))}
      </ul>
    </details>
  );
}
