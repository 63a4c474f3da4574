import { useId } from 'preact/hooks';
import type { Schemas } from '../../client/client.js';
import { Term } from '../../parts/words/term.js';
import { type CardEditor, valueAt } from './card.js';
import { TextField } from './field.js';

interface LayerFieldsProps {
  readonly editor: CardEditor;
  readonly draft: Schemas['CardDraft'];
}

/** Which layers stand for which region, and where behaviour is read from. */
export function LayerFields({ editor, draft: { layers, output } }: LayerFieldsProps) {
  const list = useId();
  const logits = valueAt(editor.card, '/logits');
  return (
    <fieldset>
      <legend>Layers</legend>
      <p class="quiet">
        Leave a{' '}
        <Term of="region" apart>
          region
        </Term>{' '}
        empty if you do not know its layer; a{' '}
        <Term of="layer-map" apart>
          layer map
        </Term>{' '}
        can choose one. Separate several layers with commas.
      </p>
      <datalist id={list}>
        {layers.map((layer) => (
          <option key={layer} value={layer} />
        ))}
      </datalist>
      <div class="fields">
        {['V1', 'V2', 'V4', 'IT'].map((region) => (
          <TextField
            key={region}
            editor={editor}
            pointer={`/region_layer_map/${region}`}
            label={`Layer for ${region}`}
            list={list}
          />
        ))}
        <TextField
          editor={editor}
          pointer="/readout"
          label="Read-out"
          hint={
            <>
              The layer of the{' '}
              <Term of="read-out" apart>
                read-out
              </Term>
              , from which behaviour is decoded; usually the penultimate one.
            </>
          }
          list={list}
        />
        <TextField
          editor={editor}
          pointer="/layers"
          label="Candidates for layer maps"
          hint={
            <>
              <Term of="candidates" apart>
                Candidates
              </Term>
              : names and patterns such as blocks.*; empty: the blocks of the graph.
            </>
          }
          several
        />
      </div>
      {output?.values === 1000 && (
        <label class="choice">
          <input
            type="checkbox"
            checked={logits !== undefined}
            onChange={({ currentTarget: { checked } }) =>
              editor.set(
                '/logits',
                checked ? { layer: output.name, classes: 'imagenet-1k' } : undefined,
              )
            }
          />
          <span>
            The 1,000 outputs (<bdi>{output.name}</bdi>) are the ImageNet classes in standard order
          </span>
        </label>
      )}
    </fieldset>
  );
}
