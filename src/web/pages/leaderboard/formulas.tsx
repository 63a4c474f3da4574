import { useEffect, useState } from 'preact/hooks';
import { answer, client } from '../../client/client.js';
import { formulaFault, formulaWords } from './formula-check.js';
import type { Change } from './view.js';

const QUIET_MS = 250;
const MOST = 20;

/** Columns that are computed from others: checked as they are written, evaluated by the service. */
export function Formulas({
  address,
  change,
  simulated,
}: {
  readonly address: URLSearchParams;
  readonly change: Change;
  readonly simulated: boolean;
}) {
  const formulas = address.getAll('column');
  const set = (column: readonly string[]) => {
    // Their numbers change with their places.
    const unsort = /^-?column\./.test(address.get('sort') ?? '');
    change(unsort ? { column, sort: null } : { column });
  };
  return (
    <details>
      <summary>Formulas{formulas.length > 0 && ` (${formulas.length})`}</summary>
      {simulated ? (
        <p>Formulas use real scores only.</p>
      ) : (
        <>
          {formulas.length < MOST && <NewFormula add={(text) => set([...formulas, text])} />}
          <ul>
            {formulas.map((formula, k) => (
              <li key={`${k} ${formula}`}>
                <code>{formula}</code>{' '}
                <button type="button" onClick={() => set(formulas.filter((_, at) => at !== k))}>
                  Remove {formula}
                </button>
              </li>
            ))}
          </ul>
        </>
      )}
    </details>
  );
}

function NewFormula({ add }: { readonly add: (text: string) => void }) {
  const [text, setText] = useState('');
  const [fault, setFault] = useState<string | null>(null);
  useEffect(() => {
    let wanted = true;
    const timer = setTimeout(async () => {
      const found = text.trim() === '' ? null : await formulaFault(text);
      if (wanted) setFault(found);
    }, QUIET_MS);
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, [text]);
  const submit = async (event: Event) => {
    event.preventDefault();
    try {
      // The service has the last word, such as on the names of benchmarks.
      await answer(client.GET('/leaderboard', { params: { query: { column: [text], limit: 1 } } }));
      add(text);
      setText('');
    } catch (error) {
      setFault((error as Error).message);
    }
  };
  return (
    <form class="controls" onSubmit={submit}>
      <label class="formula">
        Formula
        <input
          required
          maxLength={200}
          value={text}
          placeholder="0.5*V1 + 0.5*behavior"
          spellcheck={false}
          autocomplete="off"
          aria-invalid={fault !== null}
          aria-describedby="formula-fault formula-words"
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </label>
      <button type="submit" disabled={text.trim() === ''}>
        Add column
      </button>
      <p id="formula-fault" class="fault" role="status">
        {fault}
      </p>
      <p id="formula-words" class="quiet">
        Use numbers, + − * / ^, the averages {formulaWords.names.join(', ')}, and the functions{' '}
        {formulaWords.functions.join(', ')}; b("benchmark") is the score on one benchmark.
      </p>
    </form>
  );
}
