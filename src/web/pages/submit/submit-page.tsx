import { useCallback, useState } from 'preact/hooks';
import { answer, client, type Schemas } from '../../client/client.js';
import { mayChange, useSession } from '../../client/session.js';
import { LayerList } from '../../parts/layer-list.js';
import { ModelFacts } from '../../parts/model-facts.js';
import { Problem } from '../../parts/problem.js';
import { WeightsChip } from '../../parts/provenance.js';
import { useQuery } from '../../parts/query.js';
import { StartJobs } from '../../parts/start/start-jobs.js';
import { useTitle } from '../../parts/title.js';
import { useResource } from '../../parts/use-resource.js';
import { CardForm } from './card-form.js';
import { ChooseFile } from './choose-file.js';
import './submit.css';
import { Term } from '../../parts/words/term.js';

/** From a file to its first score: it is sent, its card is completed, benchmarks are chosen. */
export function SubmitPage() {
  useTitle('Submit');
  const { caller } = useSession();
  const [query, change] = useQuery();
  const [before, setBefore] = useState(false);
  const [said, setSaid] = useState<Warnings>([]);
  const model = query.get('model');
  return (
    <div class="submit">
      <h1>Submit a model</h1>
      {caller?.role === 'reader' ? (
        <p class="notice">This key is read-only. Submitting models requires a member key.</p>
      ) : model ? (
        <Registered
          {...{ before, said }}
          id={model}
          another={() => {
            setSaid([]);
            change({ model: null });
          }}
        />
      ) : (
        <ChooseFile
          registered={({ id, warnings }, known) => {
            setBefore(known);
            setSaid(warnings);
            change({ model: id });
          }}
        />
      )}
    </div>
  );
}

type Warnings = Schemas['Model']['warnings'];

interface RegisteredProps {
  readonly id: string;
  /** What the registration was answered with: more than the model says later. */
  readonly said: Warnings;
  /** Whether the file that was chosen was here before. */
  readonly before: boolean;
  readonly another: () => void;
}

function Registered({ id, said, before, another }: RegisteredProps) {
  const params = { path: { model: id } };
  const { data, error } = useResource(
    async (signal) =>
      Promise.all([
        answer(client.GET('/models/{model}', { params, signal })),
        answer(client.GET('/models/{model}/card', { params, signal })),
      ]),
    [id],
  );
  if (error) return <Problem error={error} />;
  if (!data) return <p role="status">Reading the file…</p>;
  const [model, draft] = data;
  return <Steps {...{ model, draft, said, before, another }} />;
}

interface StepsProps extends Omit<RegisteredProps, 'id'> {
  readonly model: Schemas['Model'];
  readonly draft: Schemas['CardDraft'];
}

function Steps({ model: given, draft, said, before, another }: StepsProps) {
  const { caller } = useSession();
  const [model, setModel] = useState(given);
  const [unsaved, setUnsaved] = useState(false);
  const [saves, setSaves] = useState(0);
  const saved = useCallback((next: Schemas['Model']) => {
    setModel(next);
    setSaves((count) => count + 1);
  }, []);
  const its = mayChange(caller, model.owner);
  return (
    <>
      <p>
        <a href={`/models/${model.id}`}>
          <bdi>{model.name}</bdi>
        </a>
        <WeightsChip weights={model.weights} />{' '}
        {before ? 'was already registered.' : 'is registered.'}{' '}
        <button type="button" onClick={another}>
          Choose another file
        </button>
      </p>
      <h2>File contents</h2>
      <ModelFacts model={saves > 0 ? model : withWarnings(model, said)} />
      <LayerList model={model} />
      <h2>
        The{' '}
        <Term of="model-card" apart>
          model card
        </Term>
      </h2>
      {its ? (
        <>
          <p class="quiet">
            Values from the file are filled in. Preprocessing is not stored in the file.
          </p>
          <CardForm model={given} draft={draft} saved={saved} changed={setUnsaved} />
          <p role="status">{saves > 0 && !unsaved && 'The card is saved.'}</p>
        </>
      ) : (
        <p class="notice">
          The model belongs to <bdi>{model.owner}</bdi>; only the owner can change its card.
        </p>
      )}
      <h2>Score</h2>
      {model.card ? (
        <StartJobs model={model} unsaved={unsaved} suggest />
      ) : (
        <p class="quiet">Save the card to score the model.</p>
      )}
    </>
  );
}

/** A model with remarks that it does not have itself. */
function withWarnings(model: Schemas['Model'], said: Warnings): Schemas['Model'] {
  const own = new Set(model.warnings.map(({ detail }) => detail));
  return {
    ...model,
    warnings: [...model.warnings, ...said.filter(({ detail }) => !own.has(detail))],
  };
}
