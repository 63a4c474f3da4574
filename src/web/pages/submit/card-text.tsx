import { useEffect, useState } from 'preact/hooks';
import { saveFile } from '../../parts/save.js';
import { Scroll } from '../../parts/scroll.js';
import { type Card, inOrder } from './card.js';

type Form = 'YAML' | 'JSON';

/** A card as the file that it would be beside the model. */
export function CardText({ card }: { readonly card: Card }) {
  const [form, setForm] = useState<Form>('YAML');
  const [text, setText] = useState('');
  useEffect(() => {
    let wanted = true;
    void written(card, form).then((result) => wanted && setText(result));
    return () => {
      wanted = false;
    };
  }, [card, form]);
  return (
    <details class="card-text" open>
      <summary>The card</summary>
      <div class="controls">
        <label>
          Shown as
          <select value={form} onChange={({ currentTarget: { value } }) => setForm(value as Form)}>
            <option>YAML</option>
            <option>JSON</option>
          </select>
        </label>
        <button type="button" onClick={() => saveFile(`card.${form.toLowerCase()}`, text)}>
          Download
        </button>
      </div>
      <Scroll label="The card as a file">
        <pre>{text}</pre>
      </Scroll>
    </details>
  );
}

async function written(given: Card, form: Form): Promise<string> {
  const card = inOrder(given);
  if (form === 'JSON') return JSON.stringify(card, null, 2);
  const { Document, visit } = await import('yaml');
  const document = new Document(card);
  // Lists on one line, as cards are written by hand.
  visit(document, {
    Seq(_key, list) {
      list.flow = true;
    },
  });
  return document.toString({ flowCollectionPadding: false, lineWidth: 0 });
}
