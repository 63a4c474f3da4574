import { duration } from '../../report/duration.js';
import { type Html, html } from '../../report/html.js';
import type { FirstScoring } from '../registry/first-scoring.js';

/**
 * What this is and what one can do here, as above the board of the browser application: whole while the board has no real
 * scores, else a line.
 */
export const landingHtml = (whole: boolean, progress: Awaited<ReturnType<FirstScoring['read']>>) =>
  html`<section class="landing${!whole && ' line'}" aria-label="About this service">${
    whole &&
    html`<p>ventral measures how brain-like a vision network is: it scores networks against recordings from the primate ventral stream and against human behaviour, with the definitions of Brain-Score.</p>`
  }<ul><li><a href="/submit">Submit a model</a></li><li><a href="/benchmarks#upload">Add recordings</a></li><li><a href="/docs/how-a-number-is-made">How a number is made</a></li></ul></section>${scoring(progress)}`;

function scoring({
  total,
  done,
  running,
  paused,
  remainingSeconds,
}: Parameters<typeof landingHtml>[1]): Html | false {
  if (done >= total) return false;
  const now =
    running && !paused && html`, now <a href="/scores/${running.job}">${running.model}</a>`;
  const left =
    remainingSeconds !== null && `, about ${duration(60 * Math.ceil(remainingSeconds / 60))} left`;
  return html`<p class="first-scoring quiet">First scoring: ${done} of ${total} shipped models done${now}${paused && ', paused while other jobs run'}${left}.</p>`;
}
