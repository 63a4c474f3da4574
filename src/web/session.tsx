import { createContext } from 'preact';
import { useContext, useState } from 'preact/hooks';
import { keysRequired, storedKey } from './client.js';

/** Whether somebody is signed in, and how to change that. Pages are drawn anew after a change. */
export interface Session {
  readonly signedIn: boolean;
  readonly signIn: (key: string) => void;
  readonly signOut: () => void;
}

export const SessionContext = createContext<Session>({
  signedIn: false,
  signIn: () => {},
  signOut: () => {},
});

export const useSession = () => useContext(SessionContext);

/** The form that stands in place of every page until a key is given, where the service asks for keys. */
export function SignIn() {
  const { signIn } = useSession();
  const [key, setKey] = useState('');
  return (
    <form
      class="sign-in"
      onSubmit={(event) => {
        event.preventDefault();
        signIn(key.trim());
      }}
    >
      <h1>Sign in</h1>
      <p>
        This service asks for a key. Its administrator makes one with{' '}
        <code>ventral keys add NAME</code>.
      </p>
      <label>
        Key
        <input
          type="password"
          autocomplete="current-password"
          required
          value={key}
          onInput={(event) => setKey(event.currentTarget.value)}
        />
      </label>
      <button type="submit">Sign in</button>
    </form>
  );
}

/** What the session is at the start: signed in where a key is kept or none is needed. */
export const signedInAtStart = () => !keysRequired || storedKey.get() !== null;
