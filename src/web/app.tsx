import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { ErrorBoundary, LocationProvider, lazy, Route, Router, useLocation } from 'preact-iso';
import {
  answer,
  client,
  hasSession,
  keptKey,
  keysRequired,
  ProblemError,
  refusals,
} from './client/client.js';
import {
  askCaller,
  type Caller,
  isKeyRefusal,
  type Session,
  SessionContext,
  SignIn,
  signedInAtStart,
  useSession,
} from './client/session.js';
import { LeaderboardPage } from './pages/leaderboard/leaderboard-page.js';
import { dropDrafts } from './parts/draft.js';
import { MissingPart } from './parts/missing-part.js';
import { loadEnds, loadStarts, Waiting } from './waiting.js';

const ModelPage = lazy(() => import('./pages/model/model-page.js').then((m) => m.ModelPage));
const ComparePage = lazy(() =>
  import('./pages/compare/compare-page.js').then((m) => m.ComparePage),
);
const BenchmarksPage = lazy(() =>
  import('./pages/benchmark/benchmarks-page.js').then((m) => m.BenchmarksPage),
);
const BenchmarkPage = lazy(() =>
  import('./pages/benchmark/benchmark-page.js').then((m) => m.BenchmarkPage),
);
const SubmitPage = lazy(() => import('./pages/submit/submit-page.js').then((m) => m.SubmitPage));
const ScoreJobPage = lazy(() => import('./pages/job/job-page.js').then((m) => m.ScoreJobPage));
const MapJobPage = lazy(() => import('./pages/job/job-page.js').then((m) => m.MapJobPage));
const TrainingsPage = lazy(() =>
  import('./pages/training/trainings-page.js').then((m) => m.TrainingsPage),
);
const TrainingPage = lazy(() =>
  import('./pages/training/training-page.js').then((m) => m.TrainingPage),
);
const AdminPage = lazy(() => import('./pages/admin/admin-page.js').then((m) => m.AdminPage));

/** Links that lead to pages of this application; documents are whole pages of the service. */
const PAGES = /^(?!\/docs(?:[/?#]|$))/;

/**
 * The whole application: who is signed in, the way between pages, and the page that the address names.
 * @param first what the document holds of that page
 */
export function App({ first }: { readonly first: readonly Node[] }) {
  const session = useOwnSession();
  return (
    <SessionContext.Provider value={session}>
      <LocationProvider scope={PAGES}>
        <a class="skip" href="#main">
          Skip to content
        </a>
        <Navigation />
        <Main first={first} />
      </LocationProvider>
    </SessionContext.Provider>
  );
}

/** Of a session that was there; the service says of the request alone that it needs a key. */
const ENDED = 'The session has ended: its key was revoked or has expired.';

/** The session of this tab; one that is refused by now is over. */
function useOwnSession(): Session {
  const [signedIn, setSignedIn] = useState(signedInAtStart);
  const [caller, setCaller] = useState<Caller>();
  const [refused, setRefused] = useState<Error>();
  const enter = (who: Caller) => {
    setCaller(who);
    setRefused(undefined);
    setSignedIn(true);
  };
  const leave = (why?: Error) => {
    setCaller(undefined);
    setRefused(why);
    setSignedIn(false);
  };
  const signIn = async (key: string) =>
    enter(await answer(client.POST('/session', { body: { key } })));
  const signOut = async () => {
    // A session that has already ended is the desired state.
    await answer(client.DELETE('/session')).catch((error) => {
      if (!isKeyRefusal(error)) throw error;
    });
    dropDrafts();
    leave();
  };
  useEffect(() => {
    void takeKeptKey(signIn);
    // Unknown whether there is a session: having none is not an error.
    if (hasSession === undefined) askCaller().then(enter, () => {});
  }, []);
  useEffect(() => {
    // Without a key of its own the page has no session to lose: keys may be there since a moment ago.
    if (!caller?.key) return;
    let asking = false;
    const check = async () => {
      if (asking) return;
      asking = true;
      await askCaller().catch((error) => isKeyRefusal(error) && leave(new Error(ENDED)));
      asking = false;
    };
    refusals.addEventListener('refused', check);
    return () => refusals.removeEventListener('refused', check);
  }, [caller?.key]);
  useEffect(() => {
    if (!signedIn || caller) return;
    askCaller().then(setCaller, (error) => isKeyRefusal(error) && leave(error));
  }, [signedIn, caller]);
  return useMemo(
    () => ({ signedIn, caller, refused, signIn, signOut }),
    [signedIn, caller, refused],
  );
}

/** Signs in with the key that an earlier version kept, and forgets it once the service has answered. */
async function takeKeptKey(signIn: Session['signIn']): Promise<void> {
  const key = keptKey.get();
  if (key === null) return;
  if (keysRequired && hasSession !== true) {
    const lost = await signIn(key).then(
      () => false,
      (error) => !(error instanceof ProblemError),
    );
    if (lost) return;
  }
  keptKey.forget();
}

/** As in `src/service/pages/frame.ts`, of the first HTML. */
const places = [
  ['/', 'Leaderboard'],
  ['/compare', 'Compare'],
  ['/benchmarks', 'Benchmarks'],
  ['/submit', 'Submit'],
  ['/trainings', 'Train'],
  ['/admin', 'Service'],
  ['/docs', 'Docs'],
] as const;

function Navigation() {
  const { path } = useLocation();
  const { signedIn, caller, signOut } = useSession();
  const isHere = (place: string) => (place === '/' ? path === '/' : path.startsWith(place));
  const list = useRef<HTMLUListElement>(null);
  // On a phone the links are a line that scrolls.
  useEffect(() => {
    const line = list.current?.parentElement;
    const here = list.current?.querySelector('[aria-current]');
    if (!line || !here) return;
    const [own, all] = [here.getBoundingClientRect(), line.getBoundingClientRect()];
    // scrollIntoView would have the next Tab start from there, past the link that skips all this.
    line.scrollLeft += own.left + own.width / 2 - (all.left + all.width / 2);
  }, [path]);
  return (
    <header class="top">
      <a class="name" href="/">
        ventral
      </a>
      <nav aria-label="Pages">
        <ul ref={list}>
          {places.map(([place, name]) => (
            <li key={place}>
              <a href={place} aria-current={isHere(place) ? 'page' : undefined}>
                {name}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      <a href="/v1/docs" class="aside" target="_blank" rel="noopener">
        API
      </a>
      {signedIn && (keysRequired || caller?.key) && (
        <button type="button" class="sign-out" onClick={signOut}>
          Sign out{caller?.name ? <bdi> {caller.name}</bdi> : null}
        </button>
      )}
    </header>
  );
}

function Main({ first }: { readonly first: readonly Node[] }) {
  const { path } = useLocation();
  const { signedIn } = useSession();
  const main = useRef<HTMLElement>(null);
  const shown = useRef(path);
  useEffect(() => {
    // A new page starts at its heading for those who read by ear, as a loaded document would.
    if (shown.current !== path) main.current?.focus();
    shown.current = path;
  }, [path]);
  return (
    <main id="main" tabIndex={-1} ref={main}>
      <MissingPart />
      {signedIn ? <Pages first={first} /> : <SignIn />}
    </main>
  );
}

function Pages({ first }: { readonly first: readonly Node[] }) {
  return (
    <ErrorBoundary>
      <Waiting first={first} />
      <Router onLoadStart={loadStarts} onLoadEnd={loadEnds}>
        <Route path="/" component={LeaderboardPage} />
        <Route path="/models/:model" component={ModelPage} />
        <Route path="/compare" component={ComparePage} />
        <Route path="/benchmarks" component={BenchmarksPage} />
        <Route path="/benchmarks/:benchmark" component={BenchmarkPage} />
        <Route path="/submit" component={SubmitPage} />
        <Route path="/scores/:job" component={ScoreJobPage} />
        <Route path="/layer-maps/:job" component={MapJobPage} />
        <Route path="/trainings" component={TrainingsPage} />
        <Route path="/trainings/:job" component={TrainingPage} />
        <Route path="/admin" component={AdminPage} />
        <Route default component={NotFound} />
      </Router>
    </ErrorBoundary>
  );
}

function NotFound() {
  return (
    <>
      <h1>Page not found</h1>
      <p>
        <a href="/">Back to the leaderboard</a>
      </p>
    </>
  );
}
