import { type FactName, facts, factText } from '../../../figure/fact-words.js';
import type { Item } from '../../parts/board-column.js';
import type { Change } from './view.js';

/** Headers of the columns of what cards say; a press sorts, largest first, then the other way. */
export function FactHeads({
  shown,
  by,
  descending,
  change,
}: {
  readonly shown: readonly FactName[];
  readonly by: string;
  readonly descending: boolean;
  readonly change: Change;
}) {
  return shown.map((name) => (
    <th
      key={name}
      scope="col"
      class="fact"
      aria-sort={by === name ? (descending ? 'descending' : 'ascending') : undefined}
    >
      <button
        type="button"
        class="sort"
        onClick={() => change({ sort: by === name && descending ? name : `-${name}` })}
      >
        {facts[name].title}
      </button>
    </th>
  ));
}

/** The cells of a row below them. */
export function FactCells({
  shown,
  item,
}: {
  readonly shown: readonly FactName[];
  readonly item: Item;
}) {
  return shown.map((name) => {
    const text = factText(name, item.metadata);
    const whole = name === 'parameters' ? item.metadata.parameters?.toLocaleString('en') : text;
    return (
      <td key={name} class="fact" title={whole}>
        {text === undefined ? <span class="quiet">–</span> : <bdi>{text}</bdi>}
      </td>
    );
  });
}
