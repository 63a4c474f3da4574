import { useState } from 'preact/hooks';
import { answer, client, keysRequired, type Schemas } from '../../client/client.js';
import { useSession } from '../../client/session.js';
import { ConfirmedButton } from '../../parts/confirmed-button.js';
import { CopyButton } from '../../parts/copy-button.js';
import { moment } from '../../parts/format.js';
import { Problem } from '../../parts/problem.js';
import { Scroll } from '../../parts/scroll.js';
import { More } from './more.js';
import { useList } from './use-list.js';

type Key = Schemas['Key'];
type NewKey = Schemas['NewKey'];

/** Keys: who has one, a new one, an end to one. */
export function Keys({ changed }: { readonly changed: () => void }) {
  const { caller, signIn, signOut } = useSession();
  const [made, setMade] = useState<NewKey>();
  const { items, error, more, reload, loading } = useList(
    (cursor, signal) =>
      answer(client.GET('/keys', { params: { query: cursor ? { cursor } : {} }, signal })),
    [caller?.key],
  );
  const first = !keysRequired && !loading && !error && items.every((key) => key.revokedAt);
  const create = async (body: Schemas['KeyRequest']) => {
    const key = await answer(client.POST('/keys', { body }));
    setMade(key);
    // From now on every request needs a key, those of this page too.
    if (first) await signIn(key.key);
    reload();
    changed();
  };
  const revoke = async ({ id }: Key) => {
    await answer(client.DELETE('/keys/{key}', { params: { path: { key: id } } }));
    if (id === caller?.key) signOut();
    reload();
    changed();
  };
  return (
    <section aria-label="Keys">
      <h2>Keys</h2>
      {error && <Problem error={error} />}
      {made && <Made made={made} first={made.id === caller?.key} />}
      <KeyForm first={first} create={create} />
      {items.length > 0 && <KeyTable keys={items} own={caller?.key} revoke={revoke} />}
      <More more={more} />
    </section>
  );
}

/** A key that was just made: its text is shown this once. */
function Made({ made, first }: { readonly made: NewKey; readonly first: boolean }) {
  return (
    <div class="notice" role="status">
      <p>
        The key of <bdi>{made.name}</bdi> is shown only once. Store it now.
        {first && ' You are signed in with it. Every request now needs a key.'}
      </p>
      <div class="controls">
        <label>
          Key
          <input
            class="key-text"
            readOnly
            value={made.key}
            onFocus={({ currentTarget }) => currentTarget.select()}
          />
        </label>
        <CopyButton text={made.key} what="the key" />
      </div>
    </div>
  );
}

interface KeyFormProps {
  /** Whether it would be the first key that holds: it is then the admin's own. */
  readonly first: boolean;
  readonly create: (body: Schemas['KeyRequest']) => Promise<void>;
}

function KeyForm({ first, create }: KeyFormProps) {
  const [error, setError] = useState<Error>();
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    setError(undefined);
    try {
      await create(requestOf(new FormData(form)));
      form.reset();
    } catch (thrown) {
      setError(thrown as Error);
    }
  };
  return (
    <form onSubmit={submit} aria-label="New key">
      <h3>New key</h3>
      {first && (
        <p class="quiet">
          Without keys, everybody on this machine has full access. The first key has the role admin.
          You are signed in with it, and every request then needs a key.
        </p>
      )}
      {error && <Problem error={error} />}
      <div class="controls">
        <label>
          Name
          <input name="name" required maxLength={100} autocomplete="off" />
        </label>
        <label>
          Role
          <select name="role">
            <option value="admin">admin: full access</option>
            {!first && <option value="member">member: creates and edits its own</option>}
            {!first && <option value="reader">reader: read-only</option>}
          </select>
        </label>
        <label>
          Owner (default: the name)
          <input name="owner" maxLength={100} autocomplete="off" />
        </label>
        <label>
          Groups (comma-separated)
          <input name="groups" autocomplete="off" />
        </label>
        <label>
          Expires on
          <input name="expires" type="date" />
        </label>
        <button type="submit" class="primary">
          Create key
        </button>
      </div>
    </form>
  );
}

function requestOf(form: FormData): Schemas['KeyRequest'] {
  const text = (name: string) => String(form.get(name) ?? '').trim();
  const groups = text('groups')
    .split(',')
    .map((group) => group.trim())
    .filter((group) => group !== '');
  const expires = text('expires');
  return {
    name: text('name'),
    role: text('role') as Schemas['Role'],
    ...(text('owner') ? { owner: text('owner') } : {}),
    ...(groups.length > 0 ? { groups } : {}),
    ...(expires ? { expiresAt: new Date(`${expires}T23:59:59`).toISOString() } : {}),
  };
}

interface KeyTableProps {
  readonly keys: readonly Key[];
  readonly own: string | null | undefined;
  readonly revoke: (key: Key) => Promise<void>;
}

function KeyTable({ keys, own, revoke }: KeyTableProps) {
  return (
    <Scroll label="All keys">
      <table>
        <caption>All keys, newest first</caption>
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Role</th>
            <th scope="col">Owner</th>
            <th scope="col">Groups</th>
            <th scope="col">Created</th>
            <th scope="col">Expires</th>
            <th scope="col">
              <span class="quiet">Action</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {keys.map((key) => (
            <tr key={key.id}>
              <th scope="row">
                <bdi>{key.name}</bdi> {key.id === own && <span class="badge">yours</span>}
              </th>
              <td>{key.role}</td>
              <td>
                <bdi>{key.owner}</bdi>
              </td>
              <td>
                <bdi>{key.groups.join(', ') || '–'}</bdi>
              </td>
              <td>{moment(key.createdAt)}</td>
              <td>{untilWhen(key)}</td>
              <td>
                {!key.revokedAt && (
                  <ConfirmedButton
                    label={`Revoke ${key.name}`}
                    sure={`Revoke ${key.name} permanently`}
                    act={() => revoke(key)}
                  />
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function untilWhen({ revokedAt, expiresAt }: Key): string {
  if (revokedAt) return `revoked ${moment(revokedAt)}`;
  return expiresAt ? moment(expiresAt) : 'never';
}
