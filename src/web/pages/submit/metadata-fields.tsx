import type { CardEditor } from './card.js';
import { ChoiceField, NumberField, TextField } from './field.js';

const weightsChoices = [
  ['', 'not stated'],
  ['trained', 'trained'],
  ['random', 'random (never trained)'],
  ['control', 'control (nothing is learned)'],
] as const;

/** What the leaderboard shows of a model and filters by. */
export function MetadataFields({ editor }: { readonly editor: CardEditor }) {
  return (
    <fieldset>
      <legend>Metadata</legend>
      <p class="quiet">
        Optional. Shown on the leaderboard, which can be filtered by it; does not affect scores.
      </p>
      <div class="fields">
        <ChoiceField
          editor={editor}
          pointer="/weights"
          label="Weights"
          hint="Shown beside the model’s name."
          choices={weightsChoices}
        />
        <TextField
          editor={editor}
          pointer="/family"
          label="Family"
          hint="Type of architecture, such as resnet or vit."
          maxLength={80}
        />
        <NumberField
          editor={editor}
          pointer="/parameters"
          label="Parameters"
          hint="As published. Empty: counted in the file."
          min={0}
        />
        <TextField
          editor={editor}
          pointer="/training_data"
          label="Training data"
          hint="Data sets, separated by commas, such as imagenet-1k; “none” if there were none."
          several
          none="none"
        />
        <TextField
          editor={editor}
          pointer="/date"
          label="Date of publication"
          hint="YYYY, YYYY-MM or YYYY-MM-DD."
          maxLength={10}
        />
        <TextField
          editor={editor}
          pointer="/licence"
          label="Licence of the weights"
          hint="An SPDX identifier where there is one, such as Apache-2.0."
          maxLength={80}
        />
      </div>
    </fieldset>
  );
}
