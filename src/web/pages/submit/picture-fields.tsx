import { useState } from 'preact/hooks';
import type { Schemas } from '../../client/client.js';
import { type CardEditor, valueAt } from './card.js';
import { ChoiceField, NumberField } from './field.js';

type Preset = Schemas['CardDraft']['presets'][number];

interface PictureFieldsProps {
  readonly editor: CardEditor;
  readonly presets: readonly Preset[];
}

/** Whatever the order of the keys. */
function equal(one: unknown, other: unknown): boolean {
  if (typeof one !== 'object' || typeof other !== 'object' || !one || !other) return one === other;
  const [a, b] = [Object.entries(one), new Map(Object.entries(other))];
  return a.length === b.size && a.every(([key, value]) => b.has(key) && equal(value, b.get(key)));
}

/** Preprocessing: a preset by its name, or values of its own. */
export function PictureFields({ editor, presets }: PictureFieldsProps) {
  const input = valueAt(editor.card, '/input');
  const said = !editor.isOpen('/input/mean') || !editor.isOpen('/input/resize');
  const [own, setOwn] = useState(false);
  const chosen = said && !own ? presets.find((preset) => equal(preset.input, input)) : undefined;
  const ofItsOwn = said && !chosen;
  return (
    <fieldset>
      <legend>Preprocessing</legend>
      {presets.map((preset) => (
        <label key={preset.name} class="choice">
          <input
            type="radio"
            name="preset"
            required
            checked={chosen === preset}
            onChange={() => {
              setOwn(false);
              editor.set('/input', preset.input);
            }}
          />
          <span>
            <strong>{preset.name}</strong> {preset.says}
          </span>
        </label>
      ))}
      <label class="choice">
        <input
          type="radio"
          name="preset"
          checked={ofItsOwn}
          onChange={() => {
            setOwn(true);
            editor.set('/input', input);
          }}
        />
        <span>
          <strong>custom</strong>: the values below
        </span>
      </label>
      <details open={ofItsOwn}>
        <summary>Values</summary>
        <Resize editor={editor} />
        <Normalization editor={editor} />
      </details>
    </fieldset>
  );
}

const libraries = [
  ['pillow', 'Pillow (torchvision on PIL images)'],
  ['opencv', 'OpenCV (albumentations)'],
  ['torch', 'torch (on a float tensor)'],
] as const;
const filters = ['nearest', 'bilinear', 'bicubic', 'lanczos', 'area'].map(
  (name) => [name, name] as const,
);
const modes = [
  ['square', 'to a square (changes the aspect ratio)'],
  ['short-side', 'the short side (keeps the aspect ratio)'],
  ['none', 'none'],
] as const;

function Resize({ editor }: { readonly editor: CardEditor }) {
  const resize = valueAt(editor.card, '/input/resize');
  const none = resize === 'none';
  return (
    <div class="fields">
      <div class="field">
        <label>
          Resize
          <select
            value={none ? 'none' : String(valueAt(editor.card, '/input/resize/mode'))}
            onChange={({ currentTarget: { value: mode } }) =>
              editor.set(
                '/input/resize',
                mode === 'none' ? mode : { ...standard, ...(none ? {} : (resize as object)), mode },
              )
            }
          >
            {modes.map(([value, says]) => (
              <option key={value} value={value}>
                {says}
              </option>
            ))}
          </select>
        </label>
      </div>
      {!none && (
        <>
          <NumberField editor={editor} pointer="/input/resize/to" label="Size, pixels" required />
          <ChoiceField
            editor={editor}
            pointer="/input/resize/filter"
            label="Filter"
            choices={filters}
          />
          <ChoiceField
            editor={editor}
            pointer="/input/resize/library"
            label="Library"
            choices={libraries}
          />
        </>
      )}
      <NumberField
        editor={editor}
        pointer="/input/crop"
        label="Centre crop, pixels"
        hint="Empty: none."
      />
      <ChoiceField
        editor={editor}
        pointer="/input/layout"
        label="Axis order"
        choices={[
          ['', 'from the graph'],
          ['NCHW', 'NCHW: channels first'],
          ['NHWC', 'NHWC: channels last'],
          ['NCTHW', 'NCTHW: clips, channels before frames'],
          ['NTCHW', 'NTCHW: clips, frames before channels'],
          ['NTHWC', 'NTHWC: clips, channels last'],
        ]}
      />
      {takesClips(editor.card) && (
        <>
          <NumberField
            editor={editor}
            pointer="/input/frames"
            label="Frames per clip"
            hint="Empty: from the graph."
          />
          <ChoiceField
            editor={editor}
            pointer="/input/sampling"
            label="Frame sampling"
            choices={[
              ['', 'evenly spaced, by default'],
              ['even', 'evenly spaced'],
              ['consecutive', 'consecutive, from the middle'],
            ]}
          />
        </>
      )}
    </div>
  );
}

const takesClips = (card: CardEditor['card']) =>
  String(valueAt(card, '/input/layout') ?? '').length === 5 ||
  ['/input/frames', '/input/sampling'].some((pointer) => valueAt(card, pointer) !== undefined);

const standard = { to: 224, mode: 'square', filter: 'bilinear', library: 'pillow' };

function Normalization({ editor }: { readonly editor: CardEditor }) {
  const bgr = valueAt(editor.card, '/input/channels') === 'BGR';
  const colours = bgr ? ['blue', 'green', 'red'] : ['red', 'green', 'blue'];
  return (
    <>
      <p class="quiet">
        Input value: (pixel × range / 255 − mean) / standard deviation, for each channel.
      </p>
      <div class="fields">
        <ChoiceField
          editor={editor}
          pointer="/input/channels"
          label="Colour order"
          choices={[
            ['', 'RGB, by default'],
            ['RGB', 'RGB: red first'],
            ['BGR', 'BGR: blue first'],
          ]}
        />
        <NumberField
          editor={editor}
          pointer="/input/range"
          label="Range: value of white"
          required
        />
        {(['mean', 'std'] as const).map((of) =>
          colours.map((channel, i) => (
            <NumberField
              key={of + channel}
              editor={editor}
              pointer={`/input/${of}/${i}`}
              label={`${of === 'mean' ? 'Mean' : 'Standard deviation'}, ${channel}`}
              required
            />
          )),
        )}
      </div>
    </>
  );
}
