import { useState } from 'preact/hooks';
import { answer, client, ProblemError, type Schemas } from '../client/client.js';
import { Problem } from './problem.js';

type Model = Schemas['Model'];

/** What is written to a model. */
export type CardChange = Pick<Schemas['ModelChange'], 'card' | 'name'>;

/** Edits of a card that are not saved yet. */
export interface CardDraft<T> {
  /** Entity tag of the model that they started from. */
  readonly tag: string | undefined;
  readonly edits: T;
}

/** How a card is saved: only if nobody has changed the model since the edits began. */
export interface SaveCard {
  readonly busy: boolean;
  readonly error: Error | undefined;
  /** The model as it is by now, if somebody else changed it. */
  readonly conflict: Model | undefined;
  /** @param tag of the model that the edits started from */
  readonly save: (change: CardChange, tag: string | undefined) => Promise<void>;
  readonly clear: () => void;
}

const CHANGED_SINCE = 412;

/** @param saved told the model with its new card */
export function useSaveCard(id: string, saved: (model: Model) => void): SaveCard {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Error>();
  const [conflict, setConflict] = useState<Model>();
  const path = { model: id };
  const clear = () => {
    setError(undefined);
    setConflict(undefined);
  };
  const save = async (change: CardChange, tag: string | undefined) => {
    setBusy(true);
    clear();
    const header = tag === undefined ? {} : { 'If-Match': tag };
    try {
      const model = await answer(
        client.PATCH('/models/{model}', { params: { path, header }, body: change }),
      );
      saved(model);
    } catch (thrown) {
      if (thrown instanceof ProblemError && thrown.problem.status === CHANGED_SINCE)
        await answer(client.GET('/models/{model}', { params: { path } })).then(
          setConflict,
          setError,
        );
      else setError(thrown as Error);
    }
    setBusy(false);
  };
  return { busy, error, conflict, save, clear };
}

interface SaveFaultsProps {
  readonly saving: SaveCard;
  /** Saves the edits over what was saved elsewhere. */
  readonly overwrite: (current: Model) => void;
  /** Takes what was saved elsewhere in place of the edits. */
  readonly take: (current: Model) => void;
}

/** Why a card is not saved, and what to do if it was changed elsewhere. */
export function SaveFaults({ saving, overwrite, take }: SaveFaultsProps) {
  const { error, conflict } = saving;
  if (error) return <Problem error={error} />;
  if (!conflict) return null;
  return (
    <div class="problem" role="alert">
      <p>
        <strong>The model was changed elsewhere</strong>
      </p>
      <p>
        Another tab, or somebody else, changed <bdi>{conflict.name}</bdi> after these edits began.
        Your edits are kept, but not saved yet.
      </p>
      <p class="actions">
        <button type="button" onClick={() => take(conflict)}>
          Discard my edits and show the saved card
        </button>
        <button type="button" onClick={() => overwrite(conflict)}>
          Overwrite it with my card
        </button>
      </p>
    </div>
  );
}

/** Said while edits stand that an earlier visit left. */
export function KeptEdits({ discard }: { readonly discard: () => void }) {
  return (
    <p class="notice" role="status">
      Unsaved edits from earlier are restored.{' '}
      <button type="button" onClick={discard}>
        Discard them
      </button>
    </p>
  );
}
