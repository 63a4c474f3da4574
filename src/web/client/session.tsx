import { createContext } from 'preact';
import { useContext, useState } from 'preact/hooks';
import { answer, client, hasSession, keysRequired, ProblemError, type Schemas } from './client.js';

/** Who asks, as the service knows them: owner, role, groups. */
export type Caller = Schemas['Session'];

/** Session state, and its change. Pages rerender after a change. */
export interface Session {
  readonly signedIn: boolean;
  /** undefined until the service has said so. */
  readonly caller: Caller | undefined;
  /** Why the session is over; undefined if it is not, or there was none. */
  readonly refused: Error | undefined;
  /** @throws ProblemError where the service refuses the key */
  readonly signIn: (key: string) => Promise<void>;
  readonly signOut: () => Promise<void>;
}

export const SessionContext = createContext<Session>({
  signedIn: false,
  caller: undefined,
  refused: undefined,
  signIn: async () => {},
  signOut: async () => {},
});

export const useSession = () => useContext(SessionContext);

/** Asks the service who one is. */
export const askCaller = (): Promise<Caller> => answer(client.GET('/session'));

/** Whether an error says that a key, or a session, does not hold. */
export const isKeyRefusal = (error: unknown): error is ProblemError =>
  error instanceof ProblemError && error.problem.status === 401;

/** Whether one may change what an owner has: the service refuses it otherwise. */
export const mayChange = (caller: Caller | undefined, owner: string): boolean =>
  caller?.role === 'admin' || (caller?.role === 'member' && caller.owner === owner);

/** The form that stands in place of every page until a key is given, where the service asks for keys. */
export function SignIn() {
  const { signIn, refused } = useSession();
  const [key, setKey] = useState('');
  const [error, setError] = useState(refused);
  const [busy, setBusy] = useState(false);
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    await signIn(key.trim()).catch(setError);
    setBusy(false);
  };
  return (
    <form class="sign-in" onSubmit={submit}>
      <h1>Sign in</h1>
      <p>
        This service requires a key. Its administrator creates one with{' '}
        <code>ventral keys create --name NAME --role member</code>.
      </p>
      {error && (
        <p class="problem" role="alert" id="refusal">
          {isKeyRefusal(error) && error !== refused
            ? 'The key is unknown, revoked or expired.'
            : error.message}
        </p>
      )}
      <label>
        Key
        <input
          type="password"
          autocomplete="current-password"
          required
          aria-describedby={error ? 'refusal' : undefined}
          aria-invalid={error ? true : undefined}
          value={key}
          onInput={(event) => setKey(event.currentTarget.value)}
        />
      </label>
      <button type="submit" class="primary" disabled={busy}>
        Sign in
      </button>
    </form>
  );
}

/** What the session is at the start: signed in where the browser has one or none is needed. */
export const signedInAtStart = !keysRequired || hasSession === true;
