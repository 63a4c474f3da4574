import { factNames, facts } from '../../../figure/fact-words.js';
import type { Board } from './use-board.js';
import type { Change } from './view.js';

const names = ['weights', ...factNames] as const;

/** Filters by what cards say of models; the address holds them as they are written. */
export function ModelFilters({
  address,
  change,
  board,
}: {
  readonly address: URLSearchParams;
  readonly change: Change;
  readonly board: Board | undefined;
}) {
  const active = names.filter((name) => address.get(name));
  return (
    <>
      <details>
        <summary>Models{active.length > 0 && ` (${active.length})`}</summary>
        <p class="quiet">
          Use a comma for <strong>or</strong>, <code>!</code> for <strong>not</strong>,{' '}
          <code>..</code> for a range, and <code>unknown</code> for what the card does not state.
        </p>
        <div class="controls">
          <Field
            name="weights"
            title="Weights"
            example="trained,!random"
            {...{ address, change }}
          />
          {factNames.map((name) => (
            <Field
              key={name}
              name={name}
              {...facts[name]}
              {...{ address, change }}
              known={valuesOf(board, name)}
            />
          ))}
        </div>
      </details>
      {active.length > 0 && (
        <ul class="active-filters" aria-label="Active filters">
          {active.map((name) => (
            <li key={name}>
              {titleOf(name)}: <bdi>{address.get(name)}</bdi>
              <button
                type="button"
                aria-label={`Remove the filter ${titleOf(name)}`}
                onClick={() => change({ [name]: null })}
              >
                ×
              </button>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

const titleOf = (name: (typeof names)[number]) =>
  name === 'weights' ? 'Weights' : facts[name].title;

interface FieldProps {
  readonly name: (typeof names)[number];
  readonly title: string;
  readonly example: string;
  readonly address: URLSearchParams;
  readonly change: Change;
  /** What models shown have, to choose from. */
  readonly known?: readonly string[];
}

/** Applied with Enter, and when the field is left. */
function Field({ name, title, example, address, change, known = [] }: FieldProps) {
  const asked = address.get(name) ?? '';
  const list = `known-${name}`;
  return (
    <label>
      {title}
      <input
        key={asked}
        maxLength={400}
        defaultValue={asked}
        placeholder={example}
        list={known.length > 0 ? list : undefined}
        onChange={({ currentTarget: { value } }) => change({ [name]: value.trim() || null })}
      />
      {known.length > 0 && (
        <datalist id={list}>
          {known.map((value) => (
            <option key={value} value={value} />
          ))}
        </datalist>
      )}
    </label>
  );
}

/** Words that rows on the page have. */
function valuesOf(board: Board | undefined, name: (typeof factNames)[number]): string[] {
  const values = (board?.items ?? []).flatMap((item) => {
    // A row that was not read yet.
    if (!item) return [];
    const { metadata } = item;
    if (name === 'training_data') return metadata.trainingData ?? [];
    return name === 'family' || name === 'licence' ? (metadata[name] ?? []) : [];
  });
  return [...new Set(values)].sort();
}
