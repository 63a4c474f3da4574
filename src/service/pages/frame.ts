import { type Html, html } from '../../report/html.js';

/** The pages that every page leads to, as in `src/web/app.tsx`; `test/web/docs.test.ts` compares the two. */
const places = [
  ['/', 'Leaderboard'],
  ['/compare', 'Compare'],
  ['/benchmarks', 'Benchmarks'],
  ['/submit', 'Submit'],
  ['/trainings', 'Train'],
  ['/admin', 'Service'],
  ['/docs', 'Docs'],
] as const;

/**
 * What stands around the content of a page that is complete without scripts: the way to the other pages.
 * @param path of the page
 */
export function framed(path: string, content: Html): Html {
  const isHere = (place: string) => (place === '/' ? path === '/' : path.startsWith(place));
  const link = ([place, name]: (typeof places)[number]) =>
    isHere(place)
      ? html`<li><a href="${place}" aria-current="page">${name}</a></li>`
      : html`<li><a href="${place}">${name}</a></li>`;
  return html`<a class="skip" href="#main">Skip to content</a><header class="top"><a class="name" href="/">ventral</a><nav aria-label="Pages"><ul>${places.map(link)}</ul></nav><a class="aside" href="/v1/docs">API</a></header><main id="main" tabindex="-1">${content}</main>`;
}
