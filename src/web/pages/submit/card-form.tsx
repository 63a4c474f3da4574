import { useMemo, useState } from 'preact/hooks';
import { answer, client, ProblemError, type Schemas } from '../../client/client.js';
import { Problem } from '../../parts/problem.js';
import { type Card, type CardEditor, withValue } from './card.js';
import { CardText } from './card-text.js';
import { NumberField, TextField } from './field.js';
import { LayerFields } from './layer-fields.js';
import { PictureFields } from './picture-fields.js';

type Model = Schemas['Model'];

interface CardFormProps {
  readonly model: Model;
  readonly draft: Schemas['CardDraft'];
  /** Told the model with its new card. */
  readonly saved: (model: Model) => void;
  /** Told whether the form says something else than the card that was saved. */
  readonly changed: (is: boolean) => void;
}

/** Form for the card of a model, prefilled from its file. */
export function CardForm({ model, draft, saved, changed }: CardFormProps) {
  const [card, setCard] = useState<Card>(draft.card);
  const [open, setOpen] = useState<readonly string[]>(draft.open);
  const [error, setError] = useState<Error>();
  const [busy, setBusy] = useState(false);
  const editor = useMemo<CardEditor>(() => {
    const parts = error instanceof ProblemError ? (error.problem.errors ?? []) : [];
    return {
      card,
      isOpen: (pointer) => open.includes(pointer),
      wrong: (pointer) =>
        parts
          .filter((part) => part.pointer === `/card${pointer}`)
          .map(({ detail }) => detail.replace(/^card:\d+:\d+ /, ''))
          .join('; '),
      set: (pointer, value) => {
        setCard((before) => withValue(before, pointer, value));
        // A preset has everything of the input but the image side.
        setOpen((before) =>
          before.filter(
            (at) => !at.startsWith(pointer) || (at === '/input/crop' && at !== pointer),
          ),
        );
        changed(true);
      },
    };
  }, [card, open, error, changed]);
  const save = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      const { name } = card;
      const change = { card, ...(typeof name === 'string' && name !== model.name ? { name } : {}) };
      const params = { path: { model: model.id } };
      saved(await answer(client.PATCH('/models/{model}', { params, body: change })));
      changed(false);
      setOpen([]);
    } catch (thrown) {
      setError(thrown as Error);
    }
    setBusy(false);
  };
  return (
    <form class="card-form" onSubmit={save}>
      <div class="fields">
        <TextField editor={editor} pointer="/name" label="Name" maxLength={200} />
        <NumberField
          editor={editor}
          pointer="/visual_degrees"
          label="Visual angle of the input, degrees"
          hint="Brain-Score’s models span 8."
          required
        />
      </div>
      <PictureFields editor={editor} presets={draft.presets} />
      <LayerFields editor={editor} draft={draft} />
      {error && <Problem error={error} />}
      <CardText card={card} />
      <p class="actions">
        <button type="submit" class="primary" disabled={busy}>
          Save the card
        </button>
      </p>
    </form>
  );
}
