import { useEffect, useState } from 'preact/hooks';
import { answer, client, type Schemas } from '../../client/client.js';
import { duration } from '../../parts/format.js';
import type { Board } from './use-board.js';
import './landing.css';

type Progress = Schemas['FirstScoring'];

/** Set in this browser once the reader has hidden the landing view. */
const HIDDEN = 'ventral-landing-hidden';
const REFRESH_MS = 5000;

/**
 * What this is and what one can do here, above the board: whole while the board has no real scores, else a line. A reader
 * hides it for good. The first scoring is shown until it has ended.
 */
export function Landing({ board }: { readonly board: Board | undefined }) {
  const [hidden, setHidden] = useState(() => localStorage.getItem(HIDDEN) !== null);
  const progress = useFirstScoring();
  const whole = board !== undefined && (board.simulated || board.models === 0);
  const hide = () => {
    localStorage.setItem(HIDDEN, '1');
    setHidden(true);
  };
  return (
    <>
      {!hidden && (
        <section class={`landing ${whole ? '' : 'line'}`} aria-label="About this service">
          {whole && (
            <p>
              ventral measures how brain-like a vision network is: it scores networks against
              recordings from the primate ventral stream and against human behaviour, with the
              definitions of Brain-Score.
            </p>
          )}
          <ul>
            <li>
              <a href="/submit">Submit a model</a>
            </li>
            <li>
              <a href="/benchmarks#upload">Add recordings</a>
            </li>
            <li>
              <a href="/docs/how-a-number-is-made">How a number is made</a>
            </li>
            <li>
              <button type="button" aria-label="Hide this introduction" onClick={hide}>
                ×
              </button>
            </li>
          </ul>
        </section>
      )}
      {progress && progress.done < progress.total && <FirstScoring progress={progress} />}
    </>
  );
}

function FirstScoring({ progress }: { readonly progress: Progress }) {
  const { total, done, running, paused, remainingSeconds } = progress;
  return (
    <p class="first-scoring quiet">
      First scoring: {done} of {total} shipped models done
      {running && !paused && (
        <>
          , now <a href={`/scores/${running.job}`}>{running.model}</a>
        </>
      )}
      {paused && ', paused while other jobs run'}
      {remainingSeconds !== null && `, about ${duration(roughly(remainingSeconds))} left`}.
    </p>
  );
}

/** No more digits than an estimate deserves: whole minutes above one. */
const roughly = (seconds: number) =>
  seconds < 60 ? Math.max(10, 10 * Math.ceil(seconds / 10)) : 60 * Math.ceil(seconds / 60);

/** How far the first scoring is, asked until it has ended. */
function useFirstScoring(): Progress | undefined {
  const [progress, setProgress] = useState<Progress>();
  const ended = progress !== undefined && progress.done >= progress.total;
  useEffect(() => {
    if (ended) return;
    const ending = new AbortController();
    // Where it cannot be had, the board says itself what is wrong.
    const ask = () =>
      answer(client.GET('/first-scoring', { signal: ending.signal })).then(setProgress, () => {});
    const timer = setInterval(() => !document.hidden && void ask(), REFRESH_MS);
    void ask();
    return () => {
      clearInterval(timer);
      ending.abort();
    };
  }, [ended]);
  return progress;
}
