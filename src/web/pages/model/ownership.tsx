import { useState } from 'preact/hooks';
import { useLocation } from 'preact-iso';
import { answer, client, type Schemas } from '../../client/client.js';
import { mayChange, useSession } from '../../client/session.js';
import { ConfirmedButton } from '../../parts/confirmed-button.js';
import { Problem } from '../../parts/problem.js';

type Model = Schemas['Model'];

/** Name, who sees it, and its end: for those who may change it. */
export function Ownership({
  model,
  changed,
}: {
  readonly model: Model;
  readonly changed: () => void;
}) {
  const { caller } = useSession();
  const { route } = useLocation();
  const [name, setName] = useState(model.name);
  const [visibility, setVisibility] = useState(model.visibility);
  const [group, setGroup] = useState(model.group ?? caller?.groups[0] ?? '');
  const [said, setSaid] = useState<Error | string>('');
  if (model.createdAt === null || !mayChange(caller, model.owner)) return null;
  const path = { model: model.id };
  const save = async (event: Event) => {
    event.preventDefault();
    const body = { name, visibility, ...(visibility === 'group' && group ? { group } : {}) };
    try {
      await answer(client.PATCH('/models/{model}', { params: { path }, body }));
      setSaid('Saved.');
      changed();
    } catch (reason) {
      setSaid(reason as Error);
    }
  };
  const remove = async () => {
    await answer(client.DELETE('/models/{model}', { params: { path } }));
    route('/');
  };
  return (
    <section>
      <h2 id="owner">Change or delete</h2>
      <form class="controls" onSubmit={save}>
        <label>
          Name
          <input
            required
            maxLength={200}
            value={name}
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </label>
        <label>
          Visibility
          <select
            value={visibility}
            onChange={(event) => setVisibility(event.currentTarget.value as Schemas['Visibility'])}
          >
            <option value="private">only the owner</option>
            <option value="group">a group</option>
            <option value="public">everyone</option>
          </select>
        </label>
        {visibility === 'group' && (
          <label>
            Group
            <input value={group} onInput={(event) => setGroup(event.currentTarget.value)} />
          </label>
        )}
        <button type="submit">Save</button>
        <span role="status">{typeof said === 'string' ? said : ''}</span>
      </form>
      {said instanceof Error && <Problem error={said} />}
      <ConfirmedButton label="Delete this model" sure="Yes, delete it and its file" act={remove} />
      <p class="quiet">Existing scores and layer maps are kept.</p>
    </section>
  );
}
