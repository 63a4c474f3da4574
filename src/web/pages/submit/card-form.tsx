import { useEffect, useMemo, useState } from 'preact/hooks';
import { ProblemError, type Schemas, tagOf } from '../../client/client.js';
import { dropDraft, keepDraft, readDraft } from '../../parts/draft.js';
import { type CardDraft, KeptEdits, SaveFaults, useSaveCard } from '../../parts/save-card.js';
import { Term } from '../../parts/words/term.js';
import { type Card, type CardEditor, withValue } from './card.js';
import { CardText } from './card-text.js';
import { NumberField, TextField } from './field.js';
import { LayerFields } from './layer-fields.js';
import { MetadataFields } from './metadata-fields.js';
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

/** What is being filled in, and what neither the file nor a person has set. */
interface Edits {
  readonly card: Card;
  readonly open: readonly string[];
}

/** Form for the card of a model, prefilled from its file. */
export function CardForm({ model, draft, saved, changed }: CardFormProps) {
  const [kept, setKept] = useState(() => readDraft<CardDraft<Edits>>(model.id));
  const [{ card, open }, setEdits] = useState<Edits>(kept?.edits ?? draft);
  const [tag, setTag] = useState(kept ? kept.tag : tagOf(model));
  const saving = useSaveCard(model.id, (next) => {
    dropDraft(model.id);
    setKept(undefined);
    setTag(tagOf(next));
    setEdits(({ card }) => ({ card, open: [] }));
    changed(false);
    saved(next);
  });
  const { busy, error } = saving;
  useEffect(() => {
    if (kept) changed(true);
  }, [kept]);
  const start = (from: Edits, of: Model) => {
    dropDraft(model.id);
    setKept(undefined);
    setEdits(from);
    setTag(tagOf(of));
    saving.clear();
    changed(false);
  };
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
        setEdits((before) => {
          // A preset has everything of the input but the image side.
          const edits = {
            card: withValue(before.card, pointer, value),
            open: before.open.filter(
              (at) => !at.startsWith(pointer) || (at === '/input/crop' && at !== pointer),
            ),
          };
          keepDraft(model.id, { tag, edits });
          return edits;
        });
        changed(true);
      },
    };
  }, [card, open, tag, error, changed]);
  const save = (to = tag) => {
    const { name } = card;
    const named = typeof name === 'string' && name !== model.name ? { name } : {};
    return saving.save({ card, ...named }, to);
  };
  return (
    <form
      class="card-form"
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      {kept && <KeptEdits discard={() => start(draft, model)} />}
      <div class="fields">
        <TextField editor={editor} pointer="/name" label="Name" maxLength={200} />
        <NumberField
          editor={editor}
          pointer="/visual_degrees"
          label="Visual angle of the input, degrees"
          hint={
            <>
              <Term of="visual-degrees" apart>
                Visual degrees
              </Term>
              : Brain-Score uses 8 for most models.
            </>
          }
          required
        />
      </div>
      <PictureFields editor={editor} presets={draft.presets} />
      <LayerFields editor={editor} draft={draft} />
      <MetadataFields editor={editor} />
      <SaveFaults
        saving={saving}
        overwrite={(current) => void save(tagOf(current))}
        take={(current) => {
          start({ card: current.card ?? draft.card, open: [] }, current);
          saved(current);
        }}
      />
      <CardText card={card} />
      <p class="actions">
        <button type="submit" class="primary" disabled={busy}>
          Save the card
        </button>
      </p>
    </form>
  );
}
