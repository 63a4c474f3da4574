import { useEffect, useRef, useState } from 'preact/hooks';
import { useLocation } from 'preact-iso';
import { answer, client, ProblemError } from '../../client/client.js';
import { dropDraft, keepDraft, readDraft } from '../../parts/draft.js';
import { Problem } from '../../parts/problem.js';
import type { ChangeQuery } from '../../parts/query.js';
import { KeptEdits } from '../../parts/save-card.js';
import { type OnceHeader, useSendOnce } from '../../parts/start/send-once.js';
import { useResource } from '../../parts/use-resource.js';
import { type Fault, type Place, readRecipe, writeRecipe } from './recipe-text.js';

interface RecipeFormProps {
  readonly query: URLSearchParams;
  readonly change: ChangeQuery;
}

/** A recipe, chosen, changed as text and started; what is wrong with it stands at its lines. */
export function RecipeForm({ query, change }: RecipeFormProps) {
  const { route } = useLocation();
  const chosen = query.get('recipe') ?? '';
  const { data, error } = useResource(
    async (signal) => (await answer(client.GET('/recipes', { signal }))).items,
    [],
  );
  const [text, setText] = useState('');
  const [faults, setFaults] = useState<readonly Fault[]>([]);
  const { busy, error: failed, once } = useSendOnce();
  const area = useRef<HTMLTextAreaElement>(null);
  const start = useResource(
    async (signal) => ({ of: chosen, text: await textOf(chosen, data ?? [], signal) }),
    [chosen, data],
  );
  // Of the recipe that is chosen now, not of the one before.
  const original = start.data?.of === chosen ? start.data.text : undefined;
  const draft = `recipe ${chosen}`;
  const [kept, setKept] = useState(false);
  useEffect(() => {
    if (original === undefined) return;
    const edits = readDraft<{ readonly text: string }>(draft);
    setKept(edits !== undefined);
    setText(edits?.text ?? original);
    setFaults([]);
  }, [original, draft]);
  const write = (edited: string) => {
    setText(edited);
    if (edited === original) dropDraft(draft);
    else keepDraft(draft, { text: edited });
  };
  const discard = () => {
    dropDraft(draft);
    setKept(false);
    setText(original ?? '');
    setFaults([]);
  };
  const described = data?.find(({ name }) => name === chosen)?.description;
  const send = () =>
    once(async (headerOf) => {
      setFaults([]);
      const read = await readRecipe(text);
      if ('faults' in read) return setFaults(read.faults);
      const found = await started(read.recipe, headerOf);
      if (typeof found === 'string') {
        dropDraft(draft);
        return route(`/trainings/${found}`);
      }
      setFaults(placed(found, read.placeOf));
    });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      <div class="controls">
        <label>
          Recipe
          <select
            value={chosen}
            onChange={({ currentTarget }) => change({ recipe: currentTarget.value || null })}
          >
            <option value="">choose…</option>
            {(data ?? []).map(({ name, model }) => (
              <option key={name} value={name}>
                {name} (trains {model})
              </option>
            ))}
            {chosen.startsWith('job_') && <option value={chosen}>recipe of {chosen}</option>}
          </select>
        </label>
      </div>
      {error && <Problem error={error} />}
      {start.error && <Problem error={start.error} />}
      {described && <p>{described}</p>}
      {kept && <KeptEdits discard={discard} />}
      <label class="field recipe-text">
        Recipe (YAML or JSON)
        <textarea
          ref={area}
          rows={24}
          spellcheck={false}
          autocomplete="off"
          value={text}
          aria-describedby="recipe-faults"
          aria-invalid={faults.length > 0}
          onInput={(event) => write(event.currentTarget.value)}
        />
      </label>
      <div id="recipe-faults" role="status">
        {faults.length > 0 && <Faults text={text} faults={faults} area={area} />}
      </div>
      {failed && <Problem error={failed} />}
      <p class="actions">
        <button type="submit" class="primary" disabled={busy || text.trim() === ''}>
          Start the training
        </button>
      </p>
    </form>
  );
}

/** Each fault once, in the order of the lines. */
function placed(
  faults: readonly Omit<Fault, 'place'>[],
  placeOf: (pointer: string) => Place | undefined,
): Fault[] {
  const each = new Map(faults.map((fault) => [fault.pointer + fault.detail, fault]));
  return [...each.values()]
    .map((fault) => ({ ...fault, place: placeOf(fault.pointer.replace(/^\/recipe/, '')) }))
    .sort((a, b) => (a.place?.line ?? 0) - (b.place?.line ?? 0));
}

/** What the form starts with: a shipped recipe, that of another training, or nothing. */
async function textOf(
  chosen: string,
  recipes: readonly { readonly name: string; readonly yaml: string }[],
  signal: AbortSignal,
): Promise<string | undefined> {
  if (chosen === '') return '';
  if (!chosen.startsWith('job_')) return recipes.find(({ name }) => name === chosen)?.yaml;
  const { recipe } = await answer(
    client.GET('/trainings/{job}', { params: { path: { job: chosen } }, signal }),
  );
  return writeRecipe(recipe);
}

/** @returns the id of the training, or what the service finds wrong with the recipe */
async function started(
  recipe: Record<string, unknown>,
  headerOf: (body: object) => OnceHeader,
): Promise<string | readonly Omit<Fault, 'place'>[]> {
  try {
    const body = { recipe };
    const { id } = await answer(
      client.POST('/trainings', { body, params: { header: headerOf(body) } }),
    );
    return id;
  } catch (error) {
    if (error instanceof ProblemError && error.problem.errors?.length) return error.problem.errors;
    throw error;
  }
}

interface FaultsProps {
  readonly text: string;
  readonly faults: readonly Fault[];
  readonly area: { readonly current: HTMLTextAreaElement | null };
}

/** Each fault with its line, which it leads to. */
function Faults({ text, faults, area }: FaultsProps) {
  const lines = text.split('\n');
  return (
    <div class="problem">
      <p>
        <strong>{faults.length === 1 ? '1 error' : `${faults.length} errors`} in the recipe</strong>
      </p>
      <ul>
        {faults.map(({ pointer, detail, place }) => (
          <li key={pointer + detail}>
            {place && (
              <button
                type="button"
                onClick={() => {
                  area.current?.focus();
                  area.current?.setSelectionRange(place.from, place.to);
                }}
              >
                Line {place.line}
              </button>
            )}{' '}
            {place && <code>{lines[place.line - 1]?.trim()}</code>}{' '}
            {pointer && <code>{pointer}</code>} {detail}
          </li>
        ))}
      </ul>
    </div>
  );
}
