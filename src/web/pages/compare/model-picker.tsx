import { useId, useState } from 'preact/hooks';
import type { Item } from '../../parts/board-column.js';
import { Swatch } from '../../parts/charts/series.js';
import { value } from '../../parts/format.js';
import { WeightsChip } from '../../parts/provenance.js';
import type { ChangeQuery } from '../../parts/query.js';
import { type ComparedBoard, MOST } from './board.js';

/** Maximum number of models offered; the search narrows them. */
const OFFERED = 12;

interface ModelPickerProps {
  readonly board: ComparedBoard;
  readonly models: readonly string[];
  readonly reference: number;
  readonly change: ChangeQuery;
}

/** The models chosen, which of them is the reference, and a search for more. */
export function ModelPicker({ board, models, reference, change }: ModelPickerProps) {
  return (
    <section aria-label="Models compared">
      {models.length > 0 && (
        <Chosen board={board} models={models} reference={reference} change={change} />
      )}
      {models.length < MOST && (
        <details open={models.length < 2}>
          <summary>
            Add a model ({models.length} of at most {MOST} chosen)
          </summary>
          <Search
            items={board.everybody.filter(
              ({ model, digest }) => !models.includes(model) && !models.includes(digest),
            )}
            add={(model) => change({ model: [...models, model] })}
          />
        </details>
      )}
    </section>
  );
}

function Chosen({ board, models, reference, change }: ModelPickerProps) {
  const name = useId();
  return (
    <fieldset class="chosen-models">
      <legend>Reference model</legend>
      <ul>
        {board.chosen.map((model, i) => (
          <li key={model.id}>
            <label class="inline">
              <input
                type="radio"
                name={name}
                checked={i === reference}
                onChange={() => change({ from: i === 0 ? null : model.id })}
              />
              <Swatch place={i} />
              <bdi>{model.name}</bdi>
            </label>
            <WeightsChip weights={model.weights} />
            {model.reason && <span class="quiet">{model.reason}</span>}
            {model.known && (
              <a
                href={`/models/${encodeURIComponent(model.id)}`}
                aria-label={`page of ${model.name}`}
              >
                page
              </a>
            )}
            <button
              type="button"
              aria-label={`Remove ${model.name}`}
              onClick={() =>
                change({
                  model: models.filter((id) => id !== model.id),
                  ...(i === reference ? { from: null } : {}),
                })
              }
            >
              ✕
            </button>
          </li>
        ))}
      </ul>
    </fieldset>
  );
}

interface SearchProps {
  readonly items: readonly Item[];
  readonly add: (model: string) => void;
}

function Search({ items, add }: SearchProps) {
  const [text, setText] = useState('');
  const words = text.toLowerCase().split(/\s+/);
  const found = items.filter(({ name, owner }) =>
    words.every((word) => `${name} ${owner}`.toLowerCase().includes(word)),
  );
  return (
    <div class="model-search">
      <label class="field">
        Search models
        <input type="search" value={text} onInput={(event) => setText(event.currentTarget.value)} />
      </label>
      <p class="quiet" role="status">
        {found.length === 0
          ? 'No matching models.'
          : found.length > OFFERED
            ? `The first ${OFFERED} of ${found.length} models`
            : `${found.length} ${found.length === 1 ? 'model' : 'models'}`}
      </p>
      <ul>
        {found.slice(0, OFFERED).map((item) => (
          <li key={item.model}>
            <button type="button" onClick={() => add(item.model)}>
              Add <bdi>{item.name}</bdi>
            </button>
            <WeightsChip weights={item.weights} />
            <span class="quiet">
              {item.rank === null ? '' : `rank ${item.rank}, ${value(averageOf(item))}, `}
              owner <bdi>{item.owner}</bdi>
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}

const averageOf = ({ averages }: Item) => (averages.average ?? averages.simulated)?.value;
