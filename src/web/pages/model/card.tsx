import { useState } from 'preact/hooks';
import { type Schemas, tagOf } from '../../client/client.js';
import { mayChange, useSession } from '../../client/session.js';
import { CopyButton } from '../../parts/copy-button.js';
import { dropDraft, keepDraft, readDraft } from '../../parts/draft.js';
import { Problem } from '../../parts/problem.js';
import { type CardDraft, KeptEdits, SaveFaults, useSaveCard } from '../../parts/save-card.js';

type Model = Schemas['Model'];
type Fields = Readonly<Record<string, unknown>>;

/** How the network sees and which layer stands for which region: in words, and as it is written. */
export function CardSection({
  model,
  changed,
}: {
  readonly model: Model;
  readonly changed: () => void;
}) {
  const { caller } = useSession();
  const may = model.createdAt !== null && mayChange(caller, model.owner);
  const text = textOf(model.card);
  return (
    <>
      {model.card ? (
        <>
          <CardFacts card={model.card} />
          <details>
            <summary>The card as JSON</summary>
            <pre>{text}</pre>
            <p class="actions">
              <CopyButton text={text} what="the card" />
            </p>
          </details>
        </>
      ) : (
        <p class="notice">
          This model has no card. Without its preprocessing, it cannot be scored.
        </p>
      )}
      {may && <CardForm model={model} text={text} changed={changed} />}
    </>
  );
}

const textOf = (card: Model['card']) => JSON.stringify(card ?? {}, null, 2);

function CardFacts({ card }: { readonly card: Fields }) {
  const { weights: _, input, visual_degrees, readout, logits, layers, ...rest } = card;
  const { region_layer_map, ...more } = rest;
  const { region_layer_choice: choices, ...others } = more;
  const regions = Object.entries((region_layer_map ?? {}) as Fields);
  return (
    <dl class="facts">
      <dt>Images</dt>
      <dd>{pictureText((input ?? {}) as Fields)}</dd>
      <dt>Pixels</dt>
      <dd>{pixelText((input ?? {}) as Fields)}</dd>
      <dt>Visual angle</dt>
      <dd>{visual_degrees === undefined ? '–' : `${visual_degrees}°`}</dd>
      {regions.map(([region, layer]) => (
        <Fact key={region} name={region} value={layer} />
      ))}
      <Fact name="Read-out of behaviour" value={readout} />
      <Fact name="Class scores" value={logits} />
      <Fact name="Layers to choose from" value={layers} />
      {Object.entries((choices ?? {}) as Record<string, Fields>).map(([role, choice]) => (
        <Fact
          key={role}
          name={`How ${role} was chosen`}
          value={`${choice.layer}: ${choice.method}, on ${choice.benchmark}`}
        />
      ))}
      {Object.entries(others).map(([name, value]) => (
        <Fact key={name} name={name} value={value} />
      ))}
    </dl>
  );
}

function Fact({ name, value }: { readonly name: string; readonly value: unknown }) {
  if (value === undefined) return null;
  return (
    <>
      <dt>
        <bdi>{name}</bdi>
      </dt>
      <dd>
        <bdi>{plain(value)}</bdi>
      </dd>
    </>
  );
}

function plain(value: unknown): string {
  if (Array.isArray(value)) return value.map(plain).join(', ');
  if (typeof value !== 'object' || value === null) return String(value);
  return Object.entries(value)
    .map(([name, of]) => `${name}: ${plain(of)}`)
    .join('; ');
}

function pictureText({ resize, crop, frames, sampling }: Fields): string {
  const middle = crop === undefined ? '' : `, then centre-cropped to ${crop} × ${crop} pixels`;
  const rule = sampling === 'consecutive' ? 'consecutive, from the middle' : 'evenly spaced';
  const clip = frames === undefined ? '' : `; ${frames} frames of a clip, ${rule}`;
  const cut = `${middle}${clip}`;
  if (resize === 'none' || resize === undefined) return `not resized${cut}`;
  const { to, mode, filter, library, antialias } = resize as Fields;
  const size = mode === 'square' ? `${to} × ${to} pixels` : `${to} pixels on the short side`;
  const smooth = antialias === false ? ', no antialiasing' : '';
  return `resized to ${size} (${filter}, as in ${library}${smooth})${cut}`;
}

function pixelText({ range, mean, std, layout }: Fields): string {
  return `(pixel × ${range} / 255 − [${plain(mean)}]) / [${plain(std)}], ${layout ?? 'NCHW'}`;
}

interface CardFormProps {
  readonly model: Model;
  readonly text: string;
  readonly changed: () => void;
}

function CardForm({ model, text, changed }: CardFormProps) {
  // Another form than that of Submit, whose edits are not text.
  const key = `${model.id} text`;
  const [kept, setKept] = useState(() => readDraft<CardDraft<string>>(key));
  const [written, setWritten] = useState(kept?.edits ?? text);
  const [tag, setTag] = useState(kept ? kept.tag : tagOf(model));
  const [opened] = useState(kept !== undefined);
  const [unread, setUnread] = useState<Error>();
  const start = (from: string, of: Model) => {
    dropDraft(key);
    setKept(undefined);
    setWritten(from);
    setTag(tagOf(of));
    saving.clear();
  };
  const saving = useSaveCard(model.id, (next) => {
    start(textOf(next.card), next);
    changed();
  });
  const save = (to = tag) => {
    setUnread(undefined);
    try {
      void saving.save({ card: JSON.parse(written) as Record<string, unknown> }, to);
    } catch (reason) {
      setUnread(reason as Error);
    }
  };
  return (
    <details open={opened}>
      <summary>Change the card</summary>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          save();
        }}
      >
        {kept && <KeptEdits discard={() => start(text, model)} />}
        <p class="quiet">Existing scores do not change; new ones use this card.</p>
        <label class="field">
          Card as JSON
          <textarea
            rows={16}
            spellcheck={false}
            value={written}
            onInput={({ currentTarget: { value: edits } }) => {
              setWritten(edits);
              keepDraft(key, { tag, edits });
            }}
          />
        </label>
        <p class="actions">
          <button type="submit" disabled={saving.busy}>
            Save the card
          </button>
        </p>
        {unread && <Problem error={unread} />}
        <SaveFaults
          saving={saving}
          overwrite={(current) => save(tagOf(current))}
          take={(current) => {
            start(textOf(current.card), current);
            changed();
          }}
        />
      </form>
    </details>
  );
}
