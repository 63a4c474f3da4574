import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';
import { type CardEditor, valueAt } from './card.js';

interface FieldProps {
  readonly editor: CardEditor;
  /** Where it stands in the card. */
  readonly pointer: string;
  readonly label: string;
  readonly hint?: ComponentChildren;
}

/** What ties an element to its label. */
interface Control {
  readonly id: string;
  readonly 'aria-describedby': string;
  readonly 'aria-invalid'?: true;
}

/** A label, what it labels, and what is to be said of it. */
function Labelled({
  editor,
  pointer,
  label,
  hint,
  children,
}: FieldProps & { readonly children: (control: Control) => ComponentChildren }) {
  const id = useId();
  const wrong = editor.wrong(pointer);
  const control = {
    id,
    'aria-describedby': `${id}-said`,
    ...(wrong ? { 'aria-invalid': true as const } : {}),
  };
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children(control)}
      <span id={`${id}-said`}>
        {wrong ? <strong class="wrong">{wrong}</strong> : <span class="quiet">{hint}</span>}
        {!wrong && editor.isOpen(pointer) && <span class="open"> Not set.</span>}
      </span>
    </div>
  );
}

/** A number of the card; empty if there is none. */
export function NumberField(
  props: FieldProps & { readonly min?: number; readonly max?: number; readonly required?: boolean },
) {
  const { editor, pointer, min, max, required = false } = props;
  const value = valueAt(editor.card, pointer);
  return (
    <Labelled {...props}>
      {(control) => (
        <input
          {...control}
          {...{ min, max, required }}
          type="number"
          step="any"
          value={typeof value === 'number' ? value : ''}
          onInput={({ currentTarget: { value: text } }) =>
            editor.set(pointer, text === '' ? undefined : Number(text))
          }
        />
      )}
    </Labelled>
  );
}

/** One of some words. */
export function ChoiceField(
  props: FieldProps & { readonly choices: readonly (readonly [value: string, says: string])[] },
) {
  const { editor, pointer, choices } = props;
  return (
    <Labelled {...props}>
      {(control) => (
        <select
          {...control}
          value={String(valueAt(editor.card, pointer) ?? '')}
          onChange={({ currentTarget }) => editor.set(pointer, currentTarget.value || undefined)}
        >
          {choices.map(([value, says]) => (
            <option key={value} value={value}>
              {says}
            </option>
          ))}
        </select>
      )}
    </Labelled>
  );
}

/** Text of the card; empty if there is none. A list is written with commas. */
export function TextField(
  props: FieldProps & {
    /** Id of a datalist of what might stand there. */
    readonly list?: string;
    /** Whether it is a list, also if it has one item. */
    readonly several?: boolean;
    /** The word for a list without items; an empty field is no list. */
    readonly none?: string;
    readonly maxLength?: number;
  },
) {
  const { editor, pointer, list, several = false, none = '', maxLength } = props;
  const value = valueAt(editor.card, pointer);
  const shown = Array.isArray(value) ? value.join(', ') || none : String(value ?? '');
  const written = (text: string) => {
    if (none !== '' && text.trim().toLowerCase() === none) return [];
    return several || text.includes(', ') ? listOf(text) : text || undefined;
  };
  return (
    <Labelled {...props}>
      {(control) => (
        <input
          {...control}
          {...{ list, maxLength }}
          autocomplete="off"
          spellcheck={false}
          value={shown}
          // Once it is left: a comma that is being written is no list yet.
          onChange={({ currentTarget: { value: text } }) => editor.set(pointer, written(text))}
        />
      )}
    </Labelled>
  );
}

function listOf(text: string): string[] | undefined {
  const items = text.split(',').map((item) => item.trim());
  const named = items.filter((item) => item !== '');
  return named.length > 0 ? named : undefined;
}
